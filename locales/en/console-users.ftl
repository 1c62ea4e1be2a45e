console-menu-users = Users

users-title = Users
users-all-well = Nobody here is kept out by two-factor.
users-kept-out = { $n ->
    [one] One person here cannot sign in.
   *[other] { $n } people here cannot sign in.
}
users-many-kept-out = { $n } people here or more cannot sign in.
users-show-them = Show who
users-group-page = About this group
users-everybody = Users of all groups
users-add = Add somebody
users-search = Login, name or email address
users-search-hint = The beginning is enough.
users-filter-all = Everybody
users-filter-kept-out = Cannot sign in
users-filter-no-email = No email
users-filter-never = Never signed in
users-filter-stopped = Codes stopped
users-filter-disabled = Disabled
users-filter-invited = Invited
users-login = Login
users-name = Name
users-group = Group
users-role = Role
users-state = State
users-last-sign-in = Last sign-in
users-never = never
users-told = { $n ->
    [one] One line
   *[other] { $n } lines
}
users-none-found = Nobody here has a login, a name or an email address that begins with “{ $q }”.
users-none-of-these = Nobody here is like that.
users-nobody = There is nobody here yet: add somebody.

explained-short-well = can sign in
explained-short-disabled = disabled
explained-short-invited = invited, has no password yet
explained-short-no-address = cannot sign in: no email address
explained-short-undelivered = cannot sign in: mail does not arrive
explained-short-by-hand = can sign in once, with the code given by hand; mail does not arrive
explained-short-by-hand-no-address = can sign in once, with the code given by hand; no email address
explained-short-codes-stopped = cannot sign in: codes stopped

explained-disabled = Cannot sign in: disabled, so that every password is refused.
explained-invited = Cannot sign in yet: no password has been chosen.
explained-invited-no-address = Cannot sign in yet: no password has been chosen, and there is no email address that an invitation could go to. Give them one below, then send it.
explained-no-address = Cannot sign in: a code is asked for, and there is no email address that it could go to. Give them one below.
explained-no-address-elsewhere = Cannot sign in: a code is asked for, and there is no email address that it could go to. Give them one on { $name }.
explained-invited-no-address-elsewhere = Cannot sign in yet: no password has been chosen, and there is no email address that an invitation could go to. Give them one on { $name }, then send it.
explained-code-by-hand-elsewhere = Can sign in once, with the password and the code that they were given by hand. There is no email address for the next one: give them one on { $name }.
explained-codes-stopped-elsewhere = Cannot sign in: too many wrong codes have stopped theirs. Let them try again on { $name }, if it was they who tried.
explained-their-page = their page
explained-no-address-yours = Cannot sign in: a code is asked for, and there is no email address that it could go to.
explained-undelivered = Cannot sign in: a code is asked for, and the last message to { $name } was refused. Check the address, and send a test message to it.
explained-nothing-sent = Cannot sign in: a code is asked for, and our mail server took no message to { $name }. The address may be right: once mail gets through again, so do their codes.
explained-codes-stopped = Cannot sign in: too many wrong codes have stopped theirs. Let them try again below, if it was they who tried.
explained-unmet = Cannot use this app: it insists on a code, and there is no email address that one could go to.
explained-app-insists = This app insists on two factors.
explained-code = Can sign in with the password and a code that goes to { $name }.
explained-code-by-hand = Can sign in once, with the password and the code that they were given by hand. There is no email address for the next one: give them one below.
explained-code-by-hand-undelivered = Can sign in once, with the password and the code that they were given by hand. The last message to { $name } did not get through, so the next code would not reach them.
explained-rehearsed = Can sign in; two-factor is rehearsed with codes to { $name }.
explained-rehearsed-no-address = Can sign in, since two-factor is only rehearsed. No code reaches them: if it were on, they could not.
explained-override = Can sign in with the password alone, by override: that is recorded, and announced to the others who hold it.
explained-longer = Can sign in, and is asked for a longer password first: it stands alone here.
explained-password = Can sign in with the password alone.
explained-no-group = They are in no group, so no two-factor setting applies.
explained-group-off = Two-factor is off in { $name }.
explained-group-rehearse = Two-factor is rehearsed in { $name }.
explained-group-on = Two-factor is on in { $name }.
explained-role-overrides = The role { $name } may do without a code (override_2fa).
explained-role-does-not-override = The role { $name } may not do without a code.

user-login = Login
user-login-hint = What they type to sign in. It cannot be taken by two people.
user-name = Name
user-email = Email
user-email-hint = Where codes and links go.
user-new-email-hint = The invitation goes there, and codes do later. Without one they cannot be invited.
user-role = Role
user-role-typed-hint = A role of that group, such as User or Manager. A Top manager signs in without a code, unless the role was changed.
user-role-hint = Another role gives or takes rights at once, and ends what is pending of their codes and links.
user-status = Status
user-status-hint = To disable somebody ends their sessions at once.
user-active = Active
user-active-hint = May sign in.
user-invited = Invited
user-invited-hint = May sign in once they have chosen a password.
user-disabled = Disabled
user-disabled-hint = May not sign in. Nothing of theirs is deleted.
user-group = Group
user-save = Save
user-deeds = What you can do
user-history = Sign-ins
user-no-history = Nothing is known of any sign-in of theirs.
user-added = Added
deed-link = Send a link for a new password
deed-invite = Send the invitation again
deed-link-said = A link goes to { $name }, with which they choose a password themselves. Links before it are void; a password holds until they have.
deed-unlock = Let them try again
deed-unlock-said = Forgets the wrong passwords and codes that were typed for them, so that they can try again at once.
deed-unlock-stopped = Too many wrong codes have stopped theirs. This lets them try again. First make sure that it was they who tried.
deed-sessions = End all sessions
deed-sessions-said = { $n ->
    [one] They are signed in with one browser. This signs them out there, and the apps are told.
   *[other] They are signed in with { $n } browsers. This signs them out everywhere, and the apps are told.
}
deed-code = Make a code by hand
deed-code-said = Shows a one-time code that lets them in beside their password when mail does not reach them. It asks first, and they are told.
deed-delete = Delete them
deed-delete-said = Takes them away with everything of theirs but the audit log. It asks first.

delete-question = Delete { $name }?
delete-gone = { $name } can no longer sign in anywhere. This cannot be undone.
delete-apps = Their sessions end, and the apps are told; what the apps keep about them stays there.
delete-instead = If they may come back, disable them instead.
delete-button = Delete

hand-code-question = Make a code for { $name }?
hand-code-once = It is shown to you once. With their password it lets them in once; codes made before are void.
hand-code-sure = First make sure that it is { $name } who asks: see them, or call a number that you know.
hand-code-told = They are told by mail that you have made it, and it is on the audit log.
hand-code-not-told = They have no email address, so nobody tells them by mail; it is on the audit log.
hand-code-button = Make a code
hand-code-title = A code for { $name }
hand-code-lead = It works once, within { $minutes } minutes, and is not shown again.
hand-code-copy = Copy
hand-code-copied = Copied
hand-code-announced = { $name } is told of it by mail, as soon as mail gets through.
hand-code-unannounced = They have no email address, so nobody could write to them about it.

new-user-title = Add somebody
new-user-lead = They choose their password themselves, by a link that is mailed to them. Nobody else knows it.
new-user-button = Add and invite
new-user-unlock = Unlock to add somebody

saved-user = The changes to { $name } are saved.
saved-user-invited = The changes to { $name } are saved. An invitation that they were sent before no longer works.
wrong-too-many-codes = Those were many codes within an hour, and each is announced to them. The last one is good until it runs out: use that, or try again later.
wrong-too-many-links = Those were many links within an hour, and the last one is good still. Look into Mail what became of it, or try again later.
saved-link = A link to choose a password is on its way to { $name }.
saved-unlocked = { $name } can try again.
saved-sessions = { $n ->
    [one] { $name } was signed out of one browser.
   *[other] { $name } was signed out of { $n } browsers.
}
saved-deleted = { $name } was deleted.
saved-invited = { $name } was added, and an invitation is on its way.
saved-added = { $name } was added. They have no email address yet: set one, and then send the invitation.

wrong-status = Choose whether they may sign in.
wrong-no-address = There is no email address that a link could go to: set one first.
wrong-overtaken = Somebody else has set this to { $name } meanwhile. Save again if yours is to stand.
wrong-overtaken-empty = Somebody else has emptied this meanwhile. Save again if yours is to stand.
wrong-overtaken-active = Somebody else has activated them meanwhile. Save again if yours is to stand.
wrong-overtaken-disabled = Somebody else has disabled them meanwhile. Save again if yours is to stand.
other-role-question = Give { $name } another role?
other-role-gains-override = { $name } would sign in without a code from now on, also where their group asks for one.
other-role-loses-override = { $name } could no longer sign in without a code where their group asks for one.
other-role-choice-overrides = signs in without a code
other-role-button = Give them the role
self-lockout-question = Keep yourself out?
self-lockout-then = Once you are signed out, somebody else has to take it back: you cannot.
self-lockout-button = Do it all the same

wrong-move-meanwhile = What the move does is not what it was when you read it: read it once more.
wrong-overtaken-somehow = Somebody else has just changed this: open the page again.
