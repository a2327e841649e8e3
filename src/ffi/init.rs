//! init

use std::ffi::c_char;
use std::path::PathBuf;

use super::embedded::{self, Plan};
use super::guard::{guard, in_wakeup, read_params, read_str, with_client, within, Params};
use super::handle::{insert, remove, Shared};
use super::results::alitv_result;
use crate::client::{Client, Level, Options};
use crate::core::code::{Code, Refusal};
use crate::core::facts::AppKey;
use crate::limits::{
    APP_KEY_BYTES_MAX, EVENTS_DEFAULT, NOTIFY_URL_BYTES_MAX, PATH_BYTES_MAX, SECRET_BYTES_MAX,
};

/// One connection to the payment engine. Opaque; made by alitv_init. It is not an address: a
/// destroyed or foreign one is ALITV_E_HANDLE.
pub struct alitv_client {
    _private: [u8; 0],
}

/// Use the daemon.
pub const ALITV_MODE_DAEMON: u32 = 0;
/// Run the engine in this process, on one background thread, with its own journal.
pub const ALITV_MODE_EMBEDDED: u32 = 1;

/// Money is real.
pub const ALITV_ENVIRONMENT_PRODUCTION: u32 = 0;
/// No money moves.
pub const ALITV_ENVIRONMENT_SANDBOX: u32 = 1;

/// No LOG events.
pub const ALITV_LOG_OFF: u32 = 0;
/// Somebody has to do something.
pub const ALITV_LOG_ERROR: u32 = 1;
/// It works, but not as it should.
pub const ALITV_LOG_WARN: u32 = 2;
/// Milestones.
pub const ALITV_LOG_INFO: u32 = 3;
/// Every step.
pub const ALITV_LOG_DEBUG: u32 = 4;

/// Options for alitv_init. Zero means default for every field.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alitv_options {
    /// sizeof(alitv_options) as the caller was compiled; set by ALITV_STRUCT_INIT.
    pub struct_size: u32,
    /// ALITV_MODE_*.
    pub mode: u32,
    /// Progress events held before some are dropped, up to 4096. 0: 64. Final states and
    /// answers have places of their own.
    pub events_max: u32,
    /// ALITV_LOG_*: events of kind ALITV_EVENT_LOG up to this level.
    pub log_level: u32,
    /// 1: alitv_pay is allowed while another payment is on screen.
    pub multiple: u32,
    /// Embedded mode without config_path: ALITV_ENVIRONMENT_*. The sandbox allows a
    /// gateway_url with http.
    pub environment: u32,
    /// Daemon mode: its socket. NULL: $ALITV_PAY_SOCKET, else
    /// /run/alitv-pay/alitv-pay.sock, else, without root,
    /// $XDG_RUNTIME_DIR/alitv-pay/alitv-pay.sock.
    pub socket_path: *const c_char,
    /// Daemon mode: content of the app's token file, where one user runs all games. NULL: none.
    pub token: *const c_char,
    /// AppKey of the game. NULL if the user, or the configuration, has only one.
    pub app_key: *const c_char,
    /// Embedded mode: configuration file, as the daemon has it. With it the following must
    /// be NULL. Daemon mode: must be NULL, as the following.
    pub config_path: *const c_char,
    /// Embedded mode without config_path: secret of the app. It never leaves this process.
    pub app_secret: *const c_char,
    /// Embedded mode without config_path: URL of the gateway.
    pub gateway_url: *const c_char,
    /// Embedded mode without config_path: directory of the journal, on storage that survives
    /// a power cut and a reinstallation.
    pub journal_dir: *const c_char,
}

// SAFETY: size first, no padding on 32 and 64 bit, integers and pointers only.
unsafe impl Params for alitv_options {
    const SIZE_MIN: usize = size_of::<alitv_options>();
}

/// Opens a client. Does no network traffic and never waits for an engine: it may be down. In
/// embedded mode it reads the journal, which takes some milliseconds. Several clients may be
/// open at once, up to 64; those of one process with the same journal share an engine.
///
/// @param options    filled after ALITV_STRUCT_INIT; copied, may be freed on return
/// @param out_client set on ALITV_OK, untouched otherwise; pass it to alitv_destroy
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_init(
    options: *const alitv_options,
    out_client: *mut *mut alitv_client,
) -> alitv_result {
    guard(|| {
        if in_wakeup() {
            let text = "called from the wakeup function, which may only signal";
            return Err(Refusal::new(Code::REENTRANT, text));
        }
        // SAFETY: the house rules: a struct is as long as it says, a string ends in NUL.
        let (raw, options, plan) = unsafe {
            let raw = read_params("options", options)?;
            (raw, read_options(&raw)?, read_plan(&raw)?)
        };
        if out_client.is_null() {
            return Err(Refusal::new(Code::NULL, "out_client is NULL"));
        }
        let (client, engine) = match raw.mode {
            ALITV_MODE_DAEMON => (open_daemon(&plan, options)?, None),
            _ => {
                let (client, engine) = open_embedded(plan, options)?;
                (client, Some(engine))
            }
        };
        let client = insert(Shared::new(client, engine))?;
        // SAFETY: checked above; the caller vouches that it is writable.
        unsafe { out_client.write(client) };
        Ok(0)
    })
}

unsafe fn read_options(raw: &alitv_options) -> Result<Options, Refusal> {
    within("mode", raw.mode, 0, ALITV_MODE_EMBEDDED)?;
    within("environment", raw.environment, 0, ALITV_ENVIRONMENT_SANDBOX)?;
    // SAFETY: handed on.
    let (socket, token, app_key) = unsafe {
        (
            read_str("socket_path", raw.socket_path, PATH_BYTES_MAX)?,
            read_str("token", raw.token, SECRET_BYTES_MAX)?,
            read_str("app_key", raw.app_key, APP_KEY_BYTES_MAX)?,
        )
    };
    Ok(Options {
        socket_path: socket.map(PathBuf::from),
        app_key: app_key.map(AppKey::new).transpose()?,
        events_max: match raw.events_max {
            0 => EVENTS_DEFAULT,
            events => events as usize,
        },
        multiple: within("multiple", raw.multiple, 0, 1)? == 1,
        log_level: read_level("log_level", raw.log_level)?,
        token,
        ..Options::default()
    })
}

fn read_level(name: &str, level: u32) -> Result<Option<Level>, Refusal> {
    Ok(match within(name, level, 0, ALITV_LOG_DEBUG)? {
        ALITV_LOG_OFF => None,
        ALITV_LOG_ERROR => Some(Level::Error),
        ALITV_LOG_WARN => Some(Level::Warn),
        ALITV_LOG_INFO => Some(Level::Info),
        _ => Some(Level::Debug),
    })
}

unsafe fn read_plan(raw: &alitv_options) -> Result<Plan, Refusal> {
    // SAFETY: handed on.
    unsafe {
        Ok(Plan {
            sandbox: raw.environment == ALITV_ENVIRONMENT_SANDBOX,
            config_path: read_str("config_path", raw.config_path, PATH_BYTES_MAX)?,
            app_secret: read_str("app_secret", raw.app_secret, SECRET_BYTES_MAX)?,
            gateway_url: read_str("gateway_url", raw.gateway_url, NOTIFY_URL_BYTES_MAX)?,
            journal_dir: read_str("journal_dir", raw.journal_dir, PATH_BYTES_MAX)?,
        })
    }
}

/// A secret that was passed to the wrong mode must not be swallowed silently.
fn open_daemon(plan: &Plan, options: Options) -> Result<Client, Refusal> {
    let given = plan.fields().into_iter().find(|field| field.1.is_some()).map(|field| field.0);
    if let Some(name) = given.or(plan.sandbox.then_some("environment")) {
        let text = format!("{name} is for ALITV_MODE_EMBEDDED; the daemon has its own");
        return Err(Refusal::new(Code::INVALID, text));
    }
    Client::open(options)
}

fn open_embedded(plan: Plan, options: Options) -> Result<(Client, embedded::Engine), Refusal> {
    let daemon =
        [("socket_path", options.socket_path.is_some()), ("token", options.token.is_some())];
    if let Some((name, _)) = daemon.into_iter().find(|field| field.1) {
        let text = format!("{name} is for ALITV_MODE_DAEMON");
        return Err(Refusal::new(Code::INVALID, text));
    }
    embedded::open(plan, options)
}

/// Closes the client and everything it handed out. No callback and no wakeup runs after it
/// returns: it waits for one that runs on another thread. Inside a callback of this client
/// it takes effect when that returns. Orders go on in the daemon; in embedded mode the next
/// alitv_init resumes them from the journal. NULL and a client that was destroyed already
/// are left alone. In a forked child it only closes descriptors.
#[no_mangle]
pub unsafe extern "C" fn alitv_destroy(client: *mut alitv_client) {
    if client.is_null() {
        return;
    }
    guard(|| {
        if in_wakeup() {
            let text = "called from the wakeup function, which may only signal";
            return Err(Refusal::new(Code::REENTRANT, text));
        }
        remove(client).map(|()| 0)
    });
}

/// Turns LOG events on or off (logSwitch), in place of alitv_options.log_level. Those that wait
/// already are still told.
///
/// @param level ALITV_LOG_*: events up to this level; ALITV_LOG_OFF: none
#[no_mangle]
pub unsafe extern "C" fn alitv_log_switch(client: *mut alitv_client, level: u32) -> alitv_result {
    with_client(client, |shared| {
        shared.set_log_level(read_level("level", level)?);
        Ok(0)
    })
}
