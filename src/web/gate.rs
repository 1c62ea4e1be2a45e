//! Who waits for whom, when everybody comes at once? A page of a sign-in takes some tenths of a millisecond, a key set
//! or a token some hundredths. The runtime works through what is ready in the order in which it came, so that one short request would wait
//! behind all pages of a crowd. By a gate pages go on a few at a time, and whatever else is ready meanwhile comes between them.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

/// A gate, of which a process has one; cheap to clone.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A gate by which so many go on at a time: as many as there are workers, or some of these would have nothing to do.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self(Arc::new(Semaphore::new(width.max(1))))
    }

    /// What comes of the work. Each time that it can go on it waits for a turn, in order, and holds it until whatever else was ready has
    /// gone on as well; what it waits for in between, a database or a hash, takes no turn.
    pub async fn through<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        loop {
            // None only of a gate that is closed, which none is.
            let turn = self.0.acquire().await.ok();
            let mut step = go_on(work.as_mut()).await;
            yield_now().await;
            // What it waits for may have come meanwhile, and wakes nobody twice.
            if step.is_pending() {
                step = go_on(work.as_mut()).await;
            }
            drop(turn);
            match step {
                Poll::Ready(done) => return done,
                Poll::Pending => woken().await,
            }
        }
    }
}

/// One step, and whether that was the last.
async fn go_on<F: Future>(mut work: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await
}

/// Until the task is woken: by what its work waits for, which has its waker.
async fn woken() {
    let mut waits = true;
    poll_fn(|_| if std::mem::take(&mut waits) { Poll::Pending } else { Poll::Ready(()) }).await;
}

/// Answers as this gate lets through.
pub async fn by_gate(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    gate.through(next.run(request)).await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::{broadcast, oneshot};
    use tokio::task::JoinSet;

    use super::*;

    type Order = Arc<Mutex<Vec<&'static str>>>;

    fn step(order: &Order, who: &'static str) {
        order.lock().unwrap().push(who);
    }

    fn place(order: &Order, who: &str) -> usize {
        order.lock().unwrap().iter().position(|w| *w == who).unwrap()
    }

    #[tokio::test]
    async fn whoever_is_short_waits_for_as_many_long_ones_as_the_gate_is_wide() {
        for width in [1, 3] {
            let (gate, order, mut all) = (Gate::new(width), Order::default(), JoinSet::new());
            for _ in 0..50 {
                let (gate, order) = (gate.clone(), Arc::clone(&order));
                all.spawn(async move { gate.through(async { step(&order, "long") }).await });
            }
            let short = Arc::clone(&order);
            all.spawn(async move { step(&short, "short") });
            all.join_all().await;
            assert_eq!(order.lock().unwrap().len(), 51);
            assert!(place(&order, "short") <= width, "{width}: {:?}", order.lock().unwrap());
        }
    }

    #[tokio::test]
    async fn what_goes_on_after_a_wait_waits_for_its_turn_again() {
        let (gate, order, mut all) = (Gate::new(1), Order::default(), JoinSet::new());
        let (call, _) = broadcast::channel(1);
        let begun = Arc::new(AtomicUsize::new(0));
        for _ in 0..50 {
            let (gate, order, begun) = (gate.clone(), Arc::clone(&order), Arc::clone(&begun));
            let mut called = call.subscribe();
            let work = async move {
                begun.fetch_add(1, Ordering::Relaxed);
                called.recv().await.unwrap();
                step(&order, "long");
            };
            all.spawn(async move { gate.through(work).await });
        }
        while begun.load(Ordering::Relaxed) < 50 {
            yield_now().await;
        }
        call.send(()).unwrap();
        let short = Arc::clone(&order);
        all.spawn(async move { step(&short, "short") });
        all.join_all().await;
        // The last that had begun may have gone on in the turn that it had.
        assert!(place(&order, "short") <= 2, "{:?}", order.lock().unwrap());
    }

    #[tokio::test]
    async fn what_comes_while_a_turn_is_held_wakes_its_work() {
        let (gate, mut all) = (Gate::new(1), JoinSet::new());
        for _ in 0..50 {
            let (send, receive) = oneshot::channel();
            let (one, other) = (gate.clone(), gate.clone());
            all.spawn(async move { one.through(async { receive.await.unwrap() }).await });
            all.spawn(async move { other.through(async { send.send(()).unwrap() }).await });
        }
        all.join_all().await;
        assert_eq!(gate.0.available_permits(), 1);
    }

    #[tokio::test]
    async fn whoever_hangs_up_leaves_the_gate_and_so_does_whoever_panics() {
        let (gate, mut all) = (Gate::new(1), JoinSet::new());
        for _ in 0..5 {
            let gate = gate.clone();
            all.spawn(async move { gate.through(std::future::pending::<()>()).await });
            yield_now().await;
        }
        all.shutdown().await;
        let other = gate.clone();
        tokio::spawn(async move { other.through(async { panic!("as it should") }).await }).await.unwrap_err();
        assert_eq!(gate.through(async { 7 }).await, 7);
    }
}
