//! How far an answer of the alitv gateway can be believed (docs/wire-alitv.md section 3).

use serde::de::DeserializeOwned;

use super::text::clean;
use crate::core::call::{Doubt, DoubtKind};
use crate::gateway::HttpAnswer;
use crate::limits::MESSAGE_BYTES_MAX;
use crate::wire::device::{
    verify_result, ActivitiesData, AppInfoData, AuthData, DrawData, Echo, GiftData, GiftsData,
    OrderData, ServerDateData, ServiceResult, UserData,
};
use crate::wire::json::read_object;
use crate::wire::secret::Secret;
use crate::wire::top::{parse_answer, Answer, ErrorResponse, Node};

/// Something that repeats what was asked.
pub(super) trait HasEcho {
    fn echo(&self) -> &Echo;
}

macro_rules! has_echo {
    ($($data:ident),*) => {
        $(impl HasEcho for $data {
            fn echo(&self) -> &Echo {
                &self.echo
            }
        })*
    };
}

has_echo!(
    ActivitiesData,
    AppInfoData,
    AuthData,
    DrawData,
    GiftData,
    GiftsData,
    OrderData,
    ServerDateData,
    UserData
);

/// What an answer has to agree with.
pub(super) struct Expected<'a> {
    pub method: &'a str,
    pub app_key: &'a str,
    pub nonce: &'a str,
    pub secret: &'a Secret,
    /// Whether TLS vouches for the sender.
    pub https: bool,
    /// The request speaks for a user, so that the session may turn out to be over.
    pub session: bool,
}

/// An answer that was read, and believed as far as its type says.
pub(super) enum Read<T> {
    /// Written by the gateway for this request.
    Result(Genuine<T>),
    /// Not signed; written by the gateway only if the connection says so.
    Error(ErrorResponse),
}

/// A result that comes from the gateway, for this app; if `signed`, for this very request.
pub(super) struct Genuine<T> {
    pub result: ServiceResult<T>,
    pub signed: bool,
}

impl<'a> Expected<'a> {
    /// Reads an answer and checks all that does not depend on the order.
    pub fn read<T: DeserializeOwned + HasEcho>(
        &self,
        answer: &HttpAnswer,
    ) -> Result<Read<T>, Doubt> {
        let node = match parse_answer(self.method, &answer.body).map_err(gateway)? {
            Answer::Error(error) => return Ok(Read::Error(error)),
            Answer::Node(node) => node,
        };
        let signed = self.proof(&node)?;
        let result = node.raw("result").ok_or_else(|| gateway("the answer has no result"))?;
        let result: ServiceResult<T> = read_object(result.get()).map_err(gateway)?;
        self.compare(result.data.as_ref().map(HasEcho::echo), signed)?;
        Ok(Read::Result(Genuine { result, signed }))
    }

    /// True for a right `result_sign`, false for none at all over https.
    fn proof(&self, node: &Node<'_>) -> Result<bool, Doubt> {
        let (Some(result), Some(_)) = (node.raw("result"), node.raw("result_sign")) else {
            return match self.https {
                true => Ok(false),
                false => Err(signature("no result_sign, and no https either")),
            };
        };
        match node.text("result_sign") {
            Some(sign) if verify_result(result, &sign, self.secret) => Ok(true),
            _ => Err(signature("result_sign does not match the result")),
        }
    }

    fn compare(&self, echo: Option<&Echo>, signed: bool) -> Result<(), Doubt> {
        let nonce = echo.and_then(|echo| echo.nonce.as_deref());
        let app_key = echo.and_then(|echo| echo.app_key.as_deref());
        match (signed, nonce) {
            (true, Some(nonce)) if nonce == self.nonce => {}
            (true, _) => return Err(signature("the answer belongs to another request")),
            (false, Some(_)) => return Err(signature("a nonce without result_sign")),
            (false, None) => {}
        }
        match app_key {
            Some(app_key) if app_key != self.app_key => Err(signature("another app's answer")),
            None if signed => Err(signature("the answer names no app")),
            _ => Ok(()),
        }
    }
}

pub(super) fn gateway(detail: impl ToString) -> Doubt {
    let detail = clean(&detail.to_string(), MESSAGE_BYTES_MAX);
    Doubt { kind: DoubtKind::Gateway, detail }
}

pub(super) fn signature(detail: impl ToString) -> Doubt {
    Doubt { kind: DoubtKind::Signature, detail: detail.to_string() }
}
