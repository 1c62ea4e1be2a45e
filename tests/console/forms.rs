//! What is typed into the form of each change, so that it is made? A row of the table that writes an event must be here.

use countersign::console::routes::Route;

use super::world::World;

/// What somebody types who may do it, about Acme's things.
pub fn form(world: &World, route: &Route) -> Vec<(&'static str, String)> {
    match route.path {
        "/console/groups" => vec![("name", "Coyote".to_owned())],
        "/console/groups/{id}" => vec![("name", "Acme & Co".to_owned()), ("language", "en".to_owned())],
        "/console/groups/{id}/groups" => vec![("subgroup", "Web".to_owned())],
        "/console/groups/{id}/advanced" => {
            vec![("two_factor", "off".to_owned()), ("confirm", "0".to_owned())]
        }
        "/console/groups/{id}/delete"
        | "/console/roles/{id}/delete"
        | "/console/apps/{id}/secret"
        | "/console/apps/{id}/delete"
        | "/console/keys/stolen"
        | "/console/mail/settings/reset"
        | "/console/users/{id}/code"
        | "/console/users/{id}/delete" => vec![("confirm", "yes".to_owned())],
        "/console/roles" => {
            vec![("name", "Guest".to_owned()), ("rank", "2".to_owned()), ("rights", "track_time".to_owned())]
        }
        "/console/roles/{id}" => vec![("name", "People".to_owned())],
        "/console/apps" | "/console/apps/{id}" => {
            vec![("name", "Wiki".to_owned()), ("redirect_uris", "https://wiki.example.org/back".to_owned())]
        }
        "/console/users/{id}" => vec![("email", "nia@example.org".to_owned())],
        "/console/users/new" => {
            vec![("login", "new".to_owned()), ("group", "Acme".to_owned()), ("role", "User".to_owned())]
        }
        "/console/keys/rotate"
        | "/console/apps/{id}/secret/end"
        | "/console/sessions/{id}/end"
        | "/console/users/{id}/link"
        | "/console/users/{id}/unlock"
        | "/console/users/{id}/sessions"
        | "/console/users/{id}/test"
        | "/console/mail/{id}/retry" => Vec::new(),
        "/console/users/several/domain" | "/console/users/several/domain/undo" => {
            vec![("who", world.ona.clone()), ("domain", "example.net".to_owned())]
        }
        "/console/users/several/invite" => vec![("who", world.ivy.clone())],
        "/console/users/{id}/help" => vec![("how", "fixed".to_owned())],
        "/console/mail/settings" => vec![
            ("host", "127.0.0.1".to_owned()),
            ("port", world.site.smtp.port.to_string()),
            ("encryption", "none".to_owned()),
            ("from", "id@example.org".to_owned()),
            ("email", "root@example.org".to_owned()),
            ("do", "save".to_owned()),
        ],
        "/console/mail/test" => vec![("email", "somebody@example.org".to_owned())],
        path => panic!("{path}: say in tests/console/forms.rs what is typed there"),
    }
}
