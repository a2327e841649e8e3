//! One request of a box, written by it and read by the gateway.

use super::account::{AuthScene, AUTH_APPLY, AUTH_CANCEL, AUTH_LOGOUT, AUTH_QUERY, USER_GET};
use super::app::{APPINFO_GET, SERVER_DATE_GET};
use super::gifts::{read_status, write_status, GiftRequest, GIFTS_QUERY, GIFT_MARK, GIFT_TAKE};
use super::lottery::{DrawRequest, ACTIVITIES_GET, DRAW, DRAW_QUERY};
use super::orders::{
    read_order_no, read_precreate, read_query, write_order, write_precreate, write_query,
    PrecreateData, ORDER_CLOSE, ORDER_PRECREATE, ORDER_QUERY,
};
use super::params::{read_id, read_optional, read_wait, write_wait, ParamError, SessionUse};
use crate::core::award::GiftStatus;
use crate::limits::EVENT_KEY_BYTES_MAX;
use crate::wire::top::Params;

/// One request of a box, without the common parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceRequest {
    /// `APPINFO_GET`.
    AppInfo,
    /// `SERVER_DATE_GET`.
    ServerDate,
    /// `ORDER_PRECREATE`.
    Precreate(PrecreateData),
    /// `ORDER_QUERY`.
    Query {
        /// The merchant's order number.
        partner_order_no: String,
        /// Ours: hold the answer up to so many seconds until the status changes; 0 to
        /// `WAIT_S_MAX`.
        wait_s: u32,
    },
    /// `ORDER_CLOSE`.
    Close {
        /// The merchant's order number.
        partner_order_no: String,
    },
    /// `AUTH_APPLY`.
    AuthApply {
        /// `out_approve_id`, made by the box: not to be guessed.
        attempt: String,
        /// What for.
        scene: AuthScene,
    },
    /// `AUTH_QUERY`.
    AuthQuery {
        /// As in `AuthApply`.
        attempt: String,
        /// As in `Query`.
        wait_s: u32,
    },
    /// `AUTH_CANCEL`.
    AuthCancel {
        /// As in `AuthApply`.
        attempt: String,
    },
    /// `AUTH_LOGOUT`.
    Logout,
    /// `USER_GET`.
    User,
    /// `ACTIVITIES_GET`.
    Activities {
        /// None: all that can be played.
        event_key: Option<String>,
    },
    /// `DRAW`.
    Draw(DrawRequest),
    /// `DRAW_QUERY`.
    DrawQuery {
        /// Which draw.
        draw_id: String,
    },
    /// `GIFTS_QUERY`.
    Gifts {
        /// Which of them.
        status: GiftStatus,
    },
    /// `GIFT_TAKE`.
    GiftTake(GiftRequest),
    /// `GIFT_MARK`.
    GiftMark(GiftRequest),
}

impl DeviceRequest {
    /// The API name.
    pub fn method(&self) -> &'static str {
        match self {
            DeviceRequest::AppInfo => APPINFO_GET,
            DeviceRequest::ServerDate => SERVER_DATE_GET,
            DeviceRequest::Precreate(_) => ORDER_PRECREATE,
            DeviceRequest::Query { .. } => ORDER_QUERY,
            DeviceRequest::Close { .. } => ORDER_CLOSE,
            DeviceRequest::AuthApply { .. } => AUTH_APPLY,
            DeviceRequest::AuthQuery { .. } => AUTH_QUERY,
            DeviceRequest::AuthCancel { .. } => AUTH_CANCEL,
            DeviceRequest::Logout => AUTH_LOGOUT,
            DeviceRequest::User => USER_GET,
            DeviceRequest::Activities { .. } => ACTIVITIES_GET,
            DeviceRequest::Draw(_) => DRAW,
            DeviceRequest::DrawQuery { .. } => DRAW_QUERY,
            DeviceRequest::Gifts { .. } => GIFTS_QUERY,
            DeviceRequest::GiftTake(_) => GIFT_TAKE,
            DeviceRequest::GiftMark(_) => GIFT_MARK,
        }
    }

    /// Whether the common parameter `session` goes with it. A draw and a taking are optional:
    /// one that the gateway knows already is answered whoever is signed in.
    pub fn session_use(&self) -> SessionUse {
        match self {
            DeviceRequest::Logout
            | DeviceRequest::User
            | DeviceRequest::Gifts { .. }
            | DeviceRequest::AuthApply { scene: AuthScene::Authorise, .. } => SessionUse::Required,
            DeviceRequest::Precreate(_)
            | DeviceRequest::Activities { .. }
            | DeviceRequest::Draw(_)
            | DeviceRequest::GiftTake(_) => SessionUse::Optional,
            DeviceRequest::AppInfo
            | DeviceRequest::ServerDate
            | DeviceRequest::Query { .. }
            | DeviceRequest::Close { .. }
            | DeviceRequest::AuthApply { scene: AuthScene::Login, .. }
            | DeviceRequest::AuthQuery { .. }
            | DeviceRequest::AuthCancel { .. }
            | DeviceRequest::DrawQuery { .. }
            | DeviceRequest::GiftMark(_) => SessionUse::Ignored,
        }
    }

    /// Longest time that the gateway may hold the answer.
    pub fn wait_s(&self) -> u32 {
        match self {
            DeviceRequest::Query { wait_s, .. } | DeviceRequest::AuthQuery { wait_s, .. } => {
                *wait_s
            }
            _ => 0,
        }
    }

    /// Adds the request's own parameters. `nonce` is ours: the answer must repeat it.
    pub fn write(&self, nonce: &str, params: &mut Params) {
        params.set("nonce", nonce);
        match self {
            DeviceRequest::AppInfo
            | DeviceRequest::ServerDate
            | DeviceRequest::Logout
            | DeviceRequest::User => {}
            DeviceRequest::Precreate(data) => write_precreate(data, params),
            DeviceRequest::Query { partner_order_no, wait_s } => {
                write_query(partner_order_no, *wait_s, params);
            }
            DeviceRequest::Close { partner_order_no } => write_order(partner_order_no, params),
            DeviceRequest::AuthApply { attempt, scene } => {
                params.set("out_approve_id", attempt.as_str());
                params.set("biz_scene", scene.name());
            }
            DeviceRequest::AuthQuery { attempt, wait_s } => {
                params.set("out_approve_id", attempt.as_str());
                write_wait(*wait_s, params);
            }
            DeviceRequest::AuthCancel { attempt } => {
                params.set("out_approve_id", attempt.as_str());
            }
            DeviceRequest::Activities { event_key } => {
                if let Some(event_key) = event_key {
                    params.set("event_key", event_key.as_str());
                }
            }
            DeviceRequest::Draw(draw) => draw.write(params),
            DeviceRequest::DrawQuery { draw_id } => params.set("draw_id", draw_id.as_str()),
            DeviceRequest::Gifts { status } => write_status(*status, params),
            DeviceRequest::GiftTake(gift) | DeviceRequest::GiftMark(gift) => gift.write(params),
        }
    }

    /// Reads the request for `method`; none if it is no device method.
    pub fn read(method: &str, params: &Params) -> Option<Result<DeviceRequest, ParamError>> {
        Some(match method {
            APPINFO_GET => Ok(DeviceRequest::AppInfo),
            SERVER_DATE_GET => Ok(DeviceRequest::ServerDate),
            ORDER_PRECREATE => read_precreate(params).map(DeviceRequest::Precreate),
            ORDER_QUERY => read_query(params).map(|(partner_order_no, wait_s)| {
                DeviceRequest::Query { partner_order_no, wait_s }
            }),
            ORDER_CLOSE => read_order_no(params)
                .map(|partner_order_no| DeviceRequest::Close { partner_order_no }),
            AUTH_APPLY => read_apply(params),
            AUTH_QUERY => read_auth_query(params),
            AUTH_CANCEL => read_id(params, "out_approve_id")
                .map(|attempt| DeviceRequest::AuthCancel { attempt }),
            AUTH_LOGOUT => Ok(DeviceRequest::Logout),
            USER_GET => Ok(DeviceRequest::User),
            ACTIVITIES_GET => read_optional(params, "event_key", EVENT_KEY_BYTES_MAX)
                .map(|event_key| DeviceRequest::Activities { event_key }),
            DRAW => DrawRequest::read(params).map(DeviceRequest::Draw),
            DRAW_QUERY => {
                read_id(params, "draw_id").map(|draw_id| DeviceRequest::DrawQuery { draw_id })
            }
            GIFTS_QUERY => read_status(params).map(|status| DeviceRequest::Gifts { status }),
            GIFT_TAKE => GiftRequest::read(params).map(DeviceRequest::GiftTake),
            GIFT_MARK => GiftRequest::read(params).map(DeviceRequest::GiftMark),
            _ => return None,
        })
    }
}

fn read_apply(params: &Params) -> Result<DeviceRequest, ParamError> {
    let attempt = read_id(params, "out_approve_id")?;
    Ok(DeviceRequest::AuthApply { attempt, scene: AuthScene::read(params)? })
}

fn read_auth_query(params: &Params) -> Result<DeviceRequest, ParamError> {
    let attempt = read_id(params, "out_approve_id")?;
    Ok(DeviceRequest::AuthQuery { attempt, wait_s: read_wait(params)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::award::GiftId;
    use crate::core::facts::Interval;
    use crate::core::user::Token;
    use crate::limits::{
        NONCE_BYTES_MAX, ORDER_ID_BYTES_MAX, TOKEN_BYTES_MAX, USER_ID_BYTES_MAX, WAIT_S_MAX,
    };
    use crate::money::Fen;
    use crate::wire::device::{read_nonce, RenewalData};

    fn precreate(renewal: Option<RenewalData>) -> DeviceRequest {
        DeviceRequest::Precreate(PrecreateData {
            partner_order_no: "A-1".into(),
            subject: "宝石 \"60\"".into(),
            subject_id: Some("gem60".into()),
            price: Fen::new(600).unwrap(),
            partner_notify_url: Some("http://cp.example.com/n?a=1&b=2".into()),
            expires_s: Some(120),
            renewal,
        })
    }

    fn draw(confirm_key: Option<&str>, behavior_key: Option<&str>) -> DeviceRequest {
        DeviceRequest::Draw(DrawRequest {
            draw_id: "draw-1".into(),
            user_id: "u&1".into(),
            event_key: "spring".into(),
            confirm_key: confirm_key.map(|key| Token::new("confirm_key", key).unwrap()),
            behavior_key: behavior_key.map(str::to_owned),
        })
    }

    fn requests() -> Vec<DeviceRequest> {
        let partner_order_no = "A-1".to_owned();
        let attempt = "at-1".to_owned();
        let renewal = RenewalData {
            interval: Interval::Month,
            prices: vec![Fen::new(600).unwrap()],
            description: None,
            subject: "VIP".into(),
        };
        let gift = GiftRequest {
            record_id: GiftId::new(i64::MAX).unwrap(),
            take_id: "t-1".into(),
            user_id: "u1".into(),
        };
        vec![
            DeviceRequest::AppInfo,
            DeviceRequest::ServerDate,
            precreate(None),
            precreate(Some(renewal)),
            DeviceRequest::Query { partner_order_no: partner_order_no.clone(), wait_s: 0 },
            DeviceRequest::Query { partner_order_no: partner_order_no.clone(), wait_s: WAIT_S_MAX },
            DeviceRequest::Close { partner_order_no },
            DeviceRequest::AuthApply { attempt: attempt.clone(), scene: AuthScene::Login },
            DeviceRequest::AuthApply { attempt: attempt.clone(), scene: AuthScene::Authorise },
            DeviceRequest::AuthQuery { attempt: attempt.clone(), wait_s: 0 },
            DeviceRequest::AuthQuery { attempt: attempt.clone(), wait_s: WAIT_S_MAX },
            DeviceRequest::AuthCancel { attempt },
            DeviceRequest::Logout,
            DeviceRequest::User,
            DeviceRequest::Activities { event_key: None },
            DeviceRequest::Activities { event_key: Some("spring".into()) },
            draw(None, None),
            draw(Some("1466395200000.00ff"), Some("daily")),
            DeviceRequest::DrawQuery { draw_id: "draw-1".into() },
            DeviceRequest::Gifts { status: GiftStatus::Pending },
            DeviceRequest::Gifts { status: GiftStatus::Activated },
            DeviceRequest::Gifts { status: GiftStatus::Expired },
            DeviceRequest::GiftTake(gift.clone()),
            DeviceRequest::GiftMark(gift),
        ]
    }

    #[test]
    fn requests_are_read_back() {
        for request in requests() {
            let mut params = Params::new();
            request.write("00ff", &mut params);
            let params = Params::union("", &params.encode_form()).unwrap();
            assert_eq!(read_nonce(&params), Ok(Some("00ff".into())));
            assert_eq!(DeviceRequest::read(request.method(), &params), Some(Ok(request)));
        }
        assert_eq!(DeviceRequest::read("taobao.tvpay.partner.order.query", &Params::new()), None);
    }

    /// Each parameter that a request has written, left out and emptied. What is not required
    /// must then read as if it had never been there.
    #[test]
    fn each_parameter_that_is_left_out_is_named_or_not_needed() {
        let optional = ["wait_s", "event_key", "confirm_key", "behavior_key", "status", "nonce"];
        for request in requests() {
            let mut whole = Params::new();
            request.write("00ff", &mut whole);
            for (left_out, _) in whole.iter() {
                let mut params = Params::new();
                whole.iter().filter(|(n, _)| *n != left_out).for_each(|(n, v)| params.set(n, v));
                match DeviceRequest::read(request.method(), &params).unwrap() {
                    Err(ParamError::Missing(name)) => assert_eq!(name, left_out),
                    Err(other) => panic!("{request:?} without {left_out}: {other:?}"),
                    Ok(_) => assert!(optional.contains(&left_out), "{request:?} {left_out}"),
                }
            }
        }
    }

    #[test]
    fn wrong_parameters_are_named() {
        let long = "x".repeat(ORDER_ID_BYTES_MAX + 1);
        let long_user = "x".repeat(USER_ID_BYTES_MAX + 1);
        let long_token = "x".repeat(TOKEN_BYTES_MAX + 1);
        let order = "order_type=partner&partner_order_no=A";
        let draw = "draw_id=draw-1&user_str_id=u&event_key=e";
        let gift = "record_id=1&app_order_id=t&user_str_id=u";
        let replaced = |form: &str, name: &str, value: &str| {
            let pairs = form.split('&').map(|pair| match pair.split_once('=') {
                Some((n, _)) if n == name => format!("{n}={value}"),
                _ => pair.to_owned(),
            });
            pairs.collect::<Vec<_>>().join("&")
        };
        let cases = [
            (ORDER_QUERY, String::new(), "40 isv.missing-parameter:order_type"),
            (ORDER_QUERY, "order_type=partner".into(), "40 isv.missing-parameter:partner_order_no"),
            (ORDER_QUERY, "order_type=tao".into(), "41 isv.invalid-parameter:order_type"),
            (ORDER_QUERY, format!("{order}&wait_s=21"), "41 isv.invalid-parameter:wait_s"),
            (ORDER_QUERY, format!("{order}&wait_s=-1"), "41 isv.invalid-parameter:wait_s"),
            (ORDER_QUERY, format!("{order}&wait_s=+1"), "41 isv.invalid-parameter:wait_s"),
            (
                ORDER_QUERY,
                format!("{order}&out_order_no=B"),
                "41 isv.invalid-parameter:out_order_no",
            ),
            (
                ORDER_CLOSE,
                format!("order_type=partner&partner_order_no={long}"),
                "41 isv.invalid-parameter:partner_order_no",
            ),
            (ORDER_PRECREATE, String::new(), "40 isv.missing-parameter:data"),
            (ORDER_PRECREATE, "data={}".into(), "41 isv.invalid-parameter:data"),
            (
                ORDER_PRECREATE,
                r#"data={"partner_order_no":"A","subject":"x","price":"1","price":"2"}"#.into(),
                "41 isv.invalid-parameter:data",
            ),
            (AUTH_APPLY, "biz_scene=login".into(), "40 isv.missing-parameter:out_approve_id"),
            (AUTH_APPLY, "out_approve_id=a".into(), "40 isv.missing-parameter:biz_scene"),
            (
                AUTH_APPLY,
                "out_approve_id=a&biz_scene=pay".into(),
                "41 isv.invalid-parameter:biz_scene",
            ),
            (
                AUTH_APPLY,
                format!("out_approve_id={long}"),
                "41 isv.invalid-parameter:out_approve_id",
            ),
            (AUTH_QUERY, "out_approve_id=".into(), "41 isv.invalid-parameter:out_approve_id"),
            (AUTH_QUERY, "out_approve_id=a&wait_s=x".into(), "41 isv.invalid-parameter:wait_s"),
            (AUTH_CANCEL, "out_approve_id=a+b".into(), "41 isv.invalid-parameter:out_approve_id"),
            (ACTIVITIES_GET, format!("event_key={long}"), "41 isv.invalid-parameter:event_key"),
            (DRAW, replaced(draw, "draw_id", &long), "41 isv.invalid-parameter:draw_id"),
            (DRAW, replaced(draw, "event_key", ""), "41 isv.invalid-parameter:event_key"),
            (
                DRAW,
                replaced(draw, "user_str_id", &long_user),
                "41 isv.invalid-parameter:user_str_id",
            ),
            (
                DRAW,
                format!("{draw}&confirm_key={long_token}"),
                "41 isv.invalid-parameter:confirm_key",
            ),
            (DRAW, format!("{draw}&behavior_key={long}"), "41 isv.invalid-parameter:behavior_key"),
            (DRAW_QUERY, "draw_id=%00".into(), "41 isv.invalid-parameter:draw_id"),
            (GIFTS_QUERY, "status=0".into(), "41 isv.invalid-parameter:status"),
            (GIFTS_QUERY, "status=01".into(), "41 isv.invalid-parameter:status"),
            (GIFT_TAKE, replaced(gift, "record_id", "0"), "41 isv.invalid-parameter:record_id"),
            (
                GIFT_TAKE,
                replaced(gift, "app_order_id", ""),
                "41 isv.invalid-parameter:app_order_id",
            ),
            (GIFT_MARK, replaced(gift, "user_str_id", ""), "41 isv.invalid-parameter:user_str_id"),
        ];
        for (method, form, expected) in cases {
            let params = Params::union("", &form).unwrap();
            let error = DeviceRequest::read(method, &params).unwrap().expect_err(&form);
            let answer = error.answer("r");
            assert_eq!(format!("{} {}", answer.code, answer.sub_code), expected, "{form}");
        }
        for nonce in ["", "a b", "é", &"x".repeat(NONCE_BYTES_MAX + 1)] {
            let mut params = Params::new();
            params.set("nonce", nonce);
            assert!(matches!(read_nonce(&params), Err(ParamError::Invalid("nonce", _))));
        }
    }

    /// The SDK's samples pass "" for a key that is not wanted.
    #[test]
    fn empty_keys_of_a_draw_are_none() {
        let form = "draw_id=draw-1&user_str_id=u%261&event_key=spring&confirm_key=&behavior_key=";
        let params = Params::union("", form).unwrap();
        assert_eq!(DeviceRequest::read(DRAW, &params), Some(Ok(draw(None, None))));
    }

    #[test]
    fn a_confirm_key_is_not_shown() {
        assert!(!format!("{:?}", draw(Some("s-e-c-r-e-t"), None)).contains("s-e-c-r-e-t"));
    }
}
