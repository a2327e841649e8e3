//! One question about an order at a time: copies of a notify wait for the first one's answer.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::core::facts::OrderId;
use crate::limits::{NOTIFY_ASKS_MAX, NOTIFY_WAITERS_MAX, NOTIFY_WORKERS};

const _: () = assert!(NOTIFY_ASKS_MAX + NOTIFY_WAITERS_MAX < NOTIFY_WORKERS);

#[derive(Default)]
struct Seats {
    asking: HashSet<OrderId>,
    waiting: usize,
}

/// Who asks at the moment.
#[derive(Default)]
pub(super) struct Desk {
    seats: Mutex<Seats>,
    left: Condvar,
}

/// What a copy found.
pub(super) enum Turn<'a> {
    /// Nobody else asks about this order until this is dropped.
    Ask(Seat<'a>),
    /// Another one has asked, and is done.
    Waited,
    /// Another one still asks, or there is no place.
    Busy,
}

/// The right to ask about one order.
pub(super) struct Seat<'a> {
    desk: &'a Desk,
    order_no: OrderId,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the seat of an order, or waits until it is free for the next one.
    pub fn turn(&self, order_no: &OrderId, wait: Duration) -> Turn<'_> {
        let mut seats = self.lock();
        if !seats.asking.contains(order_no) {
            if seats.asking.len() == NOTIFY_ASKS_MAX {
                return Turn::Busy;
            }
            seats.asking.insert(order_no.clone());
            return Turn::Ask(Seat { desk: self, order_no: order_no.clone() });
        }
        if wait.is_zero() || seats.waiting == NOTIFY_WAITERS_MAX {
            return Turn::Busy;
        }
        seats.waiting += 1;
        let taken = |seats: &mut Seats| seats.asking.contains(order_no);
        let waited = self.left.wait_timeout_while(seats, wait, taken);
        let (mut seats, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        seats.waiting -= 1;
        match waited.timed_out() {
            true => Turn::Busy,
            false => Turn::Waited,
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.desk.lock().asking.remove(&self.order_no);
        self.desk.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn order_no(n: usize) -> OrderId {
        OrderId::new(format!("A-{n}")).unwrap()
    }

    #[test]
    fn copies_wait_for_the_one_that_asks() {
        let desk = Desk::default();
        let turn = desk.turn(&order_no(1), LONG);
        assert!(matches!(turn, Turn::Ask(_)));
        assert!(matches!(desk.turn(&order_no(2), LONG), Turn::Ask(_)), "another order");
        assert!(matches!(desk.turn(&order_no(1), Duration::ZERO), Turn::Busy));
        assert!(matches!(desk.turn(&order_no(1), Duration::from_millis(1)), Turn::Busy));
        std::thread::scope(|scope| {
            let copies: Vec<_> =
                (0..7).map(|_| scope.spawn(|| desk.turn(&order_no(1), LONG))).collect();
            while desk.lock().waiting < 7 {
                std::thread::yield_now();
            }
            drop(turn);
            for copy in copies {
                assert!(matches!(copy.join().unwrap(), Turn::Waited));
            }
        });
        assert!(matches!(desk.turn(&order_no(1), LONG), Turn::Ask(_)));
        assert!(desk.lock().asking.is_empty() && desk.lock().waiting == 0);
    }

    #[test]
    fn seats_and_places_to_wait_are_bounded() {
        let desk = Desk::default();
        let turns: Vec<_> = (0..NOTIFY_ASKS_MAX).map(|n| desk.turn(&order_no(n), LONG)).collect();
        assert!(turns.iter().all(|turn| matches!(turn, Turn::Ask(_))));
        assert!(matches!(desk.turn(&order_no(99), LONG), Turn::Busy));
        std::thread::scope(|scope| {
            for _ in 0..NOTIFY_WAITERS_MAX {
                scope.spawn(|| desk.turn(&order_no(0), LONG));
            }
            while desk.lock().waiting < NOTIFY_WAITERS_MAX {
                std::thread::yield_now();
            }
            assert!(matches!(desk.turn(&order_no(0), LONG), Turn::Busy));
            drop(turns);
        });
        assert!(matches!(desk.turn(&order_no(99), LONG), Turn::Ask(_)));
    }
}
