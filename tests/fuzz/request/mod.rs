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

/// A rule that nothing can break is no rule.
#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use axum::http::{HeaderValue, StatusCode};

    use super::world::Answer;
    use super::*;

    type Spoil = fn(&mut Answer);

    #[test]
    fn each_rule_can_be_broken() {
        let mut world = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
        let visit = world.visit();
        let good = world.send(script::parse(b"GET /device").unwrap());
        let breaks = |answer: &Answer| {
            catch_unwind(AssertUnwindSafe(|| verdict::judge(answer, &visit, "GET /device"))).is_err()
        };
        assert!(!breaks(&good));
        let spoiled: [(&str, Spoil); 9] = [
            ("status", |a| a.status = StatusCode::INTERNAL_SERVER_ERROR),
            ("no header", |a| drop(a.headers.remove("referrer-policy"))),
            ("no policy", |a| drop(a.headers.remove("content-security-policy"))),
            ("elsewhere", |a| set(a, "location", "//evil.example/")),
            ("almost there", |a| set(a, "location", "https://app.example.org/callback.evil.example/")),
            ("cookie", |a| set(a, "set-cookie", "session=x; Secure")),
            ("json", |a| set(a, "content-type", "application/json")),
            ("script", |a| a.body.extend(b"<script>alert(1)</script>")),
            ("link", |a| a.body.extend(b"<a href=\"javascript:alert(1)\">x</a>")),
        ];
        for (what, spoil) in spoiled {
            let mut answer = good.clone();
            spoil(&mut answer);
            assert!(breaks(&answer), "{what}");
        }
    }

    fn set(answer: &mut Answer, name: &'static str, value: &'static str) {
        answer.headers.insert(name, HeaderValue::from_static(value));
    }
}
