//! Does a fault end with its cause? Each test runs the real program, breaks what it stands on, mends it, and looks at what is left.
//! `README.md` says what there is and how to run it.
#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

#[expect(dead_code, reason = "what measures is for those who measure")]
#[path = "../../benches/load/src/lib.rs"]
mod load;

mod disk;
mod failover;
mod haproxy;
mod letting_in;
mod line;
mod lives;
mod nodes;
mod pooler;
mod postgres;
mod provider;
mod silence;
mod throttle;
mod upgrade;
