mail-code-subject = Your code for { $app } ({ $reference })
mail-code-intro = Somebody is signing in to { $app } as { $login } with the right password. If it is you, this is your code:
mail-code-reference = Reference: { $reference } (the page shows the same)
mail-code-holds = Asked for at { $when }. The code holds for { $minutes ->
    [one] 1 minute
   *[other] { $minutes } minutes
}.
mail-code-not-you = Not you? Then somebody knows your password. Give this code to nobody, and ask a manager for a new password today.

mail-override-subject = { $who } signed in without a code
mail-override-intro = { $who } (login { $login }) signed in to { $app } at { $when } with the password alone.
mail-override-why = The group asks for a code by email, and this person's role holds override_2fa, which waives it.
mail-override-repair = What keeps the others out, and how it is mended:
mail-override-not-expected = If you did not expect this, ask them. If it was not them, disable the user or change the password at once.

mail-stopped-subject = Your codes are stopped
mail-stopped-intro = Too many wrong codes were entered for the login { $login }, the last at { $when }. No more codes are sent or accepted for it.
mail-stopped-what-to-do = Whoever entered them knew the password. If it was not you, ask a manager for a new password today; either way a manager can unlock your login.

mail-choose-subject = Choose your password for { $brand }
mail-choose-intro = There is an account for you at { $brand }, with the login { $login }. Choose your password here:
mail-choose-holds = The link works once, within { $hours ->
    [one] 1 hour
   *[other] { $hours } hours
}.

mail-another-subject = Choose a new password for { $brand }
mail-another-intro = A manager has sent you this link, with which you choose a new password for the login { $login } at { $brand }:
mail-another-until = The old password holds until you have chosen a new one.
mail-another-not-asked = You did not ask for it? Then tell your manager, and leave the link alone.

mail-reset-subject = A new password for { $brand }
mail-reset-intro = At { $when } somebody, probably you, asked for a new password for the login { $login } at { $brand }. Choose it here:
mail-reset-holds = The link works once, within { $minutes ->
    [one] 1 minute
   *[other] { $minutes } minutes
}. A later mail like this one ends it.
mail-reset-not-you = Not you? Then there is nothing to do: your password stays as it is. Pass the link on to nobody, whoever asks for it.

mail-left-subject = Your address for { $brand } was changed
mail-left-intro = At { $when } { $changer } took this email address from the login { $login } at { $brand }.
mail-left-what = Codes and links to choose a password go to another address from now on, or to none.
mail-left-not-you = You did not know of it? Then tell a manager whom you trust at once: whoever reads the new address can choose a password for your login.

mail-changed-subject = Your password for { $brand } was changed
mail-changed-intro = The password of the login { $login } at { $brand } was changed at { $when }, from the network address { $network }.
mail-changed-what = Everything that was signed in with the old one is signed out.
mail-changed-not-you = Not you? Then ask a manager to disable your login at once, and change the password of this mailbox: whoever it was can read it, or knew your old password.

mail-stranded-subject = { $who } asks for a new password
mail-stranded-intro = At { $when } { $who } (login { $login }), or somebody in their name, said that they have forgotten their password. There is no address to which they could be sent a link.
mail-stranded-what-to-do = Find out whether it was them. If so, add their email address, or give them a link to choose a password.
mail-stranded-more = You are told of this once a day for one person, however often they ask.

mail-help-subject = { $who } asks for help with signing in
mail-help-intro = { $who } (login { $login }) tried to sign in to { $app } at { $when }, with the right password, and was kept out:
mail-help-rehearsed = { $who } (login { $login }) signed in to { $app } at { $when } and asks for help: two-factor is rehearsed, and if it were on they would have been kept out.
mail-help-no-address = There is no email address on file to which a code could be sent.
mail-help-mail-failed = The code could not be sent: the mail server did not take the message.
mail-help-codes-stopped = Too many wrong codes have stopped the codes of this login.
mail-help-what-to-do = Here you see what is broken, and can mend it:
mail-help-more = You are told of this at most once an hour for one person, however often they ask.

mail-hand-subject = A code for { $brand } was given by hand for you
mail-hand-intro = At { $when } { $giver } made a one-time code with which one signs in as { $login }, and handed it over. It works once, for a few minutes.
mail-hand-not-you = You did not ask for one? Then tell another manager at once: somebody may be signing in as you.

mail-test-subject = Test message from { $brand }
mail-test-text = Mail from this provider arrives. Sent at { $when }.
