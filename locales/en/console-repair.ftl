repair-nothing = Nothing is broken here: everybody can sign in, and mail gets through.
repair-nobody-to-help = Nothing here is yours to repair: your role sees no users.
repair-mail-down = No mail gets through: no code and no link arrives.
repair-kept-out = { $n ->
    [one] One person cannot sign in.
   *[other] { $n } people cannot sign in.
}
repair-many-kept-out = { $n } people or more cannot sign in.
repair-asking = { $n ->
    [one] One person asks for help with signing in.
   *[other] { $n } people ask for help with signing in.
}
repair-many-asking = { $n } people or more ask for help with signing in.
repair-failed = { $n ->
    [one] Everybody can sign in. One message of the last day did not get through.
   *[other] Everybody can sign in. { $n } messages of the last day did not get through.
}
repair-many-failed = Everybody can sign in. { $n } messages or more of the last day did not get through.
repair-ask = Whoever administers this site can give it another mail server: { $name }. Until then, a code made by hand on a person’s page lets them in.
repair-ask-operator = Whoever runs the server can repair it. Until then, a code made by hand on a person’s page lets them in.
repair-see-mail = Look at the mail
repair-see-settings = Mail settings
repair-answers-title = What the mail server said
repair-answered = { $n ->
    [one] A message to { $to } did not get through.
   *[other] { $n } messages did not get through, the last of them to { $to }.
}
repair-asking-title = Who asks for help
repair-more-asking = { $n ->
    [one] One more person asks for help
   *[other] { $n } more people{ $name ->
        [more] {" "}at least
       *[other] {""}
    } ask for help
}: whoever of them cannot sign in is listed below, and all of them stand here once these are closed.
repair-asks-no-address = Asks for help: there is no email address that a code could go to.
repair-asks-mail-failed = Asks for help: the code could not be sent.
repair-asks-codes-stopped = Asks for help: too many wrong codes have stopped theirs.
repair-asked-from = On the way to { $app }, at
repair-asked-at = At
repair-people = People
repair-nobody = Nobody here is like that.
repair-nobody-else = Nobody else here is like that.
repair-email = Email address of { $name }
repair-save-email = Save the address
repair-test = Send a test message
repair-test-said = A message that says it is a test goes to { $name }, and you see what the mail server answers.
repair-enable = Let them sign in again
repair-enable-said = Activates them; their password and everything else is as it was.
repair-close-said = What they asked for is closed by itself once they have an address, can try again, or have signed in.
repair-close-fixed = Close it: they can sign in
repair-close-dismissed = Close it: nothing was wrong

saved-help-closed = { $name }’s request for help is closed.
saved-help-none = No request for help from { $name } is open: it was closed already, or there was none.

wrong-too-many-tests = That were many test messages within an hour: look at what the server answered to those, or try again later.
