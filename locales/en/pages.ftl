login-label = Login
login-or-email-label = Login or email
password-label = Password
sign-in-button = Sign in
show-button = Show
hide-button = Hide
another-login-button = Use another login
cancel-button = Cancel
policy-link = Privacy at { $app }
tos-link = Terms of { $app }
title-refused = Error: { $title }
back-to-app = Back to { $app }

password-title = Sign in
password-heading = Sign in
password-lead = to continue to { $app }

help-button = Ask a manager for help
help-asked = Help was asked for.
help-asked-then = Those who can help see your request, and are told by mail where mail works. Sign in again once you have heard from them.
help-asked-rehearsed = Those who can help see your request, and are told by mail where mail works. You can go on meanwhile.

forgotten-link = Forgotten your password?
forgotten-ask = Forgotten your password? Ask a manager for a new one.

code-title = Enter your code
code-heading = Enter your code
code-sent = We have sent a code to { $to }.
code-underway = A code is on its way to { $to }. The mail server is slow just now; it may take a minute or two.
code-by-hand = Enter the code that you were given by hand.
code-sent-again = We have sent another code. The one before no longer works.
code-label = Code
password-again-label = Password, once more
reference-label = Reference
reference-hint = as in the mail
holds-label = Good for
holds-for = { $minutes ->
    [0] less than a minute
    [one] 1 minute
   *[other] { $minutes } minutes
}
holds-until = until { $clock }
resend-button = Send another code
resend-hint = No mail after a minute? Look into the spam folder too, or have another code sent.
resend-in = No mail? Look into the spam folder too. Another code can be sent in { $left }.
resend-reload = Load this page again then.
resend-never = This sign-in has sent as many codes as it may. Go back to the app and start again for a new one.

rehearsed-hint = Your group is trying out codes by email. If no code reaches you, go on without, and tell a manager: once codes are needed, you could not sign in.
skip-button = Continue without a code
rehearsal-title = Codes are being tried out
rehearsal-heading = You can go on
rehearsal-lead = Your group is trying out codes by email, { $login }. Nobody is kept out yet; but once codes are needed, you could not have signed in just now.
rehearsal-no-address = No email associated with this login.
rehearsal-no-address-then = There is nowhere to send a code. Ask a manager to add your email.
rehearsal-codes-stopped = Too many wrong codes.
rehearsal-codes-stopped-then = Codes for this login are stopped. Ask a manager to unlock it.
rehearsal-mail-refused = The code could not be sent.
rehearsal-mail-refused-then = Tell a manager: the mail server did not take the message to your address.
rehearsal-wrong-codes = Invalid 2FA code.
rehearsal-wrong-codes-then = That was the last attempt for this code. You would have to start again for a new one.
rehearsal-too-many-codes = Too many codes have been sent.
rehearsal-too-many-codes-then = No more can be sent just now. You would have to wait, or start again from the app.

consent-title = Allow { $app }
consent-heading = Allow { $app }?
consent-lead = { $app } asks for the following about you, { $login }:
scope-openid = who you are, as an identifier that stays the same
scope-profile = your name, your login and other details of your profile
scope-email = your email address
scope-address = your postal address
scope-phone = your phone number
scope-groups = your groups, your role and its rights
scope-offline_access = all this also when you are away
allow-button = Allow
deny-button = Do not allow

consent-device = Allow this only if your device shows the same code.
user-code-label = Code on your device

device-title = Connect a device
device-lead = Enter the code that your device shows.
device-confirm = Does your device show this code? If somebody has sent it to you, do not go on: they would get in as you.
device-button = Continue
device-allowed-title = Your device is connected
device-allowed-lead = You can close this page and go back to your device. { $app } goes on there in a moment.
device-refused-title = Not connected
device-refused-lead = { $app } was not allowed to go on. You can close this page.
device-late-title = This code no longer works
device-late-lead = It took too long, or was used already. Start again on your device: it will show another code.

form-post-title = Back to { $app }
form-post-lead = You are being sent back. If this page stays, press the button.
form-post-button = Continue

answered-title = You are signed in
answered-lead = There is nothing left to do here: { $app } knows who you are.
expired-title = This sign-in is over
expired-lead = It was finished, took too long, or was begun in another browser. Nothing is lost: start again from the app.
expired-restart-lead = It was finished, took too long, or was begun in another browser. Nothing is lost: start again below.
expired-restart = Sign in to { $app } again
no-cookie-title = Your browser has sent us no cookie
no-cookie-lead = This sign-in was begun in another browser, or this browser keeps no cookies. Signing in needs one: allow cookies for this site, then start again from the app.
expired-no-app = Go back to the app that sent you here, and sign in from there.

logout-title = Sign out?
logout-lead = You are signed in as { $login }. Once you sign out, apps ask for your password again in this browser.
logout-button = Sign out
logout-stay = Stay signed in
logout-stay-app = Stay signed in, and go back to { $app }
signed-out-title = Signed out
signed-out-here = You are signed out here.
signed-out-goes-on = You are signed out here. You go on to the app by yourself in a moment.
signed-out-told = Apps told
signed-out-asked = Being told
signed-out-open = Not told
signed-out-open-note = Apps that cannot be told may keep you signed in until you sign out of them.
signed-out-frame = An app signs you out
signed-out-lead = You are signed out here. Apps that are still open may keep you signed in until you sign out of them.

session-check-title = Session check
session-check-lead = Apps load this page in a frame, to see whether you are still signed in. There is nothing for you to do here.

choose-title = Choose a password
choose-lead = At least { $n } characters. A few words in a row are easy to remember and hard to guess.
choose-longer-title = Choose a longer password
choose-longer-lead = Your password now lets you in by itself, without a code. For that it needs at least { $n } characters. A few words in a row are easy to remember and hard to guess.
new-password-label = New password
choose-button = Save password
chosen-title = Your password is set
chosen-go-on = You can now sign in as { $login }, and go on to { $app }.
chosen-lead = You can now sign in as { $login }. Go to the app that you want to use.

reset-title = Forgotten your password?
reset-lead = Enter your login or your email address. If the login has an email address, a link to choose a new password goes there.
reset-button = Send a link
reset-back = Back to sign-in
reset-not-offered = This site sends no mail, so no link can be sent to you. Ask a manager of your group, or whoever runs this site, for a new password.
reset-sent-title = Look into your mail
reset-sent-lead = If this login exists and has an email address, a link to choose a new password is on its way there. It works once, within { $minutes ->
    [one] 1 minute
   *[other] { $minutes } minutes
}.
reset-sent-nothing = Nothing after a few minutes? Look into the spam folder too. No more than three links are sent in an hour. If your login has no email address, its managers have been told: ask one of them.

front-title = This is where you sign in
front-lead = Nobody is signed in here. Apps of your organisation send you here to sign in: open the app that you want to use.
front-signed-in = You are signed in as { $login }
front-signed-in-lead = Open the app that you want to use. It lets you in without asking for your password again, unless it needs more proof.
front-reset = Choose another password
front-developer = Connecting an app? It needs the address of this page, or
front-discovery = its discovery document
