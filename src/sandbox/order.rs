//! One order at the Ali side: what the payer, the box and time can do to it. Pure; the
//! caller brings the clock.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::renewal::{Agreement, ChargeOf};
use super::scenario::{Play, Setting, Spoil, Step};
use crate::core::award::Award;
use crate::core::user::UserId;
use crate::limits::{EXPIRES_S_DEFAULT, SANDBOX_EXPIRE_MS, SANDBOX_SCAN_MS};
use crate::wire::device::{OrderStatus, PrecreateData};
use crate::wire::partner::PartnerStatus;

/// Who closed an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClosedBy {
    /// The payer, on the phone.
    Buyer,
    /// The box, by `order.close`.
    Merchant,
    /// Time.
    Expiry,
}

/// An order. Times are Unix milliseconds of the sandbox's clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Grows with age: a larger number is a newer order.
    pub number: u64,
    /// Whose order it is.
    pub app_key: String,
    /// What was ordered.
    pub data: PrecreateData,
    /// Last part of the page's path, in capitals.
    pub code: String,
    /// Proves that a form was on a page of ours.
    pub form_token: String,
    /// Alipay's number.
    pub trade_no: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// When the code was made.
    pub created_ms: i64,
    /// When it stops to be payable.
    pub expires_ms: i64,
    /// When the code was opened.
    pub scanned_ms: Option<i64>,
    /// When it was paid.
    pub paid_ms: Option<i64>,
    /// When it was closed.
    pub closed_ms: Option<i64>,
    /// Who closed it.
    pub closed_by: Option<ClosedBy>,
    /// When the money was given back.
    pub refunded_ms: Option<i64>,
    /// The last try to pay failed for lack of money.
    pub insufficient: bool,
    /// Who pays, if that is known.
    pub payer: Option<UserId>,
    /// What the payer has won by paying.
    pub awards: Vec<Award>,
    /// The subscription that it began, if it began one.
    pub agreement: Option<Agreement>,
    /// The subscription of which it is a later charge, if it is one.
    pub charge: Option<ChargeOf>,
    /// What it is played by.
    pub setting: Setting,
    /// What the payer will still do, and when.
    pub script: VecDeque<(i64, Step)>,
    /// The status of the last answer; a held query waits only if there is nothing newer.
    pub told: OrderStatus,
    /// An answer that a replay can repeat.
    pub earlier_answer: Option<String>,
    /// Woken at each change of the status.
    #[serde(skip)]
    pub changed: watch::Sender<()>,
}

/// Masked account of somebody who has paid without signing in at the box.
pub const UNKNOWN_BUYER: &str = "138****0000";

/// Names and numbers that are made for an order.
pub struct Made {
    /// See `Order::number`.
    pub number: u64,
    /// See `Order::code`.
    pub code: String,
    /// See `Order::form_token`.
    pub form_token: String,
    /// See `Order::trade_no`.
    pub trade_no: String,
}

impl Order {
    /// A new one.
    pub fn new(
        app_key: &str,
        data: PrecreateData,
        setting: Setting,
        made: Made,
        now_ms: i64,
    ) -> Order {
        let lifetime_ms = i64::from(data.expires_s.unwrap_or(EXPIRES_S_DEFAULT)) * 1_000;
        let agreement = data.renewal.as_ref().map(|_| Agreement::default());
        let mut order = Order {
            number: made.number,
            app_key: app_key.to_owned(),
            data,
            code: made.code,
            form_token: made.form_token,
            trade_no: made.trade_no,
            status: OrderStatus::NotScanned,
            created_ms: now_ms,
            expires_ms: now_ms + lifetime_ms,
            scanned_ms: None,
            paid_ms: None,
            closed_ms: None,
            closed_by: None,
            refunded_ms: None,
            insufficient: false,
            payer: None,
            awards: Vec::new(),
            agreement,
            charge: None,
            setting,
            script: VecDeque::new(),
            told: OrderStatus::NotScanned,
            earlier_answer: None,
            changed: watch::Sender::default(),
        };
        order.play(setting, now_ms);
        order
    }

    /// Plays by `setting` from this moment on.
    pub fn play(&mut self, setting: Setting, now_ms: i64) {
        self.setting = setting;
        self.script.clear();
        match setting.play.play() {
            Play::Manual | Play::Refused => {}
            Play::Steps(steps) => {
                self.script.extend(steps.iter().map(|(after, step)| (now_ms + after, *step)));
            }
            Play::Expire => self.expires_ms = self.expires_ms.min(now_ms + SANDBOX_EXPIRE_MS),
            Play::PaysOnClose => self.script.push_back((now_ms + SANDBOX_SCAN_MS, Step::Scan)),
        }
    }

    /// Whether it can still be paid.
    pub fn is_open(&self) -> bool {
        matches!(self.status, OrderStatus::NotScanned | OrderStatus::WaitBuyerPay)
    }

    /// When time will do something to it.
    pub fn due_ms(&self) -> Option<i64> {
        let expiry = self.is_open().then_some(self.expires_ms)?;
        Some(self.script.front().map_or(expiry, |(at, _)| expiry.min(*at)))
    }

    /// Does the first thing that is due.
    pub fn pass_time(&mut self) {
        match self.script.front().copied() {
            Some((at, step)) if at < self.expires_ms => {
                self.script.pop_front();
                self.step(step, at);
            }
            _ => self.close(ClosedBy::Expiry, self.expires_ms),
        }
    }

    /// A step that came too late, since somebody else acted first, changes nothing.
    fn step(&mut self, step: Step, at_ms: i64) {
        let _ = match step {
            Step::Scan => self.scan(at_ms),
            Step::Pay => self.pay(at_ms),
            Step::Cancel => self.cancel(at_ms),
            Step::Insufficient => self.lack_money(at_ms),
        };
    }

    fn set(&mut self, status: OrderStatus) {
        self.status = status;
        self.changed.send_replace(());
    }

    fn refuse(&self, what: &str) -> Result<(), String> {
        let order = &self.data.partner_order_no;
        Err(format!("order {order} is {}: it cannot be {what}", status_name(self.status)))
    }

    /// The payer opens the code.
    pub fn scan(&mut self, now_ms: i64) -> Result<(), String> {
        match self.status {
            OrderStatus::NotScanned => {
                self.scanned_ms = Some(now_ms);
                self.set(OrderStatus::WaitBuyerPay);
            }
            OrderStatus::WaitBuyerPay => {}
            _ => return self.refuse("scanned"),
        }
        Ok(())
    }

    /// The payer pays.
    pub fn pay(&mut self, now_ms: i64) -> Result<(), String> {
        if !self.is_open() {
            return self.refuse("paid");
        }
        self.take_money(now_ms);
        Ok(())
    }

    /// The payer gives up.
    pub fn cancel(&mut self, now_ms: i64) -> Result<(), String> {
        if !self.is_open() {
            return self.refuse("cancelled");
        }
        self.close(ClosedBy::Buyer, now_ms);
        Ok(())
    }

    /// The payer has not enough money. The order stays payable.
    pub fn lack_money(&mut self, now_ms: i64) -> Result<(), String> {
        self.scan(now_ms)?;
        self.insufficient = true;
        Ok(())
    }

    /// Its time is over.
    pub fn expire(&mut self, now_ms: i64) -> Result<(), String> {
        if !self.is_open() {
            return self.refuse("expired");
        }
        self.expires_ms = self.expires_ms.min(now_ms);
        self.close(ClosedBy::Expiry, now_ms);
        Ok(())
    }

    /// The money goes back.
    pub fn refund(&mut self, now_ms: i64) -> Result<(), String> {
        if self.status != OrderStatus::TradeSuccess {
            return self.refuse("refunded");
        }
        self.refunded_ms = Some(now_ms);
        self.set(OrderStatus::TradeRefunded);
        Ok(())
    }

    /// The box closes it. A paid one stays paid.
    pub fn close_by_box(&mut self, now_ms: i64) {
        if self.is_open() && self.setting.play.play() == Play::PaysOnClose {
            self.take_money(now_ms);
        } else if self.is_open() {
            self.close(ClosedBy::Merchant, now_ms);
        }
    }

    fn take_money(&mut self, now_ms: i64) {
        self.scanned_ms.get_or_insert(now_ms);
        self.paid_ms = Some(now_ms);
        self.insufficient = false;
        self.script.clear();
        self.set(OrderStatus::TradeSuccess);
    }

    /// It can not be paid any more. Only for an open one.
    pub(super) fn close(&mut self, by: ClosedBy, at_ms: i64) {
        self.closed_by = Some(by);
        self.closed_ms = Some(at_ms);
        self.script.clear();
        self.set(OrderStatus::TradeClosed);
    }

    /// Where it stands, as its merchant is told.
    pub fn partner_status(&self) -> PartnerStatus {
        match self.status {
            OrderStatus::NotScanned | OrderStatus::WaitBuyerPay => PartnerStatus::WaitBuyerPay,
            OrderStatus::TradeSuccess => PartnerStatus::TradeSuccess,
            OrderStatus::TradeClosed | OrderStatus::TradeRefunded => PartnerStatus::TradeClosed,
        }
    }

    /// Alipay's number, as its merchant is told: "" unless it was paid.
    pub fn partner_trade_no(&self) -> &str {
        self.paid_ms.map_or("", |_| &self.trade_no)
    }

    /// The payer's account, masked as Alipay does it: "" unless it was paid.
    pub fn buyer_logon_id(&self) -> String {
        let Some(payer) = self.payer.as_ref().filter(|_| self.paid_ms.is_some()) else {
            return self.paid_ms.map_or("", |_| UNKNOWN_BUYER).to_owned();
        };
        // Printable ASCII: each character is a byte.
        let id = payer.as_str();
        format!("138****{}", &id[id.len().saturating_sub(4)..])
    }

    /// Whole seconds in which it can still be paid, begun ones included.
    pub fn left_s(&self, now_ms: i64) -> u32 {
        let left_ms = self.expires_ms.saturating_sub(now_ms).max(0);
        u32::try_from((left_ms + 999) / 1_000).unwrap_or(u32::MAX)
    }

    /// The spoil that strikes the answer to be given, counted as used.
    pub fn take_spoil(&mut self, fits: impl Fn(&Spoil) -> bool) -> Option<Spoil> {
        let paid = self.status == OrderStatus::TradeSuccess;
        let spoil = self.setting.spoil.as_mut()?;
        if spoil.times == 0 || (spoil.once_paid && !paid) || !fits(spoil) {
            return None;
        }
        spoil.times -= 1;
        Some(*spoil)
    }
}

/// The word on the wire.
pub fn status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::NotScanned => "NOT_SCANNED",
        OrderStatus::WaitBuyerPay => "WAIT_BUYER_PAY",
        OrderStatus::TradeSuccess => "TRADE_SUCCESS",
        OrderStatus::TradeClosed => "TRADE_CLOSED",
        OrderStatus::TradeRefunded => "TRADE_REFUNDED",
    }
}
