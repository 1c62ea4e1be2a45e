console-menu-roles = Roles

roles-title = Roles
roles-lead-site = These are the roles of all organisations. Each serves one organisation and the groups below it.
roles-caption = Roles, the lowest first
roles-column-role = Role
roles-column-rank = Rank
roles-column-holders = Holders
roles-column-may = May
roles-others = { $n ->
    [one] and one more
   *[other] and { $n } more
}
roles-only-others = { $n ->
    [one] Manages nothing: one right
   *[other] Manages nothing: { $n } rights
}
roles-nothing = Nothing
roles-empty = There is no role here yet.
roles-add = Add a role
roles-what = Whoever edits people or roles needs a higher rank than theirs, and gives nobody a right or a rank that they have not themselves. Top managers may edit one another.

role-new-title = A new role
role-lead-new = Nobody holds it yet: a new role changes nothing for anybody.
role-lead = { $n ->
    [one] One user holds this role. You see first what a change does to them.
   *[other] { $n } users hold this role. You see first what a change does to them.
}
role-lead-nobody = Nobody holds this role: a change of it changes nothing for anybody.
role-lead-own = This is your own role. Its rank and its rights are for somebody else to change.
role-lead-elsewhere = This role serves groups above yours too, so that it is changed from there.
role-lead-outranked = This role ranks as high as yours or higher: somebody of a higher rank changes it.
role-lead-read = You can read this role, and not change it.
role-holders-title = Who holds it:
role-name = Name
role-name-hint = Apps that are told the role of their people hear the new name from the next sign-in on: whoever set them up must know.
role-rank = Rank
role-rank-hint = From 0 to 512, and not above your own. Whoever ranks higher may edit those below.
role-rights = Rights
role-administers = It administers the site: it may do everything that these pages show, in every group.
role-words = Rights of the apps
role-words-hint = Words that the apps know, such as track_time, with spaces between them. They are handed on as they are. You can give those that you have yourself; a site administrator can give any.
role-look = Save
role-add-button = Add the role
role-save = Save it
role-delete = Delete this role
role-delete-question = Delete the role { $name }?
role-delete-button = Delete it
role-delete-consequence = Nobody holds it. Deleting it cannot be undone.
role-question = Change the role { $name }?
role-holders = { $n ->
    [one] One person holds it, and is changed with it: { $name }.
   *[other] { $n } people hold it, and are changed with it: { $name }.
}
role-gains-override = { $n ->
    [one] One person would sign in without a code from now on: { $name }.
   *[other] { $n } people would sign in without a code from now on: { $name }.
}
role-loses-override = { $n ->
    [one] One person could no longer sign in without a code where their group asks for one: { $name }.
   *[other] { $n } people could no longer sign in without a code where their group asks for one: { $name }.
}
role-locks-out = { $n ->
    [one] One person could no longer sign in, since no code can reach them: { $name }.
   *[other] { $n } people could no longer sign in, since no code can reach them: { $name }.
}
role-gains = They gain: { $name }.
role-loses = They lose: { $name }.
role-new-rank = Their rank becomes { $n }: whoever ranks higher may edit them, and they those below.
role-type-number = How many people will be locked out? Type the number.

right-manage_own_settings = Own settings
right-manage_own_settings-what = Changes their own name, address and password.
right-view_users = See people
right-view_users-what = Sees the people of their group and of those below it.
right-manage_users = Manage people
right-manage_users-what = Adds, edits, disables and deletes people of a lower rank.
right-manage_basic_settings = Basic settings
right-manage_basic_settings-what = Changes the name and the language of their group and of those below it.
right-manage_subgroups = Groups below
right-manage_subgroups-what = Adds and deletes groups below theirs.
right-manage_roles = Roles
right-manage_roles-what = Adds and changes roles of a lower rank.
right-manage_advanced_settings = Two-factor
right-manage_advanced_settings-what = Switches two-factor off, to rehearsal and on.
right-view_audit = Audit log
right-view_audit-what = Reads who did what to whom in their group and in those below it.
right-manage_relying_apps = Apps
right-manage_relying_apps-what = Registers the apps that people sign in to.
right-override_2fa = Sign in without a code
right-override_2fa-what = Gets in with the password alone where codes are asked for. This is recorded and told to the others who have the right. Somebody must have it, or nobody gets in when mail fails.

saved-role = The role { $name } is saved.
saved-role-added = The role { $name } was added.
saved-role-deleted = The role { $name } was deleted.

wrong-rank = A rank is a whole number from 0 to { $n }.
wrong-role-without-group = Open the organisation that the role is to serve first, and add it from its roles.
wrong-role-changed-meanwhile = Somebody else has changed this role meanwhile. What you typed is still here; beside it stands what is so now. Save again if yours is right.
