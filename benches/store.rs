//! What do the shapes of a request cost in the store alone? `cargo bench --bench store` runs them on a file of their own.
//!
//! Figures to compare by eye, on one machine, before and after a change; nothing fails for being slow.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench is as free as the tests are")]
#![expect(clippy::disallowed_methods, reason = "the time that passes is what is measured")]

use std::time::{Duration, Instant};

use countersign::store::{Db, Options, facts};

/// The unit of `/proc/self/stat`, in microseconds: `USER_HZ` is 100 on every Linux.
const TICK: f64 = 10_000.0;

/// How long each row of the table is measured.
const WHILE: Duration = Duration::from_secs(3);

/// Rows among which one is looked for.
const ROWS: u64 = 10_000;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("x.db").display());
    let db = Db::open_or_make(&Options { url, max_connections: 8 }).await.unwrap();
    db.migrate().await.unwrap();
    let mut tx = db.write().await.unwrap();
    for row in 0..ROWS {
        facts::set(&mut tx, &format!("row {row}"), "a value of some length, as a row has it").await.unwrap();
    }
    tx.commit().await.unwrap();
    println!("{:<44} {:>10} {:>12}", "", "a second", "CPU ms each");
    for at_once in [1, 16] {
        for reads in [1, 3] {
            let name = format!("connection and {reads} point reads, {at_once} at once");
            row(&name, &db, at_once, move |db, n| read(db, n, reads)).await;
        }
        row(&format!("transaction of two statements, {at_once} at once"), &db, at_once, write).await;
    }
    db.close().await;
}

async fn read(db: Db, n: u64, reads: u64) {
    let mut conn = db.read().await.unwrap();
    for at in 0..reads {
        let name = format!("row {}", (n * 7919 + at * 104_729) % ROWS);
        assert!(facts::find(&mut conn, &name).await.unwrap().is_some());
    }
}

async fn write(db: Db, n: u64) {
    let mut tx = db.write().await.unwrap();
    for at in 0..2 {
        let name = format!("row {}", (n * 7919 + at * 104_729) % ROWS);
        facts::set(&mut tx, &name, "another value of some length, as a row has").await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Runs one thing by so many tasks for a while, and prints what it took.
async fn row<F>(name: &str, db: &Db, at_once: u64, once: impl Fn(Db, u64) -> F + Copy + Send + 'static)
where
    F: Future<Output = ()> + Send,
{
    let (began, spent) = (Instant::now(), processor());
    let tasks: Vec<_> = (0..at_once)
        .map(|task| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut done = 0;
                while began.elapsed() < WHILE {
                    once(db.clone(), task * 1_000_003 + done).await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
    let done = done as f64;
    let (seconds, spent) = (began.elapsed().as_secs_f64(), processor() - spent);
    println!("{name:<44} {:>10.0} {:>12.4}", done / seconds, spent / 1000.0 / done);
}

/// The processor time of this process, in microseconds.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |index: usize| after_name[index].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) * TICK
}
