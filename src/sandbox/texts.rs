//! The words of the pages, in Chinese and English.

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

/// The words.
pub struct Texts {
    /// For the `lang` attribute.
    pub tag: &'static str,
    /// Value of `?lang=`.
    pub code: &'static str,
    /// The other language: its value of `?lang=`, and its name.
    pub other: (&'static str, &'static str),
    /// Stands above every page.
    pub banner: &'static str,
    /// Title of the page.
    pub title: &'static str,
    /// Label of what is bought.
    pub item: &'static str,
    /// The merchant's number.
    pub order: &'static str,
    /// The payment platform's number.
    pub trade: &'static str,
    /// Label of the time that is left.
    pub left: &'static str,
    /// Button.
    pub pay: &'static str,
    /// Button.
    pub cancel: &'static str,
    /// Button.
    pub insufficient: &'static str,
    /// The last try failed.
    pub no_money: &'static str,
    /// Heading of the list.
    pub orders: &'static str,
    /// An empty list.
    pub no_orders: &'static str,
    /// There is no such code.
    pub unknown: &'static str,
    /// What to do then.
    pub unknown_hint: &'static str,
    /// A form that is not ours.
    pub bad_form: &'static str,
    /// What to do then.
    pub bad_form_hint: &'static str,
    /// Below a finished order.
    pub done_hint: &'static str,
    paid: &'static str,
    cancelled: &'static str,
    closed: &'static str,
    expired: &'static str,
    refunded: &'static str,
    not_scanned: &'static str,
    waiting: &'static str,
}

const ZH: Texts = Texts {
    tag: "zh-CN",
    code: "zh",
    other: ("en", "English"),
    banner: "沙箱：不会动用资金",
    title: "收银台",
    item: "商品",
    order: "订单号",
    trade: "交易号",
    left: "剩余时间",
    pay: "确认付款",
    cancel: "取消付款",
    insufficient: "余额不足",
    no_money: "余额不足，付款未完成。可以重试。",
    orders: "订单",
    no_orders: "还没有订单。在电视上发起支付后，订单会出现在这里。",
    unknown: "二维码无效",
    unknown_hint: "沙箱中没有这个二维码的订单。请扫描电视上当前显示的二维码。",
    bad_form: "请求无效",
    bad_form_hint: "请返回付款页面重试。",
    done_hint: "请回到电视查看结果。",
    paid: "付款成功",
    cancelled: "已取消",
    closed: "订单已关闭",
    expired: "二维码已过期",
    refunded: "已退款",
    not_scanned: "未扫码",
    waiting: "等待付款",
};

const EN: Texts = Texts {
    tag: "en",
    code: "en",
    other: ("zh", "中文"),
    banner: "sandbox: no money moves",
    title: "Cashier",
    item: "Item",
    order: "Order",
    trade: "Trade",
    left: "Time left",
    pay: "Pay",
    cancel: "Cancel",
    insufficient: "Not enough money",
    no_money: "Not enough money: nothing was paid. You can try again.",
    orders: "Orders",
    no_orders: "No orders yet. Start a payment on the TV and it appears here.",
    unknown: "Unknown code",
    unknown_hint: "The sandbox has no order for this code. Scan the code the TV shows now.",
    bad_form: "Bad request",
    bad_form_hint: "Go back to the payment page and try again.",
    done_hint: "Look at the TV for the result.",
    paid: "Paid",
    cancelled: "Cancelled",
    closed: "Order closed",
    expired: "Code expired",
    refunded: "Refunded",
    not_scanned: "Not scanned",
    waiting: "Waiting for payment",
};

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

    /// Its words.
    pub fn texts(self) -> &'static Texts {
        match self {
            Lang::Zh => &ZH,
            Lang::En => &EN,
        }
    }
}

impl Texts {
    /// Where an order stands, for the payer.
    pub fn standing(&self, order: &Order) -> &'static str {
        match (order.status, order.closed_by) {
            (OrderStatus::NotScanned, _) => self.not_scanned,
            (OrderStatus::WaitBuyerPay, _) => self.waiting,
            (OrderStatus::TradeSuccess, _) => self.paid,
            (OrderStatus::TradeRefunded, _) => self.refunded,
            (OrderStatus::TradeClosed, Some(ClosedBy::Buyer)) => self.cancelled,
            (OrderStatus::TradeClosed, Some(ClosedBy::Expiry)) => self.expired,
            (OrderStatus::TradeClosed, _) => self.closed,
        }
    }

    /// Such as `4:58`; minutes and seconds.
    pub fn duration(&self, seconds: u32) -> String {
        format!("{}:{:02}", seconds / 60, seconds % 60)
    }
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
