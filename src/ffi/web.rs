//! web

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int};

use super::asked::Asked;
use super::guard::{ask, need_str, read_list, read_params, with_client, within, write_out, Params};
use super::init::alitv_client;
use super::kept::Kept;
use super::pay::alitv_op;
use super::results::alitv_result;
use crate::core::code::{Code, Refusal};
use crate::core::report::{Profile, WebKind, WebReport};
use crate::limits::{
    WEB_ID_BYTES_MAX, WEB_OPEN_S_MAX, WEB_OPEN_S_MIN, WEB_PARAMS_MAX, WEB_PARAM_NAME_BYTES_MAX,
    WEB_PARAM_VALUE_BYTES_MAX,
};

/// Shown when the game starts (openWebviewOnStart).
pub const ALITV_WEB_START: u32 = 1;
/// Shown when the game wants it (openWebview).
pub const ALITV_WEB_CUSTOM: u32 = 2;
/// Shown before the game quits (openWebviewOnExit).
pub const ALITV_WEB_EXIT: u32 = 3;

/// Parameters of alitv_web_open. Zero means default for every field but kind.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alitv_web_params {
    /// sizeof(alitv_web_params) as the caller was compiled; set by ALITV_STRUCT_INIT.
    pub struct_size: u32,
    /// ALITV_WEB_*.
    pub kind: u32,
    /// The page counts as closed after this even if nobody says so, 10 to 7200. 0: 600.
    pub timeout_s: u32,
    /// Entries of keys and of values, up to 32.
    pub params_len: u32,
    /// Names of parameters, each once: 1 to 64 bytes. May be NULL if params_len is 0.
    pub keys: *const *const c_char,
    /// What they are: up to 512 bytes each.
    pub values: *const *const c_char,
}

// SAFETY: size first, no padding on 32 and 64 bit, integers and pointers only.
unsafe impl Params for alitv_web_params {
    const SIZE_MIN: usize = size_of::<alitv_web_params>();
}

/// A page that is or was open. Read through the pointer only, as an alitv_event is. String
/// fields are UTF-8 and never NULL.
#[repr(C)]
pub struct alitv_web {
    /// ALITV_WEB_*.
    pub kind: u32,
    /// 1: show url. 0: take it off the screen.
    pub open: u32,
    /// Of a closed one: ALITV_OK, or ALITV_E_TIMEOUT if nobody said in time that it is closed.
    pub result: alitv_result,
    /// 0.
    pub reserved: u32,
    /// Names this opening of the page: what alitv_web_closed wants.
    pub web_id: *const c_char,
    /// What to show, with its parameters.
    pub url: *const c_char,
    /// The app.
    pub app_key: *const c_char,
}

/// What the platform has switched on for an app. Read through the pointer only, as an
/// alitv_event is. String fields are UTF-8 and never NULL.
#[repr(C)]
pub struct alitv_profile {
    /// 1: subscriptions may be sold.
    pub renewal: u32,
    /// Bit 1 << ALITV_WEB_*: there is such a page.
    pub pages: u32,
    /// As alitv_get_qr_url has it.
    pub qr_url: *const c_char,
}

impl alitv_web {
    pub(super) fn new(report: &WebReport, kept: &mut Kept) -> alitv_web {
        alitv_web {
            kind: report.kind as u32,
            open: report.open.into(),
            result: report.result.0,
            reserved: 0,
            web_id: kept.text(&report.web_id),
            url: kept.text(&report.url),
            app_key: kept.text(report.app_key.as_str()),
        }
    }
}

impl alitv_profile {
    pub(super) fn new(profile: &Profile, kept: &mut Kept) -> alitv_profile {
        let bits = profile.pages.iter().map(|page| 1 << page.kind as u32);
        alitv_profile {
            renewal: profile.renewal.into(),
            pages: bits.fold(0, |pages, bit: u32| pages | bit),
            qr_url: kept.some_text(profile.qr_url.as_deref()),
        }
    }
}

/// What is to be opened.
struct Opening {
    kind: WebKind,
    params: BTreeMap<String, String>,
    timeout_s: Option<u32>,
}

/// Asks for a page of the platform. The library shows nothing itself: the host opens the url
/// in a browser and says with alitv_web_closed when it is closed.
///
/// 1: the page will show. Events: WEB with open 1 and this op (on_web_open), then WEB with open
/// 0 (on_web_close); or REPLY if the engine refuses, such as ALITV_E_STATE while another page
/// of the app is open (on_web_close, with the reason in the event's result). So on_web_close
/// always comes, exactly once. 0: there is no such page, and nothing follows.
///
/// One page of an app is open at a time. WEB without an op is about a page that somebody else
/// opened, or this game before a crash: that one is open until it is closed or its time is over.
///
/// ALITV_E_NOT_READY: not known before the engine has answered and asked the platform.
///
/// @param out_op may be NULL; 0 where nothing follows
/// @return 1, 0, or a negative ALITV_E_*
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_web_open(
    client: *mut alitv_client,
    params: *const alitv_web_params,
    tag: u64,
    out_op: *mut alitv_op,
) -> c_int {
    with_client(client, |shared| {
        // SAFETY: the house rules: structs are as long as they say, strings end in NUL.
        let opening = unsafe { read_params("params", params).and_then(|raw| read_opening(&raw)) }?;
        let Opening { kind, params, timeout_s } = opening;
        let op =
            shared.ask(Some(Asked::Web), |client| client.web_open(kind, params, timeout_s, tag))?;
        // SAFETY: the house rules: an out parameter is NULL or writable.
        unsafe { write_out(out_op, op.unwrap_or(0)) };
        Ok(op.is_some().into())
    })
}

unsafe fn read_opening(raw: &alitv_web_params) -> Result<Opening, Refusal> {
    let kind = WebKind::ALL.into_iter().find(|kind| *kind as u32 == raw.kind).ok_or_else(|| {
        let text = format!("kind is {}: allowed are ALITV_WEB_*, 1 to 3", raw.kind);
        Refusal::new(Code::INVALID, text)
    })?;
    if raw.timeout_s != 0 {
        within("timeout_s", raw.timeout_s, WEB_OPEN_S_MIN, WEB_OPEN_S_MAX)?;
    }
    let len = within("params_len", raw.params_len, 0, WEB_PARAMS_MAX as u32)? as usize;
    // SAFETY: handed on; the struct says how many entries both lists have.
    let (keys, values) = unsafe {
        (
            read_list("keys", raw.keys, len, WEB_PARAM_NAME_BYTES_MAX)?,
            read_list("values", raw.values, len, WEB_PARAM_VALUE_BYTES_MAX)?,
        )
    };
    let mut params = BTreeMap::new();
    for (at, (key, value)) in keys.into_iter().zip(values).enumerate() {
        if key.is_empty() {
            return Err(Refusal::new(Code::STRING, format!("keys[{at}] is empty")));
        }
        if params.insert(key, value).is_some() {
            let text = format!("keys[{at}] is there twice");
            return Err(Refusal::new(Code::INVALID, text));
        }
    }
    let timeout_s = Some(raw.timeout_s).filter(|seconds| *seconds != 0);
    Ok(Opening { kind, params, timeout_s })
}

/// Says that a page is off the screen: the player has closed it. Events: REPLY
/// (ALITV_E_NOT_FOUND if it is not open), and WEB with open 0.
///
/// @param web_id of the alitv_web that was opened
/// @param out_op may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_web_closed(
    client: *mut alitv_client,
    web_id: *const c_char,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    // SAFETY: the house rules: a string is NUL-terminated, an out parameter writable.
    unsafe {
        ask(client, out_op, None, |client| {
            let web_id = need_str("web_id", web_id, WEB_ID_BYTES_MAX)?;
            if web_id.is_empty() {
                return Err(Refusal::new(Code::STRING, "web_id is empty"));
            }
            client.web_closed(&web_id, tag)
        })
    }
}
