//! A ledger for tests, and what its orders look like.

use std::ops::Deref;
use std::path::PathBuf;

use super::{Ledger, NewOrder, Registered};
use crate::core::facts::OrderId;
use crate::money::Fen;
use crate::wire::partner::{PartnerOrder, PartnerStatus};

pub const NOW_MS: i64 = 1_466_395_200_000;

/// A ledger in a directory of its own.
pub struct TestLedger {
    ledger: Ledger,
    dir: tempfile::TempDir,
}

impl TestLedger {
    /// With some orders of `new_order`.
    pub fn with(order_nos: &[&str]) -> TestLedger {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.sqlite")).unwrap();
        for order_no in order_nos {
            assert_eq!(ledger.register(&new_order(order_no), NOW_MS), Ok(Registered::New));
        }
        TestLedger { ledger, dir }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("ledger.sqlite")
    }
}

impl Deref for TestLedger {
    type Target = Ledger;
    fn deref(&self) -> &Ledger {
        &self.ledger
    }
}

pub fn new_order(order_no: &str) -> NewOrder {
    NewOrder {
        order_no: OrderId::new(order_no).unwrap(),
        price_fen: Fen::new(600).unwrap(),
        subject: "60 gems".into(),
        subject_id: Some("gems_60".into()),
        plan: None,
        charge: None,
    }
}

/// What the platform answers about an order of `new_order`.
pub fn answer(order_no: &str, order_status: PartnerStatus) -> PartnerOrder {
    PartnerOrder {
        partner_order_no: order_no.into(),
        alipay_trade_no: "2016062021001004340200123456".into(),
        order_status,
        price: Fen::new(600).unwrap(),
        subject: "60 gems".into(),
        subject_id: "gems_60".into(),
        buyer_logon_id: "138****0000".into(),
    }
}
