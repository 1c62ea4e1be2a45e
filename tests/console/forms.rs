//! What is typed into the form of each change, so that it is made? A row of the table that writes an event must be here.

use countersign::console::routes::Route;

use super::world::World;

/// What somebody types who may do it, about Acme's things.
pub fn form(_world: &World, route: &Route) -> Vec<(&'static str, String)> {
    match route.path {
        // ("/console/users/{id}", …) => vec![("email", "nia@example.org".to_owned())],
        path => panic!("{path}: say in tests/console/forms.rs what is typed there"),
    }
}
