//! version

use std::ffi::c_char;

use crate::ipc::proto::SDK_VERSION_Z;

/// Digits of a version, read while compiling.
const fn number(digits: &str) -> u32 {
    let bytes = digits.as_bytes();
    let (mut value, mut at) = (0, 0);
    while at < bytes.len() {
        value = value * 10 + (bytes[at] - b'0') as u32;
        at += 1;
    }
    value
}

/// ALITV_VERSION_NUMBER of the library that is actually linked or loaded. A program built
/// with a header of the same major version and a smaller or equal minor one may use it.
#[no_mangle]
pub extern "C" fn alitv_version_number() -> u32 {
    const MAJOR: u32 = number(env!("CARGO_PKG_VERSION_MAJOR"));
    const MINOR: u32 = number(env!("CARGO_PKG_VERSION_MINOR"));
    const PATCH: u32 = number(env!("CARGO_PKG_VERSION_PATCH"));
    (MAJOR << 16) | (MINOR << 8) | PATCH
}

/// Such as "0.1.0". Static, never NULL.
#[no_mangle]
pub extern "C" fn alitv_version_string() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version in the form of the Java SDK's getSdkVersion: "ostv_0.1.0.0". Static, never
/// NULL.
#[no_mangle]
pub extern "C" fn alitv_get_sdk_version() -> *const c_char {
    SDK_VERSION_Z.as_ptr().cast()
}
