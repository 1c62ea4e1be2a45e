console-menu-mail = Mail

mail-title = Mail
mail-all-well = Mail gets through, as far as the last day shows.
mail-well-again = { $n ->
    [one] One message of the last day did not get through. Nothing is left to do about it: mail has got through since, or the address is another one by now.
   *[other] { $n } messages of the last day did not get through. Nothing is left to do about them: mail has got through since, or the address is another one by now.
}
mail-many-well-again = { $n } messages or more of the last day did not get through. Nothing is left to do about them: mail has got through since, or the address is another one by now.
mail-some-failed = { $n ->
    [one] One message of the last day did not get through.
   *[other] { $n } messages of the last day did not get through.
}
mail-many-failed = { $n } messages or more of the last day did not get through.
mail-queue = { $n ->
    [0] No message waits to be sent.
    [one] One message waits to be sent.
   *[other] { $n } messages wait to be sent.
}
mail-test-address = Send a test message to
mail-test-button = Send a test
mail-messages = Messages
mail-filter-all = All
mail-filter-failed = Failed
mail-filter-waiting = Waiting
mail-when = When
mail-what = What
mail-to = To
mail-outcome = Outcome
mail-none = No messages here. What is sent stands here for 30 days.

mail-accepted = Taken by the mail server
mail-refused = Refused
mail-expired = Given up
mail-deferred = Not taken yet
mail-waiting = On its way

mail-kind-sign-in-code = Code to sign in
mail-kind-override-alert = Notice of a sign-in without a code
mail-kind-codes-stopped = Notice that codes are stopped
mail-kind-choose-password = Invitation, or link for a password
mail-kind-password-reset = Link for a forgotten password
mail-kind-address-left = Notice to an address that was replaced
mail-kind-password-changed = Notice of a changed password
mail-kind-reset-without-address = Notice that somebody forgot their password
mail-kind-help-asked = Request for help
mail-kind-code-by-hand = Notice of a code by hand
mail-kind-test = Test message
mail-kind-other = Message

answer-raw = Word for word
answer-no-mailbox = There is no mailbox of this address: look for a slip in it.
answer-full = The mailbox is full: ask them to make room, or for another address.
answer-blocked = Their mail server takes our message for spam, or does not take mail from here. Ask whoever runs the mail server, or use another address.
answer-later = Their mail server asks to come back later. That happens by itself while the message is of use.
answer-not-for-us = Our mail server sends nothing from our address. Its settings have to be corrected.
answer-relay = Our mail server sends nothing on for us to addresses that are not its own. Its settings have to be corrected.
answer-login = Our mail server does not take the login and password that it is given. Its settings have to be corrected.
answer-tls = No protected connection to our mail server comes about. Its settings have to be corrected.
answer-no-server = Our mail server does not answer: it is down, or its name or port is wrong.
answer-sent-away = Our mail server sends us away before we can say anything. Ask whoever runs it whether it lets this machine in, or correct its settings.
answer-silent = Our mail server took too long, or broke off. If that goes on, it is down or overloaded.
answer-not-set-up = Nobody has said yet how mail leaves here.
answer-too-late = It could not be sent while it was still of use.
answer-other = The mail server did not take it, for a reason of its own.

message-accepted = The mail server has taken the message to { $name }. If it does not arrive, look into the spam folder there.
message-refused = The message to { $name } was refused, and is not tried again.
message-expired = The message to { $name } was given up: it would come too late.
message-deferred = The message to { $name } has not been taken yet, and is tried again.
message-waiting = The message to { $name } is on its way.
message-reference = Reference
message-attempts = Tried
message-next = Tried next
message-retry = Try it now
message-to-repair = To Repair

saved-mail-retried = It was tried once more.
wrong-mail-settled = It does not wait any more.

mail-settings-saved = Mail leaves by { $name }, as was saved here, over what the file of settings says.
mail-settings-file = Mail leaves by { $name }, as the file of settings says.
mail-settings-saved-down = No mail gets through. It is to leave by { $name }, as was saved here, over what the file of settings says.
mail-settings-file-down = No mail gets through. It is to leave by { $name }, as the file of settings says.
mail-settings-folder = Mail goes into a folder, as the file of settings says: nothing leaves. What is saved here counts instead.
mail-settings-none = No mail leaves, as the file of settings says. What is saved here counts instead.
mail-host = Mail server
mail-host-hint = Its name, such as mail.example.org.
mail-port = Port
mail-port-hint = Empty for the usual one: 465, 587 or 25.
mail-encryption = Protection of the connection
mail-tls = TLS
mail-tls-hint = From the first byte; usually port 465.
mail-starttls = STARTTLS
mail-starttls-hint = TLS after the greeting, or no mail at all; usually port 587.
mail-clear = None
mail-clear-hint = In the clear: for a mail server on the same machine.
mail-username = Login at the mail server
mail-username-hint = Empty if it asks for none.
mail-password = Password there
mail-password-hint = It is kept sealed, and never shown.
mail-password-carried = What you typed is kept for the next press, for the same login at the same server, and not shown. Leave this empty to use it.
mail-password-kept = One is kept. Leave this empty to keep it for the same login at the same server.
mail-from = Sender
mail-from-hint = Whom mail comes from, such as Sign-in <login@example.org>.
mail-try-to = Address to try them with
mail-try-to-hint = The mail server is asked whether it would take one to this address. Nothing is sent.
mail-try = Try these settings
mail-save = Save these settings
mail-save-hint = They are tried before they are saved. Saved, they count everywhere within a second or two, without a restart; the password is kept sealed.
mail-insist = Save them although the trial fails
mail-trial-works = The trial went well. Nothing has been saved yet.
mail-trial-fails = The trial failed. Nothing has been saved.
mail-stage-connect = Connect to the mail server
mail-stage-tls = Agree on a protected connection
mail-stage-login = Log in there
mail-stage-sender = Takes mail from this sender
mail-stage-recipient = Would take a message to this address
mail-went-done = works
mail-went-failed = failed
mail-went-not-reached = not tried
mail-reset-button = Go back to what the file says
mail-reset-question = Forget these settings?
mail-reset-now = Mail leaves by { $name } now, as was saved here.
mail-reset-smtp = Mail leaves by { $name } again, as the file of settings says.
mail-reset-file = Mail goes into a folder again, as the file of settings says: nothing leaves.
mail-reset-none = No mail leaves any more, as the file of settings says: nobody gets a code.
mail-reset-gone = What was saved here is gone, its password too.
saved-mail-settings = Saved: mail leaves by { $name } now.
saved-mail-settings-untried = Saved: mail leaves by { $name } now, although the trial failed.
saved-mail-reset = What the file says counts again.
saved-mail-was-reset = Nothing was saved: what the file says counts.
wrong-mail-host = The name of a mail server, such as mail.example.org.
wrong-mail-port = A number between 1 and 65535, or nothing.
wrong-mail-encryption = Choose how the connection is protected.
wrong-mail-username = The login that the password is for, or leave the password empty.
wrong-mail-from = A sender such as login@example.org or Sign-in <login@example.org>.
wrong-mail-sender = The mail server takes no mail from this sender, with this login. Type an address that it lets you send from.
wrong-mail-password = Type the password: the one that is kept is for another login or server, or there is none.
wrong-mail-password-meanwhile = Somebody else has saved another password meanwhile, and nothing of yours was saved. Type yours and save again if it is to stand.
wrong-mail-reset-meanwhile = Nothing was forgotten: somebody else has saved other settings meanwhile, and mail leaves by { $name } now. To go back to what the file says all the same, press the button once more.
wrong-mail-trial = The trial failed, so nothing was saved. Correct what it found, or tick the box to save all the same.
