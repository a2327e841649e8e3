//! The two languages of the pages. A text stands in both where it is used, so that neither
//! can be forgotten.

use axum::http::{header, HeaderMap};

use super::order::{ClosedBy, Order};
use crate::wire::device::OrderStatus;

/// The language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Simplified Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// From `?lang=`, else the first of the two in `Accept-Language`, else Chinese.
    pub fn choose(asked: Option<&str>, accept_language: Option<&str>) -> Lang {
        let known = |tag: &str| match tag.trim().get(..2) {
            Some(two) if two.eq_ignore_ascii_case("zh") => Some(Lang::Zh),
            Some(two) if two.eq_ignore_ascii_case("en") => Some(Lang::En),
            _ => None,
        };
        let accepted = || accept_language.unwrap_or("").split(',').find_map(known);
        asked.and_then(known).or_else(accepted).unwrap_or(Lang::Zh)
    }

    /// `choose` for a request.
    pub fn of(asked: Option<&str>, headers: &HeaderMap) -> Lang {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Lang::choose(asked, accepted)
    }

    /// The text of this language.
    pub fn say<T>(self, zh: T, en: T) -> T {
        match self {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// For the `lang` attribute.
    pub fn tag(self) -> &'static str {
        self.say("zh-CN", "en")
    }

    /// Value of `?lang=`.
    pub fn code(self) -> &'static str {
        self.say("zh", "en")
    }

    /// The other one.
    pub fn other(self) -> Lang {
        self.say(Lang::En, Lang::Zh)
    }

    /// What its speakers call it.
    pub fn name(self) -> &'static str {
        self.say("中文", "English")
    }

    /// Where an order stands, for people.
    pub fn standing(self, order: &Order) -> &'static str {
        match (order.status, order.closed_by) {
            (OrderStatus::NotScanned, _) => self.say("未扫码", "Not scanned"),
            (OrderStatus::WaitBuyerPay, _) => self.say("等待付款", "Waiting for payment"),
            (OrderStatus::TradeSuccess, _) => self.say("付款成功", "Paid"),
            (OrderStatus::TradeRefunded, _) => self.say("已退款", "Refunded"),
            (OrderStatus::TradeClosed, Some(ClosedBy::Buyer)) => self.say("已取消", "Cancelled"),
            (OrderStatus::TradeClosed, Some(ClosedBy::Expiry)) if order.charge.is_some() => {
                self.say("逾期未付", "Not paid in time")
            }
            (OrderStatus::TradeClosed, Some(ClosedBy::Expiry)) => {
                self.say("二维码已过期", "Code expired")
            }
            (OrderStatus::TradeClosed, _) => self.say("订单已关闭", "Order closed"),
        }
    }
}

/// Such as `4:58`; minutes and seconds.
pub fn duration(seconds: u32) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_asked_for_or_accepted_or_chinese() {
        assert_eq!(Lang::choose(None, None), Lang::Zh);
        assert_eq!(Lang::choose(None, Some("de-DE,de;q=0.9,en;q=0.8,zh;q=0.7")), Lang::En);
        assert_eq!(Lang::choose(None, Some("zh-CN,en")), Lang::Zh);
        assert_eq!(Lang::choose(Some("en"), Some("zh-CN")), Lang::En);
        assert_eq!(Lang::choose(Some("语"), Some("é")), Lang::Zh);
    }
}
