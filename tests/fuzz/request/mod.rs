//! What may a client send? Anything: a script of requests, through the real router, to a site with people and apps on it.
//! Nothing in it may cause a 5xx, leave out a header, put a script on a page, or send the browser where nobody has registered.

mod script;
mod verdict;
mod world;

use std::sync::{LazyLock, Mutex, PoisonError};

use world::World;

/// The most requests of one script.
const LONGEST: usize = 8;

static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| Mutex::new(World::new()));

/// Sends the requests of a script one after the other; panics where an answer breaks a rule. Answers their statuses.
pub fn run(data: &[u8]) -> Vec<u16> {
    let mut world = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    let mut visit = world.visit();
    let mut statuses = Vec::new();
    for part in script::requests(data).take(LONGEST) {
        let written = visit.fill(part);
        let Some(request) = script::parse(&written) else { continue };
        if request.leads_outside() || (request.costs_a_hash() && !world.may_hash()) {
            continue;
        }
        let shown = String::from_utf8_lossy(&written).into_owned();
        let answer = world.send(request);
        visit.learn(&answer);
        verdict::judge(&answer, &visit, &shown);
        statuses.push(answer.status.as_u16());
    }
    statuses
}
