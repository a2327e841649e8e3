//! What an answer of the platform means to an order, and writing it down.

use rusqlite::{params, Connection};

use super::register::answered;
use super::row::{cut, find};
use super::{Entry, GrantId, Ledger, LedgerError, OrderState, Settled};
use crate::core::facts::OrderId;
use crate::limits::GATEWAY_TEXT_BYTES_MAX;
use crate::wire::partner::{PartnerOrder, PartnerStatus};

/// Where an answer moves an order.
#[derive(Debug, PartialEq, Eq)]
enum Move {
    /// Nowhere; what to say.
    Stay(Settled),
    /// It is paid as agreed: with a grant.
    Pay,
    /// Nobody will pay, or the money went back. A grant that is there stays.
    Close,
    /// It is paid, but this field is not as agreed.
    Mismatch(&'static str),
}

impl Ledger {
    /// Compares the platform's own answer about an order with what was registered, and writes
    /// down what follows, with the grant, in one transaction. The answer must come from the
    /// merchant's own question, over TLS; never from a notify.
    ///
    /// # Errors
    /// Those of the file. Nothing is written then.
    pub fn settle(
        &self,
        order_no: &OrderId,
        answer: &PartnerOrder,
        now_ms: i64,
    ) -> Result<Settled, LedgerError> {
        self.write(|ledger| {
            let Some(entry) = find(ledger, order_no)? else { return Ok(Settled::Unknown) };
            match judge(&entry, answer) {
                Move::Stay(said) => {
                    answered(ledger, order_no)?;
                    Ok(said)
                }
                Move::Pay => {
                    mark(ledger, order_no, OrderState::Paid, answer, None, now_ms)?;
                    grant(ledger, order_no)?;
                    Ok(Settled::Granted(GrantId::of(order_no)))
                }
                Move::Close => {
                    mark(ledger, order_no, OrderState::Closed, answer, None, now_ms)?;
                    Ok(Settled::Closed)
                }
                Move::Mismatch(field) => {
                    let why = difference_text(&entry, answer, field);
                    mark(ledger, order_no, OrderState::Mismatch, answer, Some(&why), now_ms)?;
                    Ok(Settled::Mismatch { field })
                }
            }
        })
    }

    /// A person has looked into a mismatch: the goods are owed all the same. Makes the grant.
    ///
    /// # Errors
    /// `Unknown` unless the order is a mismatch.
    pub fn accept(&self, order_no: &OrderId, now_ms: i64) -> Result<GrantId, LedgerError> {
        self.write(|ledger| {
            let entry = find(ledger, order_no)?;
            if entry.is_none_or(|entry| entry.state != OrderState::Mismatch) {
                return Err(LedgerError::Unknown(order_no.clone()));
            }
            let sql = "UPDATE orders SET state = 'paid', closed_ms = NULL, settled_ms = ?2
                WHERE order_no = ?1";
            ledger.prepare_cached(sql)?.execute(params![order_no, now_ms])?;
            grant(ledger, order_no)?;
            Ok(GrantId::of(order_no))
        })
    }
}

/// Pure: an order and an answer about it.
fn judge(entry: &Entry, answer: &PartnerOrder) -> Move {
    if answer.partner_order_no != entry.order_no.as_str() {
        return Move::Stay(Settled::Mismatch { field: "partner_order_no" });
    }
    let stays = || match entry.state {
        OrderState::Open | OrderState::Held => Settled::Waiting,
        OrderState::Paid => Settled::Already,
        OrderState::Closed => Settled::Closed,
        OrderState::Mismatch => Settled::Mismatch { field: "order_status" },
    };
    match (&answer.order_status, entry.state) {
        (PartnerStatus::TradeSuccess, OrderState::Open | OrderState::Held) => {
            difference(entry, answer).map_or(Move::Pay, Move::Mismatch)
        }
        // An answer that was overtaken: it is older than the refund.
        (PartnerStatus::TradeSuccess, OrderState::Closed) if entry.is_refunded() => {
            Move::Stay(Settled::Closed)
        }
        // The platform calls both of its final states final.
        (PartnerStatus::TradeSuccess, OrderState::Closed) => Move::Mismatch("order_status"),
        (PartnerStatus::TradeClosed, OrderState::Closed) => Move::Stay(Settled::Closed),
        (PartnerStatus::TradeClosed, _) => Move::Close,
        _ => Move::Stay(stays()),
    }
}

/// The platform's name of the first field that is not as agreed.
fn difference(entry: &Entry, answer: &PartnerOrder) -> Option<&'static str> {
    let differs = [
        ("price", answer.price != entry.price_fen),
        ("subject", answer.subject != entry.subject),
        ("subject_id", answer.subject_id != entry.subject_id.as_deref().unwrap_or("")),
    ];
    differs.iter().find(|row| row.1).map(|row| row.0)
}

/// For the person who decides.
fn difference_text(entry: &Entry, answer: &PartnerOrder, field: &str) -> String {
    let subject_id = entry.subject_id.as_deref().unwrap_or("");
    match field {
        "price" => format!("price: agreed {}, paid {}", entry.price_fen, answer.price),
        "subject" => format!("subject: agreed {:?}, paid {:?}", entry.subject, answer.subject),
        "subject_id" => {
            format!("subject_id: agreed {subject_id:?}, paid {:?}", answer.subject_id)
        }
        _ => "order_status: paid after the platform had said that it is closed".to_owned(),
    }
}

fn mark(
    ledger: &Connection,
    order_no: &OrderId,
    state: OrderState,
    answer: &PartnerOrder,
    why: Option<&str>,
    now_ms: i64,
) -> Result<(), LedgerError> {
    let sql = "UPDATE orders SET state = ?2, why = ?3, settled_ms = ?4, hinted_ms = NULL,
            trade_no = coalesce(?5, trade_no), buyer_logon_id = coalesce(?6, buyer_logon_id),
            paid_ms = coalesce(paid_ms, ?7), closed_ms = coalesce(?8, closed_ms)
        WHERE order_no = ?1";
    let closed = state == OrderState::Closed;
    ledger.prepare_cached(sql)?.execute(params![
        order_no,
        state,
        why.map(cut),
        now_ms,
        told(&answer.alipay_trade_no),
        told(&answer.buyer_logon_id),
        (!closed).then_some(now_ms),
        closed.then_some(now_ms),
    ])?;
    Ok(())
}

/// What the platform left empty is not known; what is longer than its kind is cut.
fn told(text: &str) -> Option<&str> {
    let mut end = text.len().min(GATEWAY_TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Some(&text[..end]).filter(|text| !text.is_empty())
}

/// No "if it is not there": the state says that it is not, and the table holds it.
fn grant(ledger: &Connection, order_no: &OrderId) -> Result<(), LedgerError> {
    let sql = "INSERT INTO grants (order_no, state, tries, due_ms) VALUES (?1, 'due', 0, 0)";
    ledger.prepare_cached(sql)?.execute(params![order_no])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merchant::ledger::testing::{
        answer, answer as good_answer, new_order, TestLedger, NOW_MS,
    };
    use crate::merchant::ledger::{Filter, GrantState, Which};
    use crate::money::Fen;

    fn spoilt() -> Vec<(&'static str, PartnerOrder)> {
        let good = answer("A-1", PartnerStatus::TradeSuccess);
        vec![
            ("price", PartnerOrder { price: Fen::new(1).unwrap(), ..good.clone() }),
            ("subject", PartnerOrder { subject: "60 gemS".into(), ..good.clone() }),
            ("subject", PartnerOrder { subject: String::new(), ..good.clone() }),
            ("subject_id", PartnerOrder { subject_id: "gems_61".into(), ..good.clone() }),
            ("subject_id", PartnerOrder { subject_id: String::new(), ..good }),
        ]
    }

    #[test]
    fn paid_as_agreed_makes_one_grant_however_often_it_is_said() {
        let ledger = TestLedger::with(&["A-1", "B-1"]);
        let order_no = OrderId::new("A-1").unwrap();
        let said = ledger.settle(&order_no, &answer("A-1", PartnerStatus::TradeSuccess), NOW_MS);
        let grant_id = GrantId::of(&order_no);
        assert_eq!(said, Ok(Settled::Granted(grant_id.clone())));
        for status in ["TRADE_SUCCESS", "WAIT_BUYER_PAY", "ODD"] {
            let again = answer("A-1", PartnerStatus::parse(status));
            assert_eq!(ledger.settle(&order_no, &again, NOW_MS + 1), Ok(Settled::Already));
        }
        for (_, again) in spoilt() {
            assert_eq!(ledger.settle(&order_no, &again, NOW_MS + 1), Ok(Settled::Already));
        }
        let due = ledger.due_grants(NOW_MS, 10).unwrap();
        assert_eq!(due.len(), 1);
        assert_eq!((&due[0].grant_id, due[0].tries), (&grant_id, 0));
        let entry = &due[0].entry;
        assert_eq!((entry.state, entry.paid_ms), (OrderState::Paid, Some(NOW_MS)));
        assert_eq!(entry.settled_ms, Some(NOW_MS));
        assert_eq!(entry.trade_no.as_deref(), Some("2016062021001004340200123456"));
        assert_eq!(entry.buyer_logon_id.as_deref(), Some("138****0000"));
    }

    #[test]
    fn paid_otherwise_than_agreed_grants_nothing_until_a_person_says_so() {
        for (field, answer) in spoilt() {
            let ledger = TestLedger::with(&["A-1"]);
            let order_no = OrderId::new("A-1").unwrap();
            let said = ledger.settle(&order_no, &answer, NOW_MS);
            assert_eq!(said, Ok(Settled::Mismatch { field }));
            let entry = ledger.find(&order_no).unwrap().unwrap();
            assert_eq!((entry.state, entry.grant), (OrderState::Mismatch, None));
            assert!(entry.why.unwrap().starts_with(field), "{field}");
            let good = good_answer("A-1", PartnerStatus::TradeSuccess);
            let again = ledger.settle(&order_no, &good, NOW_MS);
            assert_eq!(again, Ok(Settled::Mismatch { field: "order_status" }));
            assert_eq!(ledger.due_grants(NOW_MS, 10), Ok(vec![]));
            assert_eq!(ledger.accept(&order_no, NOW_MS + 5), Ok(GrantId::of(&order_no)));
            assert_eq!(ledger.due_grants(NOW_MS + 5, 10).unwrap().len(), 1);
            let twice = ledger.accept(&order_no, NOW_MS + 6);
            assert_eq!(twice, Err(LedgerError::Unknown(order_no)));
        }
    }

    #[test]
    fn an_answer_about_another_order_moves_nothing() {
        let ledger = TestLedger::with(&["A-1", "B-1"]);
        let order_no = OrderId::new("B-1").unwrap();
        for status in ["TRADE_SUCCESS", "TRADE_CLOSED", "WAIT_BUYER_PAY"] {
            let other = answer("A-1", PartnerStatus::parse(status));
            let said = ledger.settle(&order_no, &other, NOW_MS);
            assert_eq!(said, Ok(Settled::Mismatch { field: "partner_order_no" }), "{status}");
            assert_eq!(ledger.find(&order_no).unwrap().unwrap().state, OrderState::Open);
        }
        let nobody = OrderId::new("C-1").unwrap();
        let said = ledger.settle(&nobody, &answer("C-1", PartnerStatus::TradeSuccess), NOW_MS);
        assert_eq!(said, Ok(Settled::Unknown));
    }

    #[test]
    fn each_state_takes_each_word_of_the_platform() {
        use OrderState::{Closed, Held, Mismatch, Open, Paid};
        let mismatch = || Settled::Mismatch { field: "order_status" };
        let ledger = TestLedger::with(&["A-1"]);
        let order_no = OrderId::new("A-1").unwrap();
        let open = ledger.find(&order_no).unwrap().unwrap();
        for state in [Open, Held, Paid, Closed, Mismatch] {
            let entry = Entry { state, ..open.clone() };
            let refunded = Entry { paid_ms: Some(NOW_MS), ..entry.clone() };
            let success = match state {
                Open | Held => Move::Pay,
                Paid => Move::Stay(Settled::Already),
                Closed => Move::Mismatch("order_status"),
                Mismatch => Move::Stay(mismatch()),
            };
            let closed = match state {
                Closed => Move::Stay(Settled::Closed),
                _ => Move::Close,
            };
            let other = match state {
                Open | Held => Settled::Waiting,
                Paid => Settled::Already,
                Closed => Settled::Closed,
                Mismatch => mismatch(),
            };
            let said = |word: &str| judge(&entry, &answer("A-1", PartnerStatus::parse(word)));
            assert_eq!(said("TRADE_SUCCESS"), success, "{state:?}");
            assert_eq!(said("TRADE_CLOSED"), closed, "{state:?}");
            for word in ["WAIT_BUYER_PAY", "TRADE_FINISHED", ""] {
                assert_eq!(said(word), Move::Stay(other.clone()), "{state:?} {word}");
            }
            if state == Closed {
                let late = judge(&refunded, &answer("A-1", PartnerStatus::TradeSuccess));
                assert_eq!(late, Move::Stay(Settled::Closed));
            }
        }
    }

    #[test]
    fn a_refund_keeps_the_grant_and_is_listed() {
        let ledger = TestLedger::with(&["A-1", "B-1"]);
        let given = OrderId::new("A-1").unwrap();
        let owed = OrderId::new("B-1").unwrap();
        for order_no in [&given, &owed] {
            let paid = answer(order_no.as_str(), PartnerStatus::TradeSuccess);
            ledger.settle(order_no, &paid, NOW_MS).unwrap();
        }
        assert_eq!(ledger.delivered(&GrantId::of(&given), NOW_MS + 1), Ok(true));
        for order_no in [&given, &owed] {
            let back = answer(order_no.as_str(), PartnerStatus::TradeClosed);
            assert_eq!(ledger.settle(order_no, &back, NOW_MS + 2), Ok(Settled::Closed));
        }
        let refunded = ledger.list(&Filter::newest(Which::GrantedNotPaid, 10)).unwrap();
        assert_eq!(refunded.iter().map(|e| &e.order_no).collect::<Vec<_>>(), [&owed, &given]);
        assert!(refunded.iter().all(|entry| entry.is_refunded()));
        let delivered = GrantState::Delivered { delivered_ms: NOW_MS + 1 };
        assert_eq!(refunded[1].grant, Some(delivered));
        assert_eq!(refunded[0].grant, Some(GrantState::Due { tries: 0, due_ms: 0 }));
        assert_eq!(ledger.due_grants(NOW_MS + 9, 10), Ok(vec![]), "the money went back");
    }

    #[test]
    fn paid_after_closed_is_for_a_person_but_an_overtaken_answer_is_not() {
        let ledger = TestLedger::with(&["A-1", "B-1"]);
        let (odd, refunded) = (OrderId::new("A-1").unwrap(), OrderId::new("B-1").unwrap());
        let unpaid = PartnerOrder {
            alipay_trade_no: String::new(),
            buyer_logon_id: String::new(),
            ..answer("A-1", PartnerStatus::TradeClosed)
        };
        assert_eq!(ledger.settle(&odd, &unpaid, NOW_MS), Ok(Settled::Closed));
        assert!(!ledger.find(&odd).unwrap().unwrap().is_refunded());
        let back = answer("B-1", PartnerStatus::TradeClosed);
        assert_eq!(ledger.settle(&refunded, &back, NOW_MS), Ok(Settled::Closed));
        let paid = |no: &str| answer(no, PartnerStatus::TradeSuccess);
        let said = ledger.settle(&odd, &paid("A-1"), NOW_MS);
        assert_eq!(said, Ok(Settled::Mismatch { field: "order_status" }));
        assert_eq!(ledger.settle(&refunded, &paid("B-1"), NOW_MS), Ok(Settled::Closed));
        assert_eq!(ledger.due_grants(NOW_MS, 10), Ok(vec![]));
    }

    #[test]
    fn a_held_order_is_settled_like_an_open_one() {
        let ledger = TestLedger::with(&["A-1", "B-1"]);
        let order_no = OrderId::new("A-1").unwrap();
        ledger.hold(&order_no, "RENEWAL_PRICE_ERROR").unwrap();
        let waits = answer("A-1", PartnerStatus::WaitBuyerPay);
        assert_eq!(ledger.settle(&order_no, &waits, NOW_MS), Ok(Settled::Waiting));
        let entry = ledger.find(&order_no).unwrap().unwrap();
        assert_eq!(entry.state, OrderState::Held);
        assert_eq!(entry.why.as_deref(), Some("RENEWAL_PRICE_ERROR"));
        let paid = answer("A-1", PartnerStatus::TradeSuccess);
        assert!(matches!(ledger.settle(&order_no, &paid, NOW_MS), Ok(Settled::Granted(_))));
        assert_eq!(ledger.find(&order_no).unwrap().unwrap().why, None);
        let gone = |result: Result<(), LedgerError>| {
            assert_eq!(result, Err(LedgerError::Unknown(order_no.clone())));
        };
        gone(ledger.hold(&order_no, "x"));
        gone(ledger.release(&order_no));
        let other = OrderId::new("B-1").unwrap();
        ledger.hold(&other, "x").unwrap();
        ledger.release(&other).unwrap();
        assert_eq!(ledger.find(&other).unwrap().unwrap().facts(), new_order("B-1"));
    }

    #[test]
    fn long_words_of_the_platform_are_cut_whole_characters() {
        let ledger = TestLedger::with(&["A-1"]);
        let order_no = OrderId::new("A-1").unwrap();
        let buyer_logon_id = "买".repeat(GATEWAY_TEXT_BYTES_MAX);
        let paid = PartnerOrder { buyer_logon_id, ..answer("A-1", PartnerStatus::TradeSuccess) };
        ledger.settle(&order_no, &paid, NOW_MS).unwrap();
        let kept = ledger.find(&order_no).unwrap().unwrap().buyer_logon_id.unwrap();
        assert_eq!(kept, "买".repeat(GATEWAY_TEXT_BYTES_MAX / 3));
    }
}
