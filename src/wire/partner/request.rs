//! The two calls, as the platform receives them.

use super::renewal::RenewalForm;
use super::{ORDER_QUERY, RENEWAL_PAY};
use crate::limits::ORDER_ID_BYTES_MAX;
use crate::wire::device::{check_text, ParamError};
use crate::wire::top::Params;

/// What a merchant's server asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartnerRequest {
    /// Where an order stands.
    OrderQuery {
        /// The merchant's order number.
        order_no: String,
    },
    /// To take a charge.
    RenewalPay(RenewalForm),
}

impl PartnerRequest {
    /// The method that it calls.
    pub fn method(&self) -> &'static str {
        match self {
            PartnerRequest::OrderQuery { .. } => ORDER_QUERY,
            PartnerRequest::RenewalPay(_) => RENEWAL_PAY,
        }
    }

    /// Reads the request for `method`; none if it is no method of merchants.
    pub fn read(method: &str, params: &Params) -> Option<Result<PartnerRequest, ParamError>> {
        match method {
            ORDER_QUERY => Some(read_query(params)),
            RENEWAL_PAY => Some(RenewalForm::read(params).map(PartnerRequest::RenewalPay)),
            _ => None,
        }
    }
}

fn read_query(params: &Params) -> Result<PartnerRequest, ParamError> {
    let order_no = params.get("order_no").filter(|order_no| !order_no.is_empty());
    let order_no = order_no.ok_or(ParamError::Missing("order_no"))?;
    check_text(order_no, "order_no", ORDER_ID_BYTES_MAX)?;
    Ok(PartnerRequest::OrderQuery { order_no: order_no.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Fen;
    use crate::wire::partner::RenewalPay;

    #[test]
    fn each_method_reads_its_own_parameters() {
        let mut params = Params::new();
        params.set("order_no", "A.1");
        let read = PartnerRequest::read(ORDER_QUERY, &params).unwrap().unwrap();
        assert_eq!(read, PartnerRequest::OrderQuery { order_no: "A.1".into() });
        assert_eq!(read.method(), ORDER_QUERY);
        let renewal = PartnerRequest::read(RENEWAL_PAY, &params).unwrap();
        assert!(matches!(renewal, Err(ParamError::Missing(_))));
        let charge = RenewalPay {
            partner_notify_url: "http://cp.example.com/n".into(),
            partner_order_no: "A_r1".into(),
            price: Fen::new(1).unwrap(),
            ref_order_no: "A".into(),
            seq: 1,
            subject: "x".into(),
            subject_id: "y".into(),
        };
        charge.into_params(&mut params);
        let read = PartnerRequest::read(RENEWAL_PAY, &params).unwrap().unwrap();
        assert_eq!(read.method(), RENEWAL_PAY);
        assert_eq!(PartnerRequest::read("taobao.tvpay.order.query", &params), None);
    }

    #[test]
    fn an_order_number_is_needed_and_bounded() {
        let query = |order_no: &str| {
            let mut params = Params::new();
            params.set("order_no", order_no);
            PartnerRequest::read(ORDER_QUERY, &params).unwrap()
        };
        assert!(query(&"x".repeat(ORDER_ID_BYTES_MAX)).is_ok());
        assert_eq!(query(""), Err(ParamError::Missing("order_no")));
        for bad in ["a b", "单", "\0", &"x".repeat(ORDER_ID_BYTES_MAX + 1)] {
            assert!(matches!(query(bad), Err(ParamError::Invalid("order_no", _))), "{bad}");
        }
    }
}
