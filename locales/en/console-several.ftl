users-several = Several at once

several-title = Several at once
several-lead = Choose for whom, and what. You see first what it does to each, and nothing is done before you say so.
several-who = For whom
several-all = Everybody whom the list shows
several-all-hint = They are shown 25 at a time. Of a list of everybody, only those whom it is for.
several-ticked = Those who are ticked below
several-see = See them
several-more = Only the first 25 of the list are below: search for the others.
several-people = People
several-every = Tick all of them
several-domain = Email domain
several-domain-hint = Whoever has no address gets their login at this domain, such as nia@example.org.
several-no-domain = Type a domain such as example.org.
several-domain-button = Show who would get an address
several-invite-button = Show who would be invited
several-nobody = There is nobody among them for whom it could be done: tick somebody else, or choose everybody.
several-empty = The list that you come from is empty, so there is nobody to choose.

plan-domain = Give addresses in { $name }?
plan-domain-button = Give the addresses
plan-domain-done = { $n ->
    [0] Nobody here would get an address.
    [one] One person gets an address, and codes and links go there from then on.
   *[other] { $n } people get an address, and codes and links go there from then on.
}
plan-invite = Invite them?
plan-invite-button = Send the invitations
plan-invite-done = { $n ->
    [0] Nobody here would be invited.
    [one] One person is sent a link to choose a password. Links before it are void.
   *[other] { $n } people are sent a link to choose a password. Links before them are void.
}
plan-left-out = { $n ->
    [one] One is left out.
   *[other] { $n } are left out.
}
plan-gone = { $n ->
    [one] One of those who were chosen is no longer here.
   *[other] { $n } of those who were chosen are no longer here.
}
plan-more = More of the list come after these.
plan-next = Leave these, and show the next
plan-nobody = Nobody of the list is like that: nothing is to be done.
plan-caption = What becomes of each
plan-outcome = What happens
plan-left = Left out:
plan-gets = { $name }
plan-disabled = They are disabled.
plan-has-address = They have an address: { $name }.
plan-no-address = Their login makes no email address, or there is none that an invitation could go to.
plan-has-password = They have chosen a password already.

saved-several-domain = { $n ->
    [one] One person has an address now.
   *[other] { $n } people have an address now.
}
saved-several-gone = { $n ->
    [one] One of those who were chosen is no longer here.
   *[other] { $n } of those who were chosen are no longer here.
}
saved-several-left = { $n ->
    [one] For one of those who were chosen it was not done: they were changed meanwhile, or are no longer here.
   *[other] For { $n } of those who were chosen it was not done: they were changed meanwhile, or are no longer here.
}
saved-several-undone = { $n ->
    [0] Nothing was taken back: none of them has that address any more.
    [one] One person has no address again.
   *[other] { $n } people have no address again. Whoever was given another one meanwhile keeps it.
}
saved-several-invite = { $n ->
    [one] One invitation is on its way.
   *[other] { $n } invitations are on their way.
}

move-question = Move { $name }?
move-button = Move them
move-from = From { $name }
move-to = To { $name }
move-role = Their role is { $name } then, of rank { $n }.
move-rights-lost = They lose these rights: { $name }.
move-rights-gained = They gain these rights: { $name }.
move-reach = What they manage is { $name } from then on, and what is below it.
move-two-factor-on = A code is asked of them there, which is not so where they are.
move-two-factor-rehearse = Codes are rehearsed there: they are asked for one, and may go on without.
move-two-factor-off = No code is asked of them there: their password alone lets them in.
move-apps-lost = They can no longer use { $name }.
move-apps-gained = They can use { $name } as well.
move-ends = What they have begun ends: codes, links and sign-ins that are pending. Sessions go on, and are asked for what is missing.
wrong-role-elsewhere = Roles are those of an organisation, and { $name } has none of this name: choose one of its own.

apps-of-title = Apps
apps-of-may = May use it
apps-of-uses = Uses it
apps-of-since = since
apps-of-everybody = It is for everybody.
apps-of-group = It is for { $name }.
apps-of-others = It is for other groups.
apps-of-but = But:
apps-of-unmet = it insists on a code, and none reaches them
apps-of-more = There are more apps than these.
apps-of-none = There is no app for them yet.
