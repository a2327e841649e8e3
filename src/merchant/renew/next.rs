//! Which charge of a subscription comes next, and when. Pure.

use super::super::ledger::{Charge, Entry, NewOrder, OrderState, Plan};
use crate::core::facts::Interval;
use crate::wire::partner::{charge_order_no, RenewalPay};
use crate::wire::time::{due_ms, parse_gmt8};

/// Where a subscription stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Its first order is not paid: there is nothing to go on with.
    NotBegun,
    /// Its first order was given back, or closed.
    Over,
    /// Every charge of its list is paid.
    Finished,
    /// This charge comes next.
    Charge {
        /// Number of the charge.
        seq: u32,
        /// What the ledger has of it; none if it was never recorded.
        recorded: Option<OrderState>,
        /// When it falls due, Unix milliseconds.
        due_ms: i64,
    },
    /// This charge ended without money, so that none may follow until a person has looked.
    Blocked {
        /// Number of the charge.
        seq: u32,
        /// `Closed` or `Mismatch`.
        state: OrderState,
    },
}

/// What comes next of a subscription: `first` is its first order, `charges` are those that
/// were recorded, in any order.
pub fn next(first: &Entry, plan: &Plan, charges: &[Entry]) -> Next {
    match first.state {
        OrderState::Paid => {}
        OrderState::Closed => return Next::Over,
        OrderState::Open | OrderState::Held | OrderState::Mismatch => return Next::NotBegun,
    }
    for seq in 1..plan.prices_fen.len() as u32 {
        let recorded = recorded(charges, seq).map(|entry| entry.state);
        match recorded {
            Some(OrderState::Paid) => {}
            // A person has gone on after it was given back.
            Some(OrderState::Closed) if was_given_back(charges, seq) => {}
            Some(state @ (OrderState::Closed | OrderState::Mismatch)) => {
                return Next::Blocked { seq, state };
            }
            None | Some(OrderState::Open | OrderState::Held) => {
                return Next::Charge { seq, recorded, due_ms: due(first, plan, seq) };
            }
        }
    }
    Next::Finished
}

fn was_given_back(charges: &[Entry], seq: u32) -> bool {
    let went_on = self::recorded(charges, seq + 1).is_some();
    went_on && self::recorded(charges, seq).is_some_and(Entry::is_refunded)
}

/// The charge of a number, if it was recorded.
pub fn recorded(charges: &[Entry], seq: u32) -> Option<&Entry> {
    charges.iter().find(|entry| entry.charge.as_ref().is_some_and(|charge| charge.seq == seq))
}

/// When a charge falls due. The platform does not tell when an order was paid, so the ledger
/// has the moment at which it learned of it, which may be days later. Alipay's trade numbers
/// begin with the day in GMT+8, so that day counts if it is earlier: a charge that is tried
/// too early is refused, and one that is never tried is lost.
fn due(first: &Entry, plan: &Plan, seq: u32) -> i64 {
    let learned_ms = first.paid_ms.unwrap_or(first.created_ms);
    let paid_ms = first.trade_no.as_deref().and_then(day_of_trade);
    let paid_ms = paid_ms.filter(|day_ms| *day_ms < learned_ms).unwrap_or(learned_ms);
    due_ms(paid_ms, seq.saturating_mul(months(plan.interval)))
}

fn day_of_trade(trade_no: &str) -> Option<i64> {
    let digits = trade_no.get(..8).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    parse_gmt8(&format!("{}-{}-{} 00:00:00", &digits[..4], &digits[4..6], &digits[6..]))
}

fn months(interval: Interval) -> u32 {
    match interval {
        Interval::Month => 1,
        Interval::Season => 3,
    }
}

/// The order of a charge, as the ledger records it. None if the plan has no such charge. A
/// charge must have a product id though a first order need not: it is then named after that.
pub fn order_of(first: &Entry, plan: &Plan, seq: u32) -> Option<NewOrder> {
    let price_fen = *plan.prices_fen.get(usize::try_from(seq).ok()?).filter(|_| seq > 0)?;
    let product = first.subject_id.clone().unwrap_or_else(|| first.order_no.to_string());
    Some(NewOrder {
        order_no: charge_order_no(first.order_no.as_str(), seq),
        price_fen,
        subject: plan.subject.clone(),
        subject_id: Some(product),
        plan: None,
        charge: Some(Charge { ref_order_no: first.order_no.clone(), seq }),
    })
}

/// The same charge, as the platform is asked for it.
pub fn request_of(order: &NewOrder, charge: &Charge, plan: &Plan) -> RenewalPay {
    RenewalPay {
        partner_notify_url: plan.notify_url.clone(),
        partner_order_no: order.order_no.as_str().to_owned(),
        price: order.price_fen,
        ref_order_no: charge.ref_order_no.as_str().to_owned(),
        seq: charge.seq,
        subject: order.subject.clone(),
        subject_id: order.subject_id.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::facts::OrderId;
    use crate::money::Fen;
    use crate::wire::time::format_gmt8;

    fn fen(fen: i64) -> Fen {
        Fen::new(fen).unwrap()
    }

    fn plan(interval: Interval, prices: &[i64]) -> Plan {
        Plan {
            interval,
            prices_fen: prices.iter().copied().map(fen).collect(),
            subject: "monthly pass".into(),
            notify_url: "https://shop.example/n".into(),
        }
    }

    fn entry(order_no: &str, state: OrderState, charge: Option<Charge>) -> Entry {
        let paid_ms = matches!(state, OrderState::Paid | OrderState::Mismatch);
        let paid_ms = paid_ms.then(|| parse_gmt8("2016-01-31 12:00:00").unwrap());
        Entry {
            order_no: OrderId::new(order_no).unwrap(),
            price_fen: fen(100),
            subject: "VIP".into(),
            subject_id: Some("vip".into()),
            plan: None,
            charge,
            state,
            trade_no: None,
            buyer_logon_id: None,
            created_ms: 0,
            asked_ms: None,
            hinted_ms: None,
            paid_ms,
            closed_ms: None,
            settled_ms: None,
            grant: None,
            why: None,
        }
    }

    fn charges(states: &[OrderState]) -> Vec<Entry> {
        let ref_order_no = OrderId::new("A").unwrap();
        let charge = |(at, state): (usize, &OrderState)| {
            let seq = at as u32 + 1;
            let number = charge_order_no("A", seq);
            let charge = Charge { ref_order_no: ref_order_no.clone(), seq };
            entry(number.as_str(), *state, Some(charge))
        };
        states.iter().enumerate().map(charge).collect()
    }

    fn next_of(states: &[OrderState]) -> Next {
        let first = entry("A", OrderState::Paid, None);
        next(&first, &plan(Interval::Month, &[100, 100, 100]), &charges(states))
    }

    fn seq_of(next: &Next) -> Option<u32> {
        match next {
            Next::Charge { seq, .. } | Next::Blocked { seq, .. } => Some(*seq),
            _ => None,
        }
    }

    #[test]
    fn one_charge_follows_the_other_and_only_a_paid_one() {
        use OrderState::{Closed, Held, Mismatch, Open, Paid};
        assert_eq!(seq_of(&next_of(&[])), Some(1));
        assert_eq!(seq_of(&next_of(&[Paid])), Some(2));
        assert_eq!(next_of(&[Paid, Paid]), Next::Finished);
        for state in [Open, Held] {
            let Next::Charge { seq, recorded, .. } = next_of(&[state]) else { panic!("{state:?}") };
            assert_eq!((seq, recorded), (1, Some(state)));
        }
        for state in [Closed, Mismatch] {
            assert_eq!(next_of(&[Paid, state]), Next::Blocked { seq: 2, state });
        }
    }

    #[test]
    fn nothing_follows_a_first_order_that_is_not_paid_and_kept() {
        use OrderState::{Closed, Held, Mismatch, Open};
        for (state, wanted) in [
            (Open, Next::NotBegun),
            (Held, Next::NotBegun),
            (Mismatch, Next::NotBegun),
            (Closed, Next::Over),
        ] {
            let plan = plan(Interval::Month, &[100, 100]);
            assert_eq!(next(&entry("A", state, None), &plan, &[]), wanted);
        }
        let alone = plan(Interval::Month, &[100]);
        assert_eq!(next(&entry("A", OrderState::Paid, None), &alone, &[]), Next::Finished);
    }

    #[test]
    fn a_charge_that_was_given_back_blocks_until_a_person_has_gone_on() {
        let first = entry("A", OrderState::Paid, None);
        let plan = plan(Interval::Month, &[100, 100, 100]);
        let mut taken = charges(&[OrderState::Closed]);
        taken[0].trade_no = Some("2016".into());
        let blocked = Next::Blocked { seq: 1, state: OrderState::Closed };
        assert_eq!(next(&first, &plan, &taken), blocked);
        let mut both = charges(&[OrderState::Closed, OrderState::Paid]);
        assert_eq!(next(&first, &plan, &both), blocked, "it never was paid");
        both[0].trade_no = Some("2016".into());
        assert_eq!(next(&first, &plan, &both), Next::Finished);
    }

    #[test]
    fn charges_fall_due_by_the_day_of_the_first_payment() {
        let due_of = |interval, trade_no: Option<&str>, seq: usize| {
            let mut first = entry("A", OrderState::Paid, None);
            first.trade_no = trade_no.map(str::to_owned);
            let paid = vec![OrderState::Paid; seq - 1];
            let plan = plan(interval, &[100; 4]);
            match next(&first, &plan, &charges(&paid)) {
                Next::Charge { due_ms, .. } => format_gmt8(due_ms),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(due_of(Interval::Month, None, 1), "2016-02-29 00:00:00");
        assert_eq!(due_of(Interval::Month, None, 2), "2016-03-31 00:00:00");
        assert_eq!(due_of(Interval::Season, None, 1), "2016-04-30 00:00:00");
        let earlier = "2016012121001004220287654321";
        assert_eq!(due_of(Interval::Month, Some(earlier), 1), "2016-02-21 00:00:00");
        for odd in ["2016022121001004", "2016013", "SB20160101", "20161301", "２０１６0101", ""]
        {
            assert_eq!(due_of(Interval::Month, Some(odd), 1), "2016-02-29 00:00:00", "{odd}");
        }
    }

    #[test]
    fn the_price_comes_from_the_plan_and_the_number_from_the_charge() {
        let first = entry("A", OrderState::Paid, None);
        let plan = plan(Interval::Month, &[100, 200, 300]);
        let order = order_of(&first, &plan, 2).unwrap();
        assert_eq!((order.order_no.as_str(), order.price_fen), ("A_r2", fen(300)));
        let request = request_of(&order, order.charge.as_ref().unwrap(), &plan);
        assert_eq!((request.ref_order_no.as_str(), request.seq, request.price), ("A", 2, fen(300)));
        assert_eq!(
            (request.subject.as_str(), request.subject_id.as_str()),
            ("monthly pass", "vip")
        );
        assert_eq!(request.partner_notify_url, "https://shop.example/n");
        let nameless = Entry { subject_id: None, ..entry("A", OrderState::Paid, None) };
        assert_eq!(order_of(&nameless, &plan, 1).unwrap().subject_id.as_deref(), Some("A"));
        for seq in [0, 3, u32::MAX] {
            assert_eq!(order_of(&first, &plan, seq), None);
        }
    }
}
