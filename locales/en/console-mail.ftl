console-menu-mail = Mail

mail-title = Mail
mail-all-well = Every message of the last day got through, or is on its way.
mail-some-failed = { $n ->
    [one] One message of the last day did not get through.
   *[other] { $n } messages of the last day did not get through.
}
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
mail-kind-password-changed = Notice of a changed password
mail-kind-reset-without-address = Notice that somebody forgot their password
mail-kind-help-asked = Request for help
mail-kind-code-by-hand = Notice of a code by hand
mail-kind-test = Test message
mail-kind-other = Message

answer-raw = The server’s own words
answer-no-mailbox = There is no mailbox of this address: look for a slip in it.
answer-full = The mailbox is full: ask them to make room, or for another address.
answer-blocked = Their mail server takes our message for spam, or does not take mail from here. Ask whoever runs the mail server, or use another address.
answer-later = Their mail server asks to come back later. That happens by itself while the message is of use.
answer-not-for-us = Our mail server does not send this on for us, or not from our address. Its settings are to be mended.
answer-login = Our mail server does not take the login and password that it is given. Its settings are to be mended.
answer-tls = No protected connection to our mail server comes about. Its settings are to be mended.
answer-no-server = Our mail server does not answer: it is down, or its name or port is wrong.
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
