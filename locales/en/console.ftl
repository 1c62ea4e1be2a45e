console-app = the managers' console
console-app-kept = the managers' console with your change
front-console = Manage people and apps

console-skip = Skip to the content
console-menu = Menu
console-menu-close = Close the menu
console-menu-home = Home
console-menu-repair = Repair
console-language = Language
console-language-button = Change
console-unlocked = You can make changes until { $until }.
console-locked = Pages can only be read until you give your password once more.
console-unlock = Unlock
console-undo = Undo
console-yes = Yes
console-no = No
console-none = none
console-secret = set; it is never shown
console-inherited = as in { $name }
console-pages = Pages of the list
console-search-button = Search
console-filters = Show
console-sort = Sort by
console-first-page = First page
console-next-page = Next page
console-wrong = { $n ->
    [one] There is one thing to correct:
   *[other] There are { $n } things to correct:
}

continue-button = Continue

console-home-title = Home
console-home-nothing = Nothing needs you.
console-home-attention = { $n ->
    [one] One thing needs you.
   *[other] { $n } things need you.
}

console-repair-title = Repair

console-kept-title = Your change
console-kept-sure = You have proven who you are. Your change goes on now; if this page stays, press the button.
console-kept-lead = You were no longer signed in when you sent this, and nothing has been changed yet. Is it still what you want?
console-kept-sent = This was sent already, and is not sent again. Look whether it has been done; if it has not, do it once more.
console-kept-too-long = Nothing is changed yet: it needs a fresh proof of who you are, and this is too long to be kept meanwhile. It stays on this page: prove who you are in another tab, and then press the button here.
console-kept-elsewhere = Prove it in another tab
console-kept-button = Send it
console-to-home = To the first page
console-list-ended = The list ends before here.

kept-not-saved = It is not saved yet: you were no longer signed in when you sent it. Look through it, and send it again.
wrong-secret-not-kept = Type it again: what you had typed here was not kept while you proved who you are.

console-not-now-title = Not saved yet
console-not-now-lead = The database does not take anything right now, so nothing was changed. What you have typed is kept below: try again in a moment. If this stays, tell whoever runs this site.
console-not-now-button = Try again

console-stranger-title = Nothing to manage
console-stranger-lead = You are signed in as { $login }, and your role has no right to manage anything here. Whoever manages your group can give you one.
console-stranger-front = To the front page

wrong-too-long = At most { $n } characters.
wrong-markup = Leave out < and >: elsewhere they could be taken for part of a page.
wrong-formula = Begin with another character than =, +, - or @: a spreadsheet would take it for a formula.
wrong-hidden = There are characters in it that cannot be seen, or that turn the text around: type it by hand.
wrong-name-taken = There is one named { $name } here already: choose another name.
wrong-login-taken = The login { $name } is taken: choose another.
wrong-name = A name has 1 to 80 characters and no slash, and is neither . nor .. .
wrong-login = A login has 1 to 200 characters.
wrong-login-reserved = The audit log calls the command line, Countersign itself, an app or a stranger so: choose another login.
wrong-login-passes = With these letters { $name } looks like the login of somebody else: choose another.
wrong-login-alike = A login has letters of one alphabet: with these it looks like somebody else’s.
wrong-language = { $name } is not a language such as en or pt-BR.
wrong-too-deep = Groups can be nested at most { $n } deep: add it further up.
wrong-no-group = There is no group { $name } here.
wrong-no-role = There is no role { $name } here.
wrong-domain = { $name } is not a domain such as example.org.
wrong-right = A right is a lower-case word such as track_time.
wrong-group-not-empty = { $name } still has users or groups in it: move or delete them first.
wrong-group-of-app = This group stands on the list of those whom an app is for. Whoever manages the apps takes it off there first.
wrong-role-held = { $n ->
    [one] One user holds the role { $name }: give them another one first.
   *[other] { $n } users hold the role { $name }: give them another one first.
}
wrong-disabled = { $name } is disabled, and no link would work: activate them first.
wrong-no-email = There is no email address here: set one first.
wrong-address-first = Give them an email address first, and save it; or type one above and save both. Once they have this role their rank is as high as yours: only somebody of higher rank could set one then, and they could not sign in before.
wrong-address-later = Give them an email address now: their rank is as high as yours, so only somebody of higher rank could set one later, and invite them.
wrong-email = This is not an email address such as nia@example.org.
wrong-otherwise = It was not saved: { $name }.

refused-outside-reach = This is outside the groups that you manage.
refused-lacks-right = This needs the right { $name }, which your role does not have.
refused-outranked = Only somebody of higher rank may change this user or role.
refused-rank-above-own = You cannot give a rank above your own.
refused-right-not-held = You cannot give the right { $name }: you do not hold it.
refused-own-role = Nobody changes their own role, rank or rights.
refused-own-group = Nobody moves themselves to another group.
refused-own-word = Nobody sets their own { $name }: ask a manager.
refused-own-lock = Nobody unlocks themselves: ask another manager.
refused-role-of-another-tree = This role is not one of the group's own.
refused-rank-out-of-range = The rank of a group's role is between 0 and 512.
refused-site-right = The right administer_site is for the site administrator's role alone.
refused-last-override = This is the last person here who can sign in without a code while two-factor is on. Give the right to somebody else first, or switch two-factor off.
refused-last-override-in = Two-factor is on in { $name }, and nobody else there could sign in without a code. Give the right to somebody else in that group first, or switch two-factor off there.
refused-last-override-of-tree = Two-factor is on in a group of this organisation, and nobody else in all of it could sign in without a code. Give the right to somebody else of it first, or switch two-factor off.
refused-last-site-administrator = This is the last site administrator: add another one first.
