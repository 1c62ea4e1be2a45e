incorrect = Incorrect login or password.
incorrect-then = Check for capital letters, and try again.
incorrect-again-then = The password was not right; your code still stands here. Type the password once more.
throttled = Too many attempts.
throttled-then = Try again in { $n ->
    [one] 1 second
   *[other] { $n } seconds
}, in this same browser.
throttled-then-minutes = Try again in { $n } minutes, in this same browser.
busy = Many people are signing in right now.
busy-then = Try again in a few seconds.
invalid-code = Invalid 2FA code.
attempts-left = { $n ->
    [one] 1 attempt left.
   *[other] { $n } attempts left.
}
last-code-wrong-then = That was the last attempt for this code. Start again with your login and password to get a new one.
no-address = No email associated with this login.
no-address-then = You need a code to sign in, and there is no address to send it to. Ask a manager to add your email.
codes-stopped = Too many wrong codes.
codes-stopped-then = Codes for this login are stopped. Ask a manager to unlock it.
mail-failed = The code could not be sent. Try again later, or ask a manager.
code-expired = This code no longer works.
code-expired-then = Ask for another one below.
wrong-user-code = This code is wrong, or no longer works.
wrong-user-code-then = Compare it with what your device shows. It has eight letters, and works for ten minutes.
account-changed = Your account was changed just now.
account-changed-then = Start again with your login and password.
resend-too-soon = Another code cannot be sent yet.
resend-too-soon-then = Try again in { $n ->
    [one] 1 second
   *[other] { $n } seconds
}.
address-full = Too many codes have been sent to your address within an hour.
address-full-then = Another can be sent in { $n ->
    [one] 1 minute
   *[other] { $n } minutes
}, and a code that you have on another page still works there. You did not ask for them? Then somebody knows your password: ask a manager for a new one.
no-more-codes = No more codes can be sent in this sign-in.
no-more-codes-then = Go back to the app and start again.

too-short = The password needs at least { $n } characters.
too-long = The password can have at most { $n } characters.
easy-listed = Too easy to guess: it is made of words that are tried first.
easy-own = Too easy to guess: it is made of your login, your name, your address or your group, or of the name of this site.
easy-run = Too easy to guess: it runs along the keys, the alphabet or the numbers.
easy-repeated = Too easy to guess: it repeats itself.
easy-number = Too easy to guess: it is a date or a short number, with little around it.
easy-then = Choose another: a few words that do not belong together.

logout-unproven = The app did not prove that the request is its own, so you stay here.
logout-hint-not-ours = The app sent something that is not an ID token of ours (id_token_hint), so you stay here.
logout-hint-of-another-app = The app sent an ID token that was given to another app (id_token_hint), so you stay here.
logout-uri-not-registered = The app asked to send you on to an address that is not registered for it, so you stay here.

not-found-title = There is nothing here
not-found-what-to-do = Check the address, or go back to the page or the app that you came from.
method-not-allowed-title = This is not how this page works
method-not-allowed-what-to-do = Go back to the page or the app that you came from, and start again.
bad-form-title = This request could not be read
bad-form-what-to-do = It was too long, was not text, or held one field twice. Go back and try again; if you are building an app, send each parameter once, in UTF-8.
foreign-form-title = This form came from another site
foreign-form-what-to-do = Nothing was done. Go back to the page or the app that you came from, and start again.
dead-link-title = This link no longer works
dead-link-what-to-do = It was used, is too old, or a later one has taken its place. Ask for another below, or ask a manager.
dead-link-again = Ask for another link
gone-title = This is no longer here
gone-what-to-do = The app or the account that this is about was deleted a moment ago.
console-not-found-title = There is nothing here
console-not-found-what-to-do = It was deleted or moved, or it is not yours to see.
console-method-not-allowed-title = There is nothing to look at here
console-method-not-allowed-what-to-do = A form was sent here. Go on from the first page, and look there whether it was done.
console-too-long-title = This was too much at once
console-too-long-what-to-do = Nothing was saved. The console takes 256 kB: go back, and shorten what you have typed or pasted.
console-bad-form-title = This could not be read
console-bad-form-what-to-do = Nothing was saved. Go back, load the page again, and send it once more.
console-foreign-form-title = This form came from another site
console-foreign-form-what-to-do = Nothing was done. If you wanted it done, open the page from here, and send it there.
console-gone-title = This is no longer here
console-gone-what-to-do = What this is about was deleted a moment ago, and nothing was changed.
unavailable-title = Not just now
unavailable-what-to-do = We cannot reach our database. Try again in a few seconds; nothing is lost.
internal-title = Something went wrong on our side
internal-what-to-do = Try again. If it happens again, ask whoever runs this site for help.
problem-reference = If you ask for help, tell them:

protocol-error-title = The app asked for something we cannot do
protocol-error-lead = You cannot go on from here. Go back to the app; if this happens again, show this page to whoever looks after it.
for-the-developer = For the app’s developer
sent-label = { $name }, as sent
registered-label = { $name }, as registered
document-label = Read on in
redirect-differs-spelling = It leads to the same place as the registered { $uri }, and is written differently. Send it exactly as registered.
redirect-differs-scheme = It differs from the registered { $uri } only in what stands before the colon (http or https).
redirect-differs-port = It differs from the registered { $uri } only in the port.
redirect-differs-path = It differs from the registered { $uri } only in the path.
redirect-differs-slash = It differs from the registered { $uri } only in the slash at the end of the path.
redirect-differs-query = It differs from the registered { $uri } only in the query (what follows the question mark).
redirect-differs-fragment = It differs from the registered { $uri } only in the fragment (what follows the #).
