console-menu-sign-ins = Sign-ins
console-menu-sessions = Sessions

sign-ins-title = Sign-ins
sign-ins-lead = What has come of every attempt of your people to sign in, { $name ->
    [oldest] the oldest first
   *[other] the newest first
}.
sign-ins-lead-site = What has come of every attempt to sign in, { $name ->
    [oldest] the oldest first
   *[other] the newest first
}.
sign-ins-sessions = Who is signed in now
sign-ins-filter-all = All
sign-ins-filter-completed = Signed in
sign-ins-filter-override = By override
sign-ins-filter-code-skipped = Without the rehearsed code
sign-ins-filter-password-refused = Wrong password
sign-ins-filter-code-refused = Wrong code
sign-ins-filter-codes-stopped = Codes stopped
sign-ins-filter-refused = Turned away
sign-ins-none-of-these = There is no such sign-in here.
sign-ins-everything = Show all of them
sign-ins-nothing = Nobody has tried to sign in yet. What comes of the first attempt is told here.

history-when = When
history-who = Who
history-what = Outcome
history-proofs = Proven by
history-app = App
history-where = From
history-console = this console

happened-completed = Signed in
happened-override = Signed in without a code, by override
happened-code-skipped = Went on without the rehearsed code
happened-password-refused = A wrong password
happened-code-refused = A wrong code
happened-codes-stopped = A wrong code too many: codes stopped
happened-refused = { $name ->
    [no_address] Turned away: no email address for the code
    [mail_failed] Turned away: the code could not be sent
    [codes_stopped] Turned away: codes stopped after too many wrong ones
    [too_many_codes] Turned away: as many codes were sent as may be
    [access_denied] Turned away: this app is for other groups
    [unmet_authentication_requirements] Turned away: the app insists on a code, and none reaches them
    [login_required] Turned away: the app asked not to show a page, and they were not signed in
    [interaction_required] Turned away: the app asked not to show a page, and something was to be asked
    [consent_required] Turned away: the app asked not to show a page, and they have not agreed to it yet
   *[other] Turned away ({ $name })
}
happened-otherwise = Something else

proofs-password = password
proofs-code = password and code
proofs-password-session = password, given before
proofs-code-session = password and code, given before

sessions-title = Sessions
sessions-lead = Who of your people is signed in now. Whoever is signed out here is asked for everything again, and their apps are told.
sessions-lead-site = Who is signed in now. Whoever is signed out here is asked for everything again, and their apps are told.
sessions-sign-ins = How people have signed in
sessions-search = Login
sessions-search-hint = The whole login.
sessions-who = Who
sessions-since = Since
sessions-seen = Last used
sessions-proofs = Proven by
sessions-end = End
sessions-end-button = Sign out
sessions-end-all = Sign { $name } out everywhere
sessions-own = This is where you are reading this.
sessions-none-of = Nobody of this login is signed in: { $q }.
sessions-everything = Show everybody
sessions-nothing = Nobody is signed in now.

user-all-sign-ins = All of their sign-ins
user-all-sessions = Where they are signed in now
