mail-code-subject = Your code for { $app } ({ $reference })
mail-code-intro = Somebody is signing in to { $app } as { $login } with the right password. If it is you, this is your code:
mail-code-reference = Reference: { $reference } (the page shows the same)
mail-code-holds = Asked for at { $when } UTC. The code holds for { $minutes ->
    [one] 1 minute
   *[other] { $minutes } minutes
}.
mail-code-not-you = Not you? Then somebody knows your password. Give this code to nobody, and ask a manager for a new password today.

mail-override-subject = { $who } signed in without a code
mail-override-intro = { $who } (login { $login }) signed in to { $app } at { $when } UTC with the password alone.
mail-override-why = The group asks for a code by email, and this person's role holds override_2fa, which waives it.
mail-override-not-expected = If you did not expect this, ask them. If it was not them, disable the user or change the password at once.

mail-stopped-subject = Your codes are stopped
mail-stopped-intro = Too many wrong codes were entered for the login { $login }, the last at { $when } UTC. No more codes are sent or accepted for it.
mail-stopped-what-to-do = Whoever entered them knew the password. If it was not you, ask a manager for a new password today; either way a manager can unlock your login.

mail-choose-subject = Choose your password for { $brand }
mail-choose-intro = There is an account for you at { $brand }, with the login { $login }. Choose your password here:
mail-choose-holds = The link works once, within { $hours ->
    [one] 1 hour
   *[other] { $hours } hours
}.

mail-test-subject = Test message from { $brand }
mail-test-text = Mail from this provider arrives. Sent at { $when } UTC.
