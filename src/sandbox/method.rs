//! The methods that a scenario can name, by short names. Orders of boxes have scenarios of
//! their own.

use serde::{Deserialize, Serialize};

use super::scenario::Fault;
use crate::wire::device::DeviceRequest;
use crate::wire::partner::PartnerRequest;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Method {
    /// `appinfo`
    AppInfo,
    /// `auth.apply`
    AuthApply,
    /// `auth.query`
    AuthQuery,
    /// `auth.cancel`
    AuthCancel,
    /// `auth.logout`
    Logout,
    /// `user.info`
    User,
    /// `lottery.activities`
    Activities,
    /// `lottery.draw`
    Draw,
    /// `lottery.draw.query`
    DrawQuery,
    /// `gift.list`
    Gifts,
    /// `gift.take`
    GiftTake,
    /// `gift.mark`
    GiftMark,
    /// `partner.query`, of merchants' servers
    PartnerQuery,
    /// `renewal.pay`, of merchants' servers
    RenewalPay,
    /// `coin.query`, of a merchant's server
    CoinQuery,
    /// `coin.mark`, of a merchant's server
    CoinMark,
}

const NAMES: [(Method, &str); 16] = [
    (Method::AppInfo, "appinfo"),
    (Method::AuthApply, "auth.apply"),
    (Method::AuthQuery, "auth.query"),
    (Method::AuthCancel, "auth.cancel"),
    (Method::Logout, "auth.logout"),
    (Method::User, "user.info"),
    (Method::Activities, "lottery.activities"),
    (Method::Draw, "lottery.draw"),
    (Method::DrawQuery, "lottery.draw.query"),
    (Method::Gifts, "gift.list"),
    (Method::GiftTake, "gift.take"),
    (Method::GiftMark, "gift.mark"),
    (Method::PartnerQuery, "partner.query"),
    (Method::RenewalPay, "renewal.pay"),
    (Method::CoinQuery, "coin.query"),
    (Method::CoinMark, "coin.mark"),
];

impl Method {
    /// Reads a name.
    pub fn parse(name: &str) -> Option<Method> {
        NAMES.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The short name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Method> {
        NAMES.into_iter().map(|row| row.0)
    }

    /// All names, for a message.
    pub fn names() -> String {
        NAMES.map(|row| row.1).join(", ")
    }

    /// The method of a merchant's request.
    pub fn of_partner(request: &PartnerRequest) -> Method {
        match request {
            PartnerRequest::OrderQuery { .. } => Method::PartnerQuery,
            PartnerRequest::RenewalPay(_) => Method::RenewalPay,
        }
    }

    /// Why such a fault cannot happen to it, if it cannot.
    pub fn cannot_have(self, fault: Fault) -> Option<&'static str> {
        use Method::{CoinMark, CoinQuery, PartnerQuery, RenewalPay};
        match (self, fault) {
            (PartnerQuery | RenewalPay | CoinQuery | CoinMark, Fault::BadSign) => {
                Some("answers to merchants are not signed")
            }
            (CoinQuery | CoinMark, Fault::Throttle) => Some("the gift gateway has no flow limit"),
            _ => None,
        }
    }

    /// The method of a box's request; none of one about an order, and of the clock.
    pub fn of(request: &DeviceRequest) -> Option<Method> {
        Some(match request {
            DeviceRequest::AppInfo => Method::AppInfo,
            DeviceRequest::AuthApply { .. } => Method::AuthApply,
            DeviceRequest::AuthQuery { .. } => Method::AuthQuery,
            DeviceRequest::AuthCancel { .. } => Method::AuthCancel,
            DeviceRequest::Logout => Method::Logout,
            DeviceRequest::User => Method::User,
            DeviceRequest::Activities { .. } => Method::Activities,
            DeviceRequest::Draw(_) => Method::Draw,
            DeviceRequest::DrawQuery { .. } => Method::DrawQuery,
            DeviceRequest::Gifts { .. } => Method::Gifts,
            DeviceRequest::GiftTake(_) => Method::GiftTake,
            DeviceRequest::GiftMark(_) => Method::GiftMark,
            DeviceRequest::ServerDate
            | DeviceRequest::Precreate(_)
            | DeviceRequest::Query { .. }
            | DeviceRequest::Close { .. } => return None,
        })
    }
}

impl TryFrom<String> for Method {
    type Error = String;
    fn try_from(name: String) -> Result<Method, String> {
        Method::parse(&name).ok_or_else(|| format!("there is no method {name:?}"))
    }
}

impl From<Method> for String {
    fn from(method: Method) -> String {
        method.name().into()
    }
}
