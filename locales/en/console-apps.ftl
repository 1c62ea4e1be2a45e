console-menu-apps = Apps
apps-title = Apps
apps-well = Nothing needs you: no sign-in was refused today.
apps-failing = { $n ->
    [one] One sign-in was refused today.
   *[other] { $n } sign-ins were refused today.
}
apps-add = Add an app
apps-none = No app is registered yet. Add the first one: you choose what it is, and get the set-up to copy.
apps-name = Name
apps-kind = Kind
apps-groups = Who may use it
apps-state = State
apps-kind-secret = Keeps a secret
apps-kind-public = Public: keeps no secret, and uses PKCE
apps-kind-itself = Has registered itself
apps-for-all = Everybody
apps-for-groups = { $n ->
    [one] One group
   *[other] { $n } groups
}
apps-state-well = Well
apps-state-refused = { $n ->
    [one] One sign-in was refused today
   *[other] { $n } sign-ins were refused today
}
apps-lacks-secret = Has no secret yet
apps-new-title = Add an app
apps-new-what = What is it? You get the set-up to copy, with everything filled in.
apps-new-other = Another app that knows OpenID Connect
apps-new-lead = { $name }: nothing is added before you press the button, and nobody notices until somebody signs in there.
apps-new-lead-other = Nothing is added before you press the button, and nobody notices until somebody signs in there.
apps-new-choose = Choose another kind
apps-new-button = Add the app
apps-name-hint = As people read it when they sign in there.
apps-address = Address of the app
apps-address-hint = Such as https://app.example.org. Where answers go is derived from it.
apps-redirect-uris = Redirect URIs
apps-redirect-uris-hint = Where answers may go, one a line, letter by letter as the app sends them.
apps-after-sign-out = Addresses after signing out
apps-after-sign-out-hint = Where people may be sent once they have signed out, one a line. Empty: they stay here.
apps-heard = Back-channel logout URI
apps-heard-hint = Where the app is told that somebody has signed out. Empty: it is not told.
apps-groups-hint = One group a line, such as Acme/Design, with all below it. Empty: everybody. Whoever is in none of them is refused at the next sign-in, and what the app holds for them stops working.
apps-two-factor = Two factors for everybody
apps-two-factor-hint = Everybody needs a code for this app, whatever their group and role say. Whoever has no email address cannot use it.
apps-consent = Ask for consent
apps-consent-hint = People are asked once before the app learns who they are.
apps-wrong-no-name = Give it a name.
apps-wrong-no-address = Say where the app is.
apps-wrong-no-redirect = Say where answers may go: manuals call it redirect URI or callback URL.
apps-wrong-too-many = At most { $n } lines.
apps-wrong = It was not saved: { $name }.
apps-meanwhile = Somebody else has changed this app since you opened the page. What you typed is still here; beside it stands what it is now. Save again if yours is right.
apps-now = Now: { $name }
apps-now-empty = Now: empty
apps-id = Client ID
apps-people = In use
apps-scope = May ask for
apps-scope-all = everything that there is
apps-since = Registered
apps-elsewhere = Groups outside yours may use it too. That stays as it is.
apps-used-by = { $n ->
    [0] Nobody of your groups uses it now.
    [one] One person of your groups uses it now.
   *[other] { $n } people of your groups use it now.
}
apps-used-by-many = { $n } people of your groups, or more, use it now.
apps-lead-well = Nothing is wrong: no sign-in was refused within a week.
apps-lead-refused = { $n ->
    [one] One sign-in was refused within a week.
   *[other] { $n } sign-ins were refused within a week, the newest first.
}
apps-lead-mistakes = People cannot get in, because the app asks in a way that cannot be answered. What to do stands below.
apps-lead-somebody = Somebody asks in its name from an address that is not registered, or with a wrong secret. If that is the app, people cannot get in; if it is a stranger, it does no harm. What to do stands below.
apps-lead-past = People get in. Before that, somebody asked in its name in a way that cannot be answered: what it was stands below.
apps-lead-lacks-secret = It has no secret of the kind that it needs: nobody can sign in there until you make one.
apps-refused-title = Why sign-ins were refused
apps-refused-denied = They said no to the app, or none of their groups may use it.
apps-refused-group = None of their groups may use the app.
apps-refused-declined = They said no to the app.
apps-refused-two-factor = The app asks for two factors, and they have no email address to which a code could go. Give them one.
apps-refused-silent = The app wanted it done without asking, and something had to be asked. That is no error.
apps-refused-scope = The app asked for something that it may not ask for.
apps-refused-unavailable = Countersign could not do it at that moment.
apps-refused-other = The app was told “{ $name }”.
apps-settings-title = Settings
apps-save = Save
apps-groups-question = Change who may use { $name }?
apps-groups-lost = { $n ->
    [one] One person loses access: { $name }.
   *[other] { $n } people lose access: { $name }.
}
apps-groups-lost-many = { $n } people or more lose access: { $name }.
apps-groups-then = They are refused at the next sign-in there, and what the app holds for them stops working. Their accounts stay as they are, and whoever may use it again gets in as before.
apps-groups-button = Change it
saved-app = { $name } is saved.
saved-app-same = Nothing was different: nothing was changed.
saved-app-twice = { $name } was added a moment ago: the button was pressed twice. Its secret was shown in answer to the first time, and is shown nowhere else: if you have not copied it, make a new one below.
saved-app-twice-public = { $name } was added a moment ago: the button was pressed twice.
saved-app-deleted = { $name } is deleted.
apps-setup-title = Set-up to copy
apps-setup-for = What it is
apps-setup-button = Show the set-up
apps-secret-title = Secret
apps-secret-does = Make a new one from time to time: the old one works beside it for a while. If somebody else has seen it, let the old one end at once. The next page says what will happen, and asks.
apps-secret-look = Make a new secret
apps-keep = The old secret works on for
apps-keep-day = one day
apps-keep-week = one week
apps-keep-hour = one hour
apps-keep-not = not at all: somebody else has seen it
apps-old-secret = The old secret works on until { $until }, beside the new one.
apps-old-secret-end = End the old secret now
saved-old-secret-ended = The old secret of { $name } no longer works.
saved-old-secret-none = { $name } has no other secret than its newest: nothing was changed.
apps-secret-keeps = The old secret works on until { $name }, beside the new one. Put the new one into the app before then, and nobody notices.
apps-secret-older = The secret before that works no longer: an app has two at most.
apps-secret-question = Make a new secret for { $name }?
apps-secret-old = The old secret stops working at once.
apps-secret-people = Until the new one is put into the app, nobody can sign in there, and it can renew no token. Whoever is in it stays there until their token is over.
apps-secret-meanwhile = The secrets of this app have just changed, by somebody else or by a second click. Nothing was done: read first what it would do now.
apps-secret-once = The new secret is shown once, on the next page.
apps-secret-button = Make it
apps-delete-title = Delete
apps-delete-does = Nobody can sign in there any more. The next page says how many people use it, and asks.
apps-delete-look = Delete the app
apps-delete-question = Delete { $name }?
apps-delete-tokens = Nobody can sign in there any more, and its tokens are void at once. Nobody loses their account.
apps-delete-for-good = This cannot be undone: added again, it has another client ID and another secret.
apps-delete-button = Delete it
apps-added = The app is added.
apps-renewed = The new secret works now, and no other.
apps-renewed-beside = The new secret works now; the old one works on until { $until }.
apps-once = The secret is shown this once: copy it now.
apps-no-secret = It keeps no secret, and uses PKCE instead.
apps-issuer = Issuer
apps-secret = Client secret
apps-redirect-uri = Redirect URI
apps-to-app = To the app
app-people-heading = People of { $name }
app-people-may = Who may use it
app-people-everybody = Everybody.
app-people-unseen = { $n ->
    [one] and one group outside yours
   *[other] and { $n } groups outside yours
}
app-people-below = The groups below those are among them.
app-people-title = Who uses it
app-people-who = Who
app-people-last = Signed in there last
app-people-barred = Their group may not use it any more: the access that they have counts for nothing.
app-people-others-barred = { $n ->
    [one] One more has signed in there before; their group may not use it any more, and the access that they have counts for nothing.
   *[other] { $n } more have signed in there before; their groups may not use it any more, and the access that they have counts for nothing.
}
app-people-nobody = Nobody of your groups has signed in there whose access holds still.
app-people-link = Who may use it, and who does
apps-search = Name or address of the app
apps-told = { $n ->
    [0] Nothing found
    [one] One app
   *[other] { $n } apps
}
apps-none-found = No app has “{ $q }” in its name or its address.
apps-more = There are more apps than this page looks through: the first 2000. Whoever runs Countersign can list the others: countersign client list.
apps-mistaken = Somebody asks in the name of an app in a way that cannot be answered. Its page says whether people get in.
apps-state-mistaken = Asked for in a way that cannot be answered
