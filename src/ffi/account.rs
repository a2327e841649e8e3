//! account

use std::ffi::{c_char, c_int};

use super::asked::Asked;
use super::guard::{ask, with_client, write_out};
use super::init::alitv_client;
use super::kept::Kept;
use super::pay::alitv_op;
use super::results::alitv_result;
use crate::client::AuthFrom;
use crate::core::code::{Code, Refusal};
use crate::core::report::{AccountReport, AuthPhase, AuthReport};
use crate::core::user::User;

/// Nobody is signed in.
pub const ALITV_ACCOUNT_SIGNED_OUT: u32 = 0;
/// Somebody is signed in, who has not authorised the app.
pub const ALITV_ACCOUNT_SIGNED_IN: u32 = 1;
/// Somebody is signed in and has authorised the app.
pub const ALITV_ACCOUNT_AUTHORISED: u32 = 2;

/// Begun; there is no code yet.
pub const ALITV_AUTH_STARTED: u32 = 1;
/// Show qr_text as a QR code.
pub const ALITV_AUTH_CODE: u32 = 2;
/// The player has opened the code on a phone.
pub const ALITV_AUTH_SCANNED: u32 = 3;
/// Ended: the player is signed in and has authorised the app.
pub const ALITV_AUTH_SUCCESS: u32 = 16;
/// Ended: given up, on the box or on the phone.
pub const ALITV_AUTH_CANCELLED: u32 = 17;
/// Ended otherwise; result and message say why.
pub const ALITV_AUTH_FAILED: u32 = 18;

/// An alitv_auth of this client has ended well.
pub const ALITV_AUTH_FROM_CALL: u32 = 0;
/// Somebody else has signed in: another client of the app, or the firmware.
pub const ALITV_AUTH_FROM_ELSEWHERE: u32 = 2;

/// Sign in anew even if somebody is signed in (changeAccount). The old user stays until the
/// new one is there.
pub const ALITV_AUTH_CHANGE_USER: u32 = 1;

/// The account of an app, and the sign-in that is going on or has just ended. Read through
/// the pointer only, as an alitv_event is. String fields are UTF-8 and never NULL.
#[repr(C)]
pub struct alitv_account {
    /// Grows with everything that is told of the account while the engine runs.
    pub sequence: u64,
    /// ALITV_ACCOUNT_*.
    pub state: u32,
    /// SUCCESS: ALITV_AUTH_FROM_*.
    pub from: u32,
    /// ALITV_AUTH_*: how the sign-in stands, 0 without one. 16 and above have ended.
    pub phase: u32,
    /// 1: the player is signed in already and is asked to authorise the app.
    pub authorise: u32,
    /// FAILED: why. CANCELLED: ALITV_E_AUTH_CANCELLED.
    pub result: alitv_result,
    /// Seconds that qr_text stays valid, or 0.
    pub expires_s: u32,
    /// The app.
    pub app_key: *const c_char,
    /// Who is signed in.
    pub user_id: *const c_char,
    /// Names the sign-in.
    pub attempt: *const c_char,
    /// The code to show, while one may be shown; a browser of the box may open it as well.
    pub qr_text: *const c_char,
    /// For logs, in English; not for players.
    pub message: *const c_char,
}

/// Who plays. Read through the pointer only, as an alitv_event is. String fields are UTF-8 and
/// never NULL.
#[repr(C)]
pub struct alitv_user {
    /// Points, if has_points is 1.
    pub points: i64,
    /// 1 if the platform has told the points.
    pub has_points: u32,
    /// 0.
    pub reserved: u32,
    /// The platform's id.
    pub user_id: *const c_char,
    /// Name; "" unless the platform lets the app have it and the player has agreed.
    pub nick: *const c_char,
    /// Picture, an http or https URL; "" as nick.
    pub avatar_url: *const c_char,
}

impl alitv_account {
    pub(super) fn new(report: &AccountReport, from: AuthFrom, kept: &mut Kept) -> alitv_account {
        let auth = report.auth.as_ref();
        let user_id = report.user_id.as_ref().map(|id| id.as_str());
        alitv_account {
            sequence: report.sequence,
            state: report.state as u32,
            from: from as u32,
            phase: auth.map_or(0, |auth| auth.phase as u32),
            authorise: auth.map_or(0, |auth| auth.authorise.into()),
            result: auth.map_or(Code::OK, result).0,
            expires_s: auth.and_then(|auth| auth.expires_s).unwrap_or(0),
            app_key: kept.text(report.app_key.as_str()),
            user_id: kept.some_text(user_id),
            attempt: kept.some_text(auth.map(|auth| auth.attempt.as_str())),
            qr_text: kept.some_text(auth.and_then(|auth| auth.qr_text.as_deref())),
            message: kept.some_text(auth.and_then(|auth| auth.message.as_deref())),
        }
    }
}

/// Why a sign-in ended; nobody has to tell a code for what the phase says.
fn result(auth: &AuthReport) -> Code {
    match auth.phase {
        AuthPhase::Cancelled if auth.result == Code::OK => Code::AUTH_CANCELLED,
        AuthPhase::Failed if auth.result == Code::OK => Code::AUTH_OTHER,
        _ => auth.result,
    }
}

impl alitv_user {
    pub(super) fn new(user: &User, kept: &mut Kept) -> alitv_user {
        alitv_user {
            points: user.points.unwrap_or(0),
            has_points: user.points.is_some().into(),
            reserved: 0,
            user_id: kept.text(user.user_id.as_str()),
            nick: kept.some_text(user.nick.as_deref()),
            avatar_url: kept.some_text(user.avatar_url.as_deref()),
        }
    }
}

/// Whether a player is signed in and has authorised the app (isAuth), as the engine last told
/// it: no call goes out, nothing waits. 0 before the first ONLINE.
///
/// @return 1 or 0, or a negative ALITV_E_*
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_is_auth(client: *const alitv_client) -> c_int {
    with_client(client, |shared| Ok(shared.client().is_auth().into()))
}

/// Has the player sign in and authorise the app (checkAuthAndLogin; with
/// ALITV_AUTH_CHANGE_USER changeAccount). A sign-in that is going on already is joined, but
/// for ALITV_AUTH_CHANGE_USER, which replaces it.
///
/// 1: authorised already, and nothing follows. 0: begun. Events: AUTH with phase
/// ALITV_AUTH_CODE (on_auth_qr), perhaps ALITV_AUTH_SCANNED; then exactly one end with this
/// op: AUTH with phase SUCCESS (on_auth_success), CANCELLED (on_auth_cancel) or FAILED
/// (on_auth_error), or REPLY if the engine refuses (on_auth_error). A restart of the engine
/// ends it as well. What was paid, drawn and taken before stays with the user it began with.
///
/// @param flags  ALITV_AUTH_CHANGE_USER or 0
/// @param out_op may be NULL; 0 where nothing follows
/// @return 1, 0, or a negative ALITV_E_*
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_auth(
    client: *mut alitv_client,
    flags: u32,
    tag: u64,
    out_op: *mut alitv_op,
) -> c_int {
    with_client(client, |shared| {
        if flags > ALITV_AUTH_CHANGE_USER {
            let text = format!("flags is {flags}: allowed are 0 and ALITV_AUTH_CHANGE_USER");
            return Err(Refusal::new(Code::INVALID, text));
        }
        let change = flags == ALITV_AUTH_CHANGE_USER;
        let op = shared.ask(Some(Asked::Auth), |client| client.auth(change, tag))?;
        // SAFETY: the house rules: an out parameter is NULL or writable.
        unsafe { write_out(out_op, op.unwrap_or(0)) };
        Ok(op.is_none().into())
    })
}

/// Gives up the sign-in that is going on, also if another client of the app began it. Events:
/// REPLY (ALITV_E_NOT_FOUND if none is going on), and the end of the sign-in.
///
/// @param out_op may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_auth_cancel(
    client: *mut alitv_client,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    // SAFETY: handed on.
    unsafe { ask(client, out_op, None, |client| client.auth_cancel(tag)) }
}

/// Signs the player out. Events: REPLY, and LOGOUT (on_logout) once it is written down. The
/// player can also sign out elsewhere: LOGOUT comes at any time.
///
/// @param out_op may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_logout(
    client: *mut alitv_client,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    // SAFETY: handed on.
    unsafe { ask(client, out_op, None, |client| client.logout(tag)) }
}

/// Asks the platform who plays (getUserInfo). Event: USER with this op (on_user_info), or
/// REPLY with why not (on_user_info_error): ALITV_E_UNAUTHORIZED unless the player is signed
/// in and has authorised the app.
///
/// @param out_op may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_user_info(
    client: *mut alitv_client,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    // SAFETY: handed on.
    unsafe { ask(client, out_op, Some(Asked::User), |client| client.user_info(tag)) }
}
