//! `/console/users/new`: who is to be added? They choose their password themselves, by a link that goes to their address.

use axum::response::Response;
use serde::Serialize;

use super::field::{self, Field, Kind, Said, Summed, Wrong, errors, line};
use super::groups_to_choose::{GroupChoice, named, problem};
use super::person_form::{LONGEST, email};
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::visit::ConsolePage;
use super::{Visit, kept, other_role};
use super::{trouble, user_deeds};
use crate::directory::rights::{Rights, own};
use crate::directory::users::{self, NewUser};
use crate::directory::{Address, Error, Login, NotALogin, Person, log, of_user, people, roles};
use crate::keys::secret::entropy;
use crate::signin::announce;
use crate::store::groups::{self, GroupRow};
use crate::store::roles::RoleRow;
use crate::store::{Conn, Tx};
use crate::web::Problem;

const MANAGE: Needs = Needs::Right(own::MANAGE_USERS);

pub(super) const ROUTES: &[Route] = &[
    Route::get("/console/users/new", MANAGE, |visit| Box::pin(get(visit))),
    Route::post("/console/users/new", MANAGE, "user.added", |visit| Box::pin(post(visit)))
        .drawn_again(|visit| Box::pin(again(visit))),
];

/// The longest login, in characters.
const LONGEST_LOGIN: usize = 200;

/// Adds a person.
#[derive(Clone, Debug, Serialize)]
pub struct NewUserPage {
    /// What is wrong with what was typed.
    pub errors: Vec<Summed>,
    /// Login, name, email, group, role.
    pub fields: Vec<Field>,
}

impl ConsolePage for NewUserPage {
    const TEMPLATE: &'static str = "console/new_user.html";
}

/// What was typed, as far as it is right.
struct Typed {
    login: Login,
    name: String,
    email: Option<Address>,
    group: GroupRow,
    role: RoleRow,
}

/// `GET /console/users/new`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    Ok(visit.page(&page(&visit, &mut conn, None).await?))
}

/// `POST /console/users/new`
async fn post(visit: Visit) -> Result<Response, Problem> {
    let mut tx = visit.write().await?;
    let wrong = match read(&visit, &mut tx).await? {
        Ok(typed) => {
            if let Some(person) = first_click(&visit, &mut tx, &typed).await? {
                tx.give_up().await?;
                return Ok(added(&visit, &person));
            }
            match add(&visit, &mut tx, &typed).await? {
                Ok(person) => {
                    tx.commit().await?;
                    announce::deliver_later(&visit.provider().signin);
                    return Ok(added(&visit, &person));
                }
                Err(wrong) => vec![wrong],
            }
        }
        Err(wrong) => wrong,
    };
    drop(tx);
    let mut conn = visit.read().await?;
    Ok(visit.again(&page(&visit, &mut conn, Some(&wrong)).await?))
}

/// The page of somebody who has been added.
fn added(visit: &Visit, person: &Person) -> Response {
    let invited = person.deliverable_address();
    let key = if invited.is_some() { "saved-invited" } else { "saved-added" };
    visit.saved(&format!("/console/users/{}", person.id), &Saved::new(key).about_person(person))
}

/// The person whom the same reader has just added by the same form, if they have: their button was pressed twice.
async fn first_click(visit: &Visit, tx: &mut Tx, typed: &Typed) -> Result<Option<Person>, Problem> {
    for event in log::just_added(tx, &visit.by, "user.added").await.map_err(problem)? {
        let person = people::find(tx, event.user_id.as_deref().unwrap_or_default()).await?;
        let is_same = |person: &Person| {
            person.login == typed.login.as_str()
                && person.name.as_deref().unwrap_or_default() == typed.name.trim()
                && person.email.as_deref() == typed.email.as_ref().map(Address::as_str)
                && person.group.as_ref().is_some_and(|group| group.id == typed.group.id)
                && person.role.id == typed.role.id
        };
        if let Some(person) = person.filter(is_same) {
            return Ok(Some(person));
        }
    }
    Ok(None)
}

/// The form as it was typed.
async fn again(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    Ok(visit.again(&page(&visit, &mut conn, Some(&[kept::not_saved()])).await?))
}

/// Adds them, and puts their invitation into the queue where there is an address.
async fn add(visit: &Visit, tx: &mut Tx, typed: &Typed) -> Result<Result<Person, Wrong>, Problem> {
    let new = NewUser {
        login: &typed.login,
        name: Some(typed.name.as_str()).filter(|name| !name.is_empty()),
        email: typed.email.as_ref(),
        group: Some(&typed.group),
        role: &typed.role,
        password_hash: None,
    };
    let person = match users::add(tx, new, &visit.by, &mut entropy()).await {
        Ok(person) => person,
        Err(error) => return Ok(Err(trouble::wrong(error)?)),
    };
    if person.deliverable_address().is_some()
        && let Err(wrong) =
            user_deeds::issued(user_deeds::inviter(visit).issue_first(tx, &person, &visit.by).await)?
    {
        return Ok(Err(wrong));
    }
    Ok(Ok(person))
}

/// Reads the form; everything that is wrong with it is said at once.
async fn read(visit: &Visit, conn: &mut Conn) -> Result<Result<Typed, Vec<Wrong>>, Problem> {
    let mut wrong = Vec::new();
    let login = field::name(&visit.form, "login", LONGEST_LOGIN, "")
        .and_then(|typed| Login::choose(typed).map_err(|why| Wrong::new("login", Said::new(unfit(why)))));
    let name = field::name(&visit.form, "name", LONGEST.1, "").map(str::to_owned);
    let email = email(visit);
    let group = match line(&visit.form, "group", LONGEST.2) {
        Ok(path) => named(visit, conn, path).await?,
        Err(what) => Err(what),
    };
    let role = match (&group, line(&visit.form, "role", LONGEST.1)) {
        (_, Err(what)) => Err(what),
        (Ok(group), Ok(name)) => match roles::find_named(conn, Some(group), name).await {
            Err(Error::Store(error)) => return Err(error.into()),
            found => found.map_err(|_| Wrong::new("role", Said::new("wrong-no-role").about(name))),
        },
        // Which role is meant is known once the group is.
        (Err(what), Ok(_)) => Err(what.clone()),
    };
    match (login, name, email, group, role) {
        (Ok(login), Ok(name), Ok(email), Ok(group), Ok(role)) => {
            Ok(Ok(Typed { login, name, email, group, role }))
        }
        (login, name, email, group, role) => {
            match login {
                Ok(login) if people::has_login(conn, &login).await? => {
                    wrong.push(trouble::wrong(Error::LoginTaken(login.to_string()))?);
                }
                login => wrong.extend(login.err()),
            }
            wrong.extend(name.err());
            wrong.extend(email.err());
            wrong.extend(group.err());
            wrong.extend(role.err());
            wrong.dedup();
            Ok(Err(wrong))
        }
    }
}

/// Why somebody is not given a login.
const fn unfit(why: NotALogin) -> &'static str {
    match why {
        NotALogin::LooksAlike => "wrong-login-alike",
        NotALogin::Reserved => "wrong-login-reserved",
        NotALogin::Empty | NotALogin::TooLong | NotALogin::Control => "wrong-login",
    }
}

async fn page(visit: &Visit, conn: &mut Conn, wrong: Option<&[Wrong]>) -> Result<NewUserPage, Problem> {
    let choice = GroupChoice::of(visit, conn).await?;
    let own = own(visit, conn, &choice).await?;
    let (roles, first) = roles_to_choose(visit, conn, own.as_ref()).await?;
    let home = match &own {
        Some(group) => crate::directory::groups::path(conn, &group.id).await.map_err(problem)?,
        None => String::new(),
    };
    let input = |name, label, kind, value: String, longest| {
        Field::new(name, label, kind, value).longest(longest).editable::<()>(visit, &Ok(()))
    };
    let is_typed = matches!(roles, Kind::Text);
    let role = input("role", "user-role", roles, first, LONGEST.1).required();
    let fields = [
        input("login", "user-login", Kind::Text, String::new(), LONGEST_LOGIN)
            .required()
            .hint("user-login-hint"),
        input("name", "user-name", Kind::Text, String::new(), LONGEST.1),
        input("email", "user-email", Kind::Email, String::new(), LONGEST.0).hint("user-new-email-hint"),
        input("group", "user-group", choice.kind(), home, LONGEST.2).required(),
        if is_typed { role.hint("user-role-typed-hint") } else { role },
    ];
    let fields: Vec<Field> = match wrong {
        None => fields.to_vec(),
        Some(wrong) => fields
            .into_iter()
            .map(|field| {
                let about = wrong.iter().find(|wrong| wrong.field == field.name);
                field.typed(&visit.form, about)
            })
            .collect(),
    };
    let whole = wrong.into_iter().flatten().find(|wrong| wrong.field.is_empty());
    Ok(NewUserPage { errors: errors(&fields, whole), fields })
}

/// The top of the reader's tree, or of the only one that there is.
async fn own(visit: &Visit, conn: &mut Conn, choice: &GroupChoice) -> Result<Option<GroupRow>, Problem> {
    match (visit.tree.root_id(), choice.only_top()) {
        (Some(root), _) => Ok(groups::find(conn, root).await?),
        (None, Some(path)) => Ok(named(visit, conn, path).await?.ok()),
        (None, None) => Ok(None),
    }
}

/// The roles that may be given, and the first of them; where there are several trees, the role is typed.
async fn roles_to_choose(
    visit: &Visit,
    conn: &mut Conn,
    own: Option<&GroupRow>,
) -> Result<(Kind, String), Problem> {
    let Some(group) = own else { return Ok((Kind::Text, "User".to_owned())) };
    let rows = of_user::roles_for_new(conn, group, &visit.by).await.map_err(problem)?;
    let first = rows.first().map(|role| role.name.clone()).unwrap_or_default();
    let choice = |role: RoleRow| {
        let rights = Rights::parse(&role.rights).unwrap_or_default();
        other_role::choice(role.name, &rights)
    };
    let choices = rows.into_iter().map(choice).collect();
    Ok((Kind::Select { choices }, first))
}
