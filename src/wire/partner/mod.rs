//! What a merchant's server asks the platform, as both ends see it: the merchant's client
//! writes requests and reads answers, the sandbox the other way round (seed 002, 2.4.1.3.2
//! and 2.4.1.5).

mod answer;
mod order;
mod renewal;
mod request;

pub use self::answer::{
    query_result, read_query, read_renewal, refused_result, renewal_result, PartnerReply,
};
pub use self::order::{PartnerOrder, PartnerStatus};
pub use self::renewal::{charge_order_no, RenewalCode, RenewalForm, RenewalPay};
pub use self::request::PartnerRequest;

/// Where an order of the merchant stands. The answer is encrypted to the merchant's key.
pub const ORDER_QUERY: &str = "taobao.tvpay.partner.order.query";
/// Takes one charge of a subscription after the first.
pub const RENEWAL_PAY: &str = "taobao.tvpay.partner.renewal.pay";

/// Refusal of a query: this app has no order of that number.
pub const ORDER_NOT_FOUND: &str = "ORDER_NOT_FOUND";
/// Refusal of a query: there is no public key to encrypt the answer to.
pub const PUBLIC_KEY_NOT_SET: &str = "PUBLIC_KEY_NOT_SET";
