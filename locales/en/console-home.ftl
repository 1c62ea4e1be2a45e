home-no-mail = Mail is not set up here: no code and no link can be sent.
home-see-mail = Look at the mail settings
home-unsent = { $n ->
    [one] One message of the last day did not get through.
   *[other] { $n } messages of the last day did not get through.
}
home-unsent-answer = { $n ->
    [one] One message of the last day did not get through. What came back: “{ $name }”
   *[other] { $n } messages of the last day did not get through. What came back last: “{ $name }”
}
home-many-unsent = { $n } messages or more of the last day did not get through.
home-many-unsent-answer = { $n } messages or more of the last day did not get through. What came back last: “{ $name }”
home-mail-down-answer = No mail gets through: no code and no link arrives. What came back last: “{ $name }”
home-repair = Repair
home-unreachable = { $n ->
    [one] One person cannot sign in: two-factor is on in their group, and they have no email address.
   *[other] { $n } people{ $name ->
        [more] {" "}or more
       *[other] {""}
    } cannot sign in: two-factor is on in their group, and they have no email address.
}
home-undelivered = { $n ->
    [one] One person cannot sign in: the last message to their address did not get through.
   *[other] { $n } people{ $name ->
        [more] {" "}or more
       *[other] {""}
    } cannot sign in: the last message to their address did not get through.
}
home-stopped = { $n ->
    [one] One person gets no codes any more: too many wrong ones were entered for them.
   *[other] { $n } people{ $name ->
        [more] {" "}or more
       *[other] {""}
    } get no codes any more: too many wrong ones were entered for them.
}
home-help-no-address = { $name } asks for help: there is no email address that a code could go to.
home-help-mail-failed = { $name } asks for help: the code could not be sent.
home-help-codes-stopped = { $name } asks for help: too many wrong codes have stopped theirs.
home-help-others = { $n ->
    [one] One more person asks for help.
   *[other] { $n } more people{ $name ->
        [more] {" "}at least
       *[other] {""}
    } ask for help.
}
home-see-users = See who
home-overrides = { $n ->
    [one] Somebody signed in without a code since your last visit.
   *[other] Somebody signed in without a code { $n } times since your last visit.
}
home-see-audit = See the audit log
home-app-failing = { $n ->
    [one] One sign-in at { $name } was refused today.
   *[other] { $n } sign-ins at { $name } were refused today.
}
home-app-mistakes = { $n ->
    [one] Somebody asked once today in the name of { $name } in a way that cannot be answered.
   *[other] Somebody asked { $n } times today in the name of { $name } in a way that cannot be answered.
}
home-old-secret = { $name } still signs in with its old secret, which ends soon. Put the new one into the app.
home-app-certificate = The certificate that { $name } has registered beside its key ends within two weeks. Register the new one before.
home-app-certificate-over = The certificate that { $name } has registered beside its key is over: it proves nothing any more. Register the new one.
home-certificate = The certificate of this server holds until { $name }. Put a new one into its place: it is taken up by itself.
home-certificate-over = The certificate of this server has been over since { $name }: browsers refuse to come here.
home-keys-old = { $n ->
    [one] The signing keys should have been replaced a day ago. Look into the log, or replace them by hand.
   *[other] The signing keys should have been replaced { $n } days ago. Look into the log, or replace them by hand.
}
home-see-keys = To the keys
home-see-app = See what to do
home-overrides-title = Without a code since your last visit
home-signins-title = Sign-ins of the last 30 days
home-by-code = With a code
home-by-password = Password alone
home-by-override = By override
home-refused = Refused
home-refused-are = Refused are those who gave the right password and were turned away, and wrong codes. Wrong passwords are not counted: they are nobody’s sign-in.
home-as-table = The same as a table
home-day = Day
home-no-signins = Nobody has signed in yet. Once somebody does, their sign-ins are counted here.
