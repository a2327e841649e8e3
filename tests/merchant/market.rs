//! A sandbox with a shop in it: boxes that sell, payers that pay, and the desk of the
//! merchant's server.

use std::sync::Arc;

use alitv_pay::core::call::Reply;
use alitv_pay::core::facts::{Facts, Interval, OrderId, Renewal};
use alitv_pay::merchant::ledger::{NewOrder, Plan, Registered};
use alitv_pay::money::Fen;
use alitv_pay::wire::partner::{PartnerOrder, PartnerStatus};
use serde_json::Value;

use crate::desk::Desk;
use crate::harness::World;

pub struct Market {
    pub world: World,
    pub desk: Desk,
    _dir: tempfile::TempDir,
}

pub fn fen(fen: i64) -> Fen {
    Fen::new(fen).unwrap()
}

/// What a merchant has agreed with the payer of `Market::sold`.
pub fn subscription(order: &str, interval: Interval, prices: &[i64]) -> NewOrder {
    NewOrder {
        order_no: OrderId::new(order).unwrap(),
        price_fen: fen(prices[0]),
        subject: "60 gems".into(),
        subject_id: Some("gem60".into()),
        plan: Some(Plan {
            interval,
            prices_fen: prices.iter().copied().map(fen).collect(),
            subject: "monthly pass".into(),
            notify_url: "http://127.0.0.1:9/notify".into(),
        }),
        charge: None,
    }
}

impl Market {
    /// With the first app of the sandbox.
    pub fn open() -> Market {
        let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
        let app = &world.sandbox.apps[0];
        let desk =
            Desk::with(dir.path(), &world.sandbox.gateway_url, &app.app_key, &app.app_secret);
        Market { world, desk, _dir: dir }
    }

    /// A desk of its own with another secret, app or gateway.
    pub fn desk_with(&self, name: &str, url: &str, app_key: &str, app_secret: &str) -> Desk {
        let dir = self.desk.dir.join(name);
        std::fs::create_dir(&dir).unwrap();
        Desk::with(&dir, url, app_key, app_secret)
    }

    /// The box sells a subscription, and the payer pays the first order now.
    pub fn sold(&self, order: &str, interval: Interval, prices: &[i64]) {
        let facts = Facts {
            amount_fen: fen(prices[0]),
            renewal: Some(Renewal {
                interval,
                prices_fen: prices.iter().copied().map(fen).collect(),
                subject: "monthly pass".into(),
                description: None,
            }),
            ..Facts::clone(&self.world.facts(order))
        };
        let shown = self.world.precreate_facts(&Arc::new(facts));
        assert!(matches!(shown, Reply::Shown { .. }), "{shown:?}");
        self.world.does("POST", &format!("/orders/{order}/pay"), r#"{"user":"100001"}"#);
    }

    /// What the desk writes down of it, and that it is paid.
    pub fn agreed(&self, order: &str, interval: Interval, prices: &[i64]) {
        self.write_down(&subscription(order, interval, prices));
    }

    /// Into the ledger, paid at the moment at which it was paid in the sandbox, or now.
    pub fn write_down(&self, first: &NewOrder) {
        let (status, sold) = self.world.control("GET", &format!("/orders/{}", first.order_no), "");
        let paid_ms = sold["paid_ms"].as_i64().filter(|_| status == 200);
        let paid_ms = paid_ms.unwrap_or_else(|| self.world.now_ms());
        let ledger = self.desk.ledger();
        assert_eq!(ledger.register(first, paid_ms), Ok(Registered::New));
        let answer = PartnerOrder {
            partner_order_no: first.order_no.to_string(),
            alipay_trade_no: "20881234567890123456".into(),
            order_status: PartnerStatus::TradeSuccess,
            price: first.price_fen,
            subject: first.subject.clone(),
            subject_id: first.subject_id.clone().unwrap_or_default(),
            buyer_logon_id: String::new(),
        };
        ledger.settle(&first.order_no, &answer, paid_ms).unwrap();
    }

    /// Sold, written down, and its first charge due.
    pub fn due(&self, order: &str, prices: &[i64]) {
        self.sold(order, Interval::Month, prices);
        self.agreed(order, Interval::Month, prices);
        self.to_due(order);
    }

    /// The clock goes to the next charge of a subscription.
    pub fn to_due(&self, order: &str) {
        self.world.does("POST", &format!("/renewals/{order}/due"), "");
    }

    pub fn thread(&self, order: &str) -> Value {
        self.world.does("GET", &format!("/renewals/{order}"), "")
    }

    /// Charges that the platform has taken, as `seq status`.
    pub fn charges(&self, order: &str) -> Vec<String> {
        let thread = self.thread(order);
        let charges = thread["charges"].as_array().unwrap().iter();
        let later = charges.filter(|charge| charge["seq"] != 0);
        later.map(|c| format!("{} {}", c["seq"], c["status"].as_str().unwrap())).collect()
    }
}
