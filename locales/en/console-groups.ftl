console-menu-groups = Groups

two-factor-off = Off
two-factor-off-what = The password alone lets everybody in.
two-factor-rehearse = Rehearse
two-factor-rehearse-what = A code is sent and asked for, and whoever has none goes on without. Nobody is kept out, and you see who managed.
two-factor-on = On
two-factor-on-what = Nobody gets in without the code from the email, but those whose role signs in without one.

groups-title = Groups
groups-lead-fine = Nobody is kept out of a group on this page.
groups-lead-locked-out = { $n ->
    [one] In one group on this page people cannot sign in: open it to see who and why.
   *[other] In { $n } groups on this page people cannot sign in: open them to see who and why.
}
groups-caption = Groups with their two-factor setting
groups-column-group = Group
groups-column-two-factor = Two-factor
groups-column-people = People
groups-column-state = What is wrong
groups-locked-out = { $n ->
    [one] One cannot sign in
   *[other] { $n }{ $more ->
        [yes] {" "}or more
       *[other] {""}
    } cannot sign in
}
groups-would-be-locked-out = { $n ->
    [one] One could not sign in if it were on
   *[other] { $n }{ $more ->
        [yes] {" "}or more
       *[other] {""}
    } could not sign in if it were on
}
groups-password-alone = Nothing; a password alone lets in
groups-everybody-gets-in = Nothing
groups-nobody-here = Nobody is in it
groups-empty = There is no group here yet.
groups-add-title = Add a group
groups-add-what = A new organisation begins with the roles User, Client, Co-manager, Manager and Top manager, and with two-factor off.
groups-add-name = Name of the new group
groups-add-button = Add the group

group-lead-off = Nobody is kept out: a password alone lets everybody in.
group-lead-rehearse = Two-factor is rehearsed. Everybody could be sent a code.
group-lead-rehearse-locked-out = { $n ->
    [one] Two-factor is rehearsed. One person could not sign in if it were on.
   *[other] Two-factor is rehearsed. { $n } people{ $name ->
        [more] {" "}or more
       *[other] {""}
    } could not sign in if it were on.
}
group-lead-on = Nobody is kept out: everybody can be sent a code, or needs none.
group-lead-locked-out = { $n ->
    [one] One person cannot sign in.
   *[other] { $n } people{ $name ->
        [more] {" "}or more
       *[other] {""}
    } cannot sign in.
}
group-to-advanced = Change
group-people = { $n ->
    [0] Nobody yet
    [one] One person
   *[other] { $n } people
}
group-overriders = Without a code
group-domain = Verified domain
group-stopped-title = Who cannot sign in
group-would-stop-title = Who could not sign in if it were on
group-stopped-more = { $n }{ $more ->
    [yes] {" "}or more
   *[other] {""}
} in all.
group-column-login = Login
group-column-outcome = Last time
group-column-when = When
group-rehearsal-title = How the rehearsal goes
group-rehearsal-caption = People and how their last rehearsal went
rehearsed-managed = entered the code
rehearsed-skipped = went on without the code that was sent
rehearsed-not_sent = went on before the mail server had taken the code
rehearsed-exempt = needs no code
rehearsed-no_address = has no address for a code
rehearsed-codes_stopped = codes stopped after too many wrong ones
rehearsed-mail_refused = the mail server refused the code
rehearsed-wrong_codes = used up the attempts at the code
rehearsed-too_many_codes = had too many codes sent
rehearsed-not_yet = not signed in since
group-basics-title = Name and language
group-name = Name
group-language = Language
group-name-hint = Apps that are told the groups of their people hear the new name from the next sign-in on: whoever set them up must know.
group-language-hint = Of the mails to its people, as a tag such as en or pt-BR. A new group below takes it from here, and is on its own afterwards.
group-save = Save
group-below-title = Groups below
group-none-below = There is no group below this one.
group-all-below = All groups below
group-add-what = A new group takes its language and its two-factor setting from here, and is on its own afterwards. It has the same roles.
group-add-name = Name of a new group below
group-delete = Delete this group
group-delete-question = Delete the group { $name }?
group-delete-button = Delete it
group-delete-consequence = A group that somebody is in, or another group, stays. Deleting one cannot be undone.

saved-group = { $name } is saved.
saved-group-added = The group { $name } was added.
saved-group-deleted = The group { $name } was deleted.
saved-two-factor-off = Two-factor is off in { $name }: a password alone lets in.
saved-two-factor-rehearse = Two-factor is rehearsed in { $name }, from everybody’s next sign-in.
saved-two-factor-on = Two-factor is on in { $name }, from everybody’s next sign-in.

advanced-title = Two-factor in { $name }
advanced-heading = Two-factor
advanced-lead-off = It is off: a password alone lets everybody in.
advanced-lead-rehearse = It is rehearsed: codes are sent and asked for, and nobody is kept out.
advanced-lead-on = It is on, and nobody is kept out.
advanced-two-factor = Two-factor
advanced-nothing-yet = You see first what it would do to whom. Nothing is changed by looking.
advanced-below = The groups below this one stay as they are: each has a setting of its own.
advanced-look = See what it would do
advanced-another = Or look at another setting
advanced-confirm = How many people will be locked out?
advanced-confirm-hint = Type the number of those who could not sign in, in figures.
advanced-insist = Save it all the same

foreseen-title-off = If two-factor were off
foreseen-title-rehearse = If two-factor were rehearsed
foreseen-title-on = If two-factor were on
foreseen-lead-same = This is the setting already. Here is what it does.
foreseen-lead-off = Nobody would be asked for a code. Nothing is saved yet.
foreseen-lead-rehearse = Nobody would be kept out. Nothing is saved yet.
foreseen-lead-fine = Nobody would be kept out: whoever needs a code can be sent one. Nothing is saved yet.
foreseen-lead-locked-out = { $n ->
    [one] One person could no longer sign in. Nothing is saved yet.
   *[other] { $n } people could no longer sign in. Nothing is saved yet.
}
wrong-others-locked-out = { $n ->
    [one] Meanwhile it is another person who would be locked out: look again, and type 1 if that is what you want.
   *[other] Meanwhile it is not the same people who would be locked out: look again, and type { $n } if that is what you want.
}
foreseen-lead-mail-fails = It cannot be switched on now: mail does not work this minute, and nobody would get a code. Nothing is saved.
foreseen-lead-no-override = It cannot be switched on now: nobody active here may sign in without a code, so that nobody could repair what is broken. Nothing is saved.
foreseen-lead-refused = It cannot be switched on now: mail does not work this minute, and nobody active here may sign in without a code to repair it. Nothing is saved.
foreseen-lead-insist-mail-fails = Mail does not work this minute, and nobody would get a code. You may switch it on all the same. Nothing is saved yet.
foreseen-lead-insist-no-override = Nobody active here may sign in without a code, so that nobody could repair what is broken. You may switch it on all the same. Nothing is saved yet.
foreseen-lead-insist-refused = Mail does not work this minute, and nobody active here may sign in without a code to repair it. You may switch it on all the same. Nothing is saved yet.
foreseen-save-off = Switch it off
foreseen-save-rehearse = Begin the rehearsal
foreseen-save-on = Switch it on
foreseen-you-no-address = You are among the locked out: you have no email address.
foreseen-you-undelivered = You are among the locked out: the last message did not reach your address.
foreseen-you-refused = You are among the locked out: the mail server takes no message to your address.
foreseen-you-codes = You are among the locked out: too many wrong codes have stopped yours.
foreseen-no-address = { $n ->
    [one] One person could not sign in, for want of an email address: { $name }.
   *[other] { $n } people could not sign in, for want of an email address: { $name }.
}
foreseen-undelivered = { $n ->
    [one] One person could not sign in, because mail does not reach their address: { $name }.
   *[other] { $n } people could not sign in, because mail does not reach their address: { $name }.
}
foreseen-codes-stopped = { $n ->
    [one] One person could not sign in before their codes are unlocked: { $name }.
   *[other] { $n } people could not sign in before their codes are unlocked: { $name }.
}
foreseen-goes-on-no-address = { $n ->
    [one] One person could not be sent a code, for want of an email address, and goes on without one: { $name }.
   *[other] { $n } people could not be sent a code, for want of an email address, and go on without one: { $name }.
}
foreseen-goes-on-codes-stopped = { $n ->
    [one] One person could not be sent a code, since theirs are stopped, and goes on without one: { $name }.
   *[other] { $n } people could not be sent a code, since theirs are stopped, and go on without one: { $name }.
}
foreseen-released = { $n ->
    [one] One person would no longer be asked for a code: { $name }.
   *[other] { $n } people would no longer be asked for a code: { $name }.
}
foreseen-longer-password = Whoever has a password of fewer than { $n } characters is asked for a longer one at their next sign-in.
foreseen-mail-works = Mail works this minute, as far as can be asked without sending any.
foreseen-mail-takes = Mail works this minute: the mail server would take a message to { $name }. None was sent.
foreseen-mail-refuses-own = Mail works this minute: the mail server would take a message to { $name }, but none to your own address. None was sent.
foreseen-mail-fails = Mail does not work this minute: { $name }.
foreseen-mail-settings = Other settings can be tried before they are saved.
foreseen-mail-settings-link = Mail settings
foreseen-nobody-overrides = Nobody active here may sign in without a code: when mail fails, nobody gets in to repair it.
foreseen-overriders = { $n ->
    [one] { $name } signs in without a code, also when mail fails.
   *[other] { $n } people sign in without a code, also when mail fails: { $name }.
}
foreseen-overriders-unnamed = { $n ->
    [one] One person of your organisation signs in without a code, also when mail fails.
   *[other] { $n } people of your organisation sign in without a code, also when mail fails.
}
foreseen-asked = { $n ->
    [one] One person would be asked for a code: { $name }.
   *[other] { $n } people would be asked for a code: { $name }.
}
foreseen-rehearse = { $n ->
    [one] One person would be sent a code, and may go on without: { $name }.
   *[other] { $n } people would be sent a code, and may go on without: { $name }.
}
foreseen-invited = { $n ->
    [one] One person has not chosen a password yet. Once they have, they need a code, and an address that it can go to: { $name }.
   *[other] { $n } people have not chosen a password yet. Once they have, they need a code, and an address that it can go to: { $name }.
}
foreseen-invited-rehearse = { $n ->
    [one] One person has not chosen a password yet. Once they have, they are sent a code if they have an address, and may go on without: { $name }.
   *[other] { $n } people have not chosen a password yet. Once they have, whoever has an address is sent a code, and may go on without: { $name }.
}
foreseen-disabled = { $n ->
    [one] One is disabled, and cannot sign in, whatever is chosen here: { $name }.
   *[other] { $n } are disabled, and cannot sign in, whatever is chosen here: { $name }.
}
foreseen-switchers = { $n ->
    [one] Whoever is { $name } may switch two-factor, and needs a code like everyone else.
   *[other] These roles may switch two-factor, and need a code like everyone else: { $name }.
}
objection-no-override = It was not saved: nobody active here may sign in without a code. Give somebody a role that does first.
objection-mail-fails = It was not saved: mail does not work this minute. Repair that first, or ask a site administrator.

stopped-title = Who is kept out
stopped-caption = People who cannot sign in, and why
stopped-column-why = Why
stopped-no-address = no email address
stopped-undelivered = the last message did not reach their address
stopped-refused-now = the mail server takes no message to their address now
stopped-codes = codes stopped after too many wrong ones
stopped-answer = The mail server said: { $name }
stopped-mend = See what to do
stopped-more = Show all who cannot sign in

wrong-choose = Choose one of them.
wrong-two-factor-meanwhile = Somebody else has set two-factor to { $name } meanwhile. Nothing was saved: read first what saving would do now.
wrong-changed-meanwhile = Somebody has changed this meanwhile to { $name }. Save again if yours is right.
wrong-changed-since = Somebody has changed this since it was added, so it is not undone. Look at what it is now: it can still be deleted.
wrong-number-locked-out = { $n ->
    [one] One person would be locked out: type 1 if that is what you want.
   *[other] { $n } people would be locked out: type that number if that is what you want.
}
wrong-insist = Something above speaks against it: tick this if you want it all the same.
