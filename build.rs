use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    tell_build_time();
}

/// A clock before this time is wrong (src/gateway/http.rs). `SOURCE_DATE_EPOCH` makes builds
/// repeatable.
fn tell_build_time() {
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let named = env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse::<u64>().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    println!("cargo:rustc-env=ALITV_BUILD_UNIX_S={}", named.unwrap_or_else(now));
}
