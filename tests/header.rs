//! The header: generated, checked in, and clean in every dialect it promises; its numbers and
//! layouts are those of the library.
#![cfg(feature = "client")]

use std::collections::BTreeMap;
use std::fs;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use alitv_pay::client::{AuthFrom, Level};
use alitv_pay::core::award::{GiftStatus, LuckyType};
use alitv_pay::core::code::TABLE;
use alitv_pay::core::facts::Interval;
use alitv_pay::core::report::{AccountState, AuthPhase, State, WebKind};
use alitv_pay::ffi::account::{alitv_account, alitv_user};
use alitv_pay::ffi::callbacks::alitv_callbacks;
use alitv_pay::ffi::events::alitv_event;
use alitv_pay::ffi::gifts::{alitv_gift, alitv_gift_taking};
use alitv_pay::ffi::init::alitv_options;
use alitv_pay::ffi::lottery::{alitv_activity, alitv_award, alitv_draw, alitv_draw_params};
use alitv_pay::ffi::orders::alitv_order;
use alitv_pay::ffi::pay::alitv_pay_params;
use alitv_pay::ffi::repay::alitv_repay_params;
use alitv_pay::ffi::web::{alitv_profile, alitv_web, alitv_web_params};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn header() -> String {
    fs::read_to_string(format!("{ROOT}/include/alitv_pay.h")).unwrap()
}

#[test]
fn the_header_that_is_checked_in_is_the_generated_one() {
    let generated = fs::read_to_string(concat!(env!("OUT_DIR"), "/alitv_pay.h")).unwrap();
    assert!(header() == generated, "include/alitv_pay.h is out of date: run `make header`");
}

#[test]
fn the_header_reads_well() {
    for (number, line) in header().lines().enumerate() {
        assert!(line.chars().count() <= 96, "line {} is too wide", number + 1);
        assert!(!line.contains("//") || line.contains("://"), "line {}: {line}", number + 1);
        assert!(!line.contains("long long"), "line {}: {line}", number + 1);
    }
    let header = header();
    let declared = &header[header.find("extern \"C\" {").unwrap()..];
    for name in functions() {
        let at = declared.find(&format!("{name}(")).unwrap();
        let block = declared[..at].rsplit("\n\n").next().unwrap();
        assert!(block.trim_start().starts_with("/**"), "{name} has no comment");
    }
}

fn functions() -> Vec<String> {
    let header = header();
    let declared = header.split("extern \"C\" {").nth(1).unwrap().to_owned();
    declared
        .lines()
        .filter(|line| !line.trim_start().starts_with('*'))
        .filter_map(|line| line.split_once('('))
        .filter_map(|(before, _)| before.rsplit([' ', '*']).next().map(str::to_owned))
        .filter(|name| name.starts_with("alitv_"))
        .collect()
}

/// Compiles `source` without one warning.
fn compile(compiler: &str, arguments: &[&str], source: &str, name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(name);
    fs::write(&file, source).unwrap();
    let mut command = Command::new(compiler);
    command.args(["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]);
    command.args(arguments).arg("-I").arg(format!("{ROOT}/include")).arg(&file);
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{text}");
}

/// Uses every macro and every kind of declaration.
const USER: &str = r#"
static int use(alitv_client *client, const alitv_event *event) {
  alitv_options options;
  alitv_pay_params params;
  alitv_repay_params repay;
  alitv_web_params web;
  alitv_draw_params draw;
  alitv_callbacks callbacks;
  char id[ALITV_ORDER_ID_SIZE];
  ALITV_STRUCT_INIT(&options);
  ALITV_STRUCT_INIT(&params);
  ALITV_STRUCT_INIT(&repay);
  ALITV_STRUCT_INIT(&web);
  ALITV_STRUCT_INIT(&draw);
  ALITV_STRUCT_INIT(&callbacks);
  web.kind = ALITV_WEB_EXIT;
  if (event->kind == ALITV_EVENT_ACTIVITIES && event->count) {
    draw.event_key = event->activities[0]->event_key;
    if (event->activities[0]->awards_count) return event->activities[0]->awards[0]->award_type;
  }
  if (event->draw && event->draw->award && event->user && event->gift) return 4;
  if (alitv_auth(client, ALITV_AUTH_CHANGE_USER, 0, NULL) == 1) return 5;
  params.order_id_out = id;
  params.order_id_out_size = sizeof id;
  if (event->kind == ALITV_EVENT_ORDER && event->state >= ALITV_STATE_CLOSING) return 1;
  if (event->result == ALITV_E_NULL || event->result - ALITV_E_NULL == 0) return 2;
  if (alitv_version_number() < ALITV_VERSION_NUMBER) return 3;
  return alitv_pay(client, &params, 0, NULL) == ALITV_OK;
}
int main(void) { return use(NULL, NULL); }
"#;

fn is_there(compiler: &str) -> bool {
    let there = Command::new(compiler).arg("--version").output().is_ok();
    if !there {
        eprintln!("{compiler} is not installed: not checked");
    }
    there
}

#[test]
fn every_dialect_of_c_takes_it() {
    for compiler in ["gcc", "clang"].into_iter().filter(|compiler| is_there(compiler)) {
        for standard in ["-std=c89", "-std=c99", "-std=c11", "-std=c17"] {
            for enums in [&[][..], &["-fshort-enums"]] {
                let flags = [&[standard], enums].concat();
                let include = "#include \"alitv_pay.h\"\n";
                compile(compiler, &flags, &format!("{include}int unused;\n"), "alone.c");
                compile(compiler, &flags, &format!("{include}{include}{USER}"), "twice.c");
            }
        }
    }
}

#[test]
fn every_dialect_of_cpp_takes_it() {
    for compiler in ["g++", "clang++"].into_iter().filter(|compiler| is_there(compiler)) {
        for standard in ["-std=c++98", "-std=c++11", "-std=c++14", "-std=c++17", "-std=c++20"] {
            let flags = [standard];
            let include = "#include \"alitv_pay.h\"\n";
            let user = USER.replace("(void)", "()");
            compile(compiler, &flags, &format!("{include}int unused;\n"), "alone.cpp");
            compile(compiler, &flags, &format!("{include}{include}{user}"), "twice.cpp");
        }
    }
}

/// `#define NAME (-1)` of the header.
fn defines() -> BTreeMap<String, i64> {
    header()
        .lines()
        .filter_map(|line| line.strip_prefix("#define ALITV_")?.split_once(' '))
        .filter_map(|(name, value)| {
            let value = value.trim_matches(|c| c == '(' || c == ')').parse().ok()?;
            Some((name.to_owned(), value))
        })
        .collect()
}

#[test]
fn results_are_those_of_the_core_row_by_row() {
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    for (code, name, _) in TABLE {
        let name = if code.0 == 0 { "OK".into() } else { format!("E_{name}") };
        assert!(expected.insert(name, code.0.into()).is_none());
    }
    let mut found = defines();
    found.retain(|name, _| name == "OK" || name.starts_with("E_"));
    assert_eq!(found, expected);
    // And what stands above each is the sentence of the table.
    let header = header();
    for (code, name, sentence) in TABLE.iter().filter(|row| row.0 .0 != 0) {
        let line = format!("#define ALITV_E_{name} ({})", code.0);
        let above = header[..header.find(&line).unwrap()].rsplit("\n\n").next().unwrap();
        let words: Vec<&str> =
            above.split_whitespace().filter(|word| !["/**", "*", "*/"].contains(word)).collect();
        assert_eq!(words.join(" "), *sentence, "{line}");
    }
}

#[test]
fn states_are_those_of_the_core() {
    let expected: BTreeMap<String, i64> = State::ALL
        .into_iter()
        .map(|state| (format!("STATE_{}", state.name().to_uppercase()), state as i64))
        .collect();
    let mut found = defines();
    found.retain(|name, _| name.starts_with("STATE_"));
    assert_eq!(found, expected);
}

/// The numbers of a group of constants, by name.
fn group(prefix: &str) -> BTreeMap<String, i64> {
    let defines = defines().into_iter();
    defines
        .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), value)))
        .collect()
}

#[test]
fn other_numbers_are_those_of_the_core() {
    let expected: [(&str, &[(&str, u32)]); 7] = [
        (
            "ACCOUNT_",
            &[
                ("SIGNED_OUT", AccountState::SignedOut as u32),
                ("SIGNED_IN", AccountState::SignedIn as u32),
                ("AUTHORISED", AccountState::Authorised as u32),
            ],
        ),
        (
            "AUTH_",
            &[
                ("STARTED", AuthPhase::Started as u32),
                ("CODE", AuthPhase::Code as u32),
                ("SCANNED", AuthPhase::Scanned as u32),
                ("SUCCESS", AuthPhase::Success as u32),
                ("CANCELLED", AuthPhase::Cancelled as u32),
                ("FAILED", AuthPhase::Failed as u32),
                ("FROM_CALL", AuthFrom::Call as u32),
                ("FROM_ELSEWHERE", AuthFrom::Elsewhere as u32),
                ("CHANGE_USER", 1),
            ],
        ),
        (
            "WEB_",
            &[
                ("START", WebKind::Start as u32),
                ("CUSTOM", WebKind::Custom as u32),
                ("EXIT", WebKind::Exit as u32),
            ],
        ),
        (
            "LUCKY_",
            &[
                ("FREE", LuckyType::Free as u32),
                ("CONSUMING", LuckyType::Consuming as u32),
                ("MIXED", LuckyType::Mixed as u32),
            ],
        ),
        (
            "GIFT_",
            &[
                ("PENDING", GiftStatus::Pending as u32),
                ("ACTIVATED", GiftStatus::Activated as u32),
                ("EXPIRED", GiftStatus::Expired as u32),
            ],
        ),
        ("INTERVAL_", &[("MONTH", Interval::Month as u32), ("SEASON", Interval::Season as u32)]),
        (
            "LOG_",
            &[
                ("OFF", 0),
                ("ERROR", Level::Error as u32),
                ("WARN", Level::Warn as u32),
                ("INFO", Level::Info as u32),
                ("DEBUG", Level::Debug as u32),
            ],
        ),
    ];
    for (prefix, names) in expected {
        let names = names.iter().map(|(name, number)| (name.to_string(), i64::from(*number)));
        assert_eq!(group(prefix), names.collect(), "{prefix}");
    }
}

/// Type and name of each field of a struct in the header.
fn fields(name: &str) -> Vec<String> {
    let header = header();
    let begin = header.find(&format!("typedef struct {name} {{")).unwrap();
    let body = &header[begin..begin + header[begin..].find(&format!("}} {name};")).unwrap()];
    let code: String =
        body.lines().skip(1).filter(|line| !line.trim_start().starts_with(['/', '*'])).collect();
    code.split(';')
        .filter_map(|field| {
            let field = field.trim();
            let name = match field.split_once("(*") {
                Some((_, rest)) => rest.split(')').next()?,
                None => field.rsplit([' ', '*']).next()?,
            };
            (!name.is_empty()).then(|| name.to_owned())
        })
        .collect()
}

macro_rules! offsets {
    ($type:ident: $($field:ident)*) => {
        (stringify!($type), size_of::<$type>(),
            vec![$((stringify!($field), offset_of!($type, $field))),*])
    };
}

/// A struct's name and size, and its fields with their offsets.
type Layout = (&'static str, usize, Vec<(&'static str, usize)>);

fn layouts() -> Vec<Layout> {
    vec![
        offsets!(alitv_options: struct_size mode events_max log_level multiple environment
            socket_path token app_key config_path app_secret gateway_url journal_dir),
        offsets!(alitv_pay_params: struct_size expires_s amount_fen order_id title subject_id
            notify_url order_id_out order_id_out_size),
        offsets!(alitv_repay_params: struct_size interval expires_s prices_len prices_fen
            order_id title subject description subject_id notify_url order_id_out
            order_id_out_size),
        offsets!(alitv_web_params: struct_size kind timeout_s params_len keys values),
        offsets!(alitv_draw_params: struct_size reserved event_key confirm_key behavior_key
            draw_id draw_id_out draw_id_out_size),
        offsets!(alitv_callbacks: struct_size reserved on_event on_init_finish on_init_error
            on_qr on_pay_success on_pay_error on_pay_cancel on_auth_qr on_auth_success
            on_auth_error on_auth_cancel on_logout on_user_info on_user_info_error on_web_open
            on_web_close on_activities on_activities_error on_draw on_draw_error on_gift_list
            on_gift_list_error on_gift on_gift_error),
        offsets!(alitv_account: sequence state from phase authorise result expires_s app_key
            user_id attempt qr_text message),
        offsets!(alitv_user: points has_points reserved user_id nick avatar_url),
        offsets!(alitv_web: kind open result reserved web_id url app_key),
        offsets!(alitv_profile: renewal pages qr_url),
        offsets!(alitv_award: amount price_fen award_type reserved award_id name type_name unit
            hyperlink_url hyperlink_desc simple_desc full_desc),
        offsets!(alitv_activity: consume_amount access_amount lucky_type awards_count
            activity_id event_key name start_time end_time activity_url awards),
        offsets!(alitv_draw: sequence created_ms points_left free_left state result flags
            reserved draw_id app_key event_key user_id gateway_code message state_name award),
        offsets!(alitv_gift: gift_id status reserved cp_item_id),
        offsets!(alitv_gift_taking: sequence gift_id created_ms state result flags reserved id
            cp_item_id app_key user_id gateway_code message state_name),
        offsets!(alitv_order: sequence amount_fen created_ms paid_ms state result expires_s
            flags order_id app_key title subject_id trade_no qr_text gateway_code message
            environment state_name interval awards_count interval_name awards),
        offsets!(alitv_event: kind result op tag sequence amount_fen created_ms paid_ms state
            count expires_s flags order_id app_key title subject_id trade_no qr_text
            gateway_code message environment state_name json orders interval awards_count
            interval_name awards account user web profile activities draw gifts gift),
    ]
}

#[test]
fn c_and_rust_agree_on_every_offset() {
    let mut source = String::from("#include \"alitv_pay.h\"\n");
    for (name, size, offsets) in layouts() {
        let listed: Vec<&str> = offsets.iter().map(|row| row.0).collect();
        assert_eq!(fields(name), listed, "{name}");
        source += &format!("_Static_assert(sizeof({name}) == {size}, \"{name}\");\n");
        for (field, offset) in offsets {
            source += &format!(
                "_Static_assert(offsetof({name}, {field}) == {offset}, \"{name}.{field}\");\n"
            );
        }
    }
    compile("cc", &["-std=c11"], &source, "layout.c");
}

/// Without padding a struct means the same to every compiler, and a later version can tell by
/// the size of one that callers fill which fields they knew. One that they read may be rounded
/// up at its end, where the next field will be.
#[test]
fn no_struct_has_padding_on_any_target() {
    if !is_there("clang") {
        return;
    }
    let mut source = String::from("#include \"alitv_pay.h\"\n");
    for (name, _, offsets) in layouts() {
        let sizes: Vec<String> =
            offsets.iter().map(|row| format!("sizeof((({name} *)0)->{})", row.0)).collect();
        let sum = sizes.join(" + ");
        let (last, _) = offsets[offsets.len() - 1];
        let end = match offsets[0].0 {
            "struct_size" => format!("sizeof({name})"),
            _ => format!("offsetof({name}, {last}) + sizeof((({name} *)0)->{last})"),
        };
        source += &format!("_Static_assert({end} == {sum}, \"{name}\");\n");
    }
    // The C library's headers of other targets are not installed; these two calls are all
    // that the header needs of them.
    let directory = tempfile::tempdir().unwrap();
    let string = "#include <stddef.h>\nvoid *memset(void *, int, size_t);\n";
    fs::write(directory.path().join("string.h"), string).unwrap();
    let include = format!("-I{}", directory.path().display());
    for target in [
        "x86_64-linux-gnu",
        "aarch64-linux-gnu",
        "armv7-linux-gnueabihf",
        "arm-linux-gnueabi",
        "mipsel-linux-gnu",
        "i686-linux-gnu",
        "riscv64-linux-gnu",
    ] {
        let target = format!("--target={target}");
        let flags = ["-std=c11", "-ffreestanding", "-nostdlibinc", &target, &include];
        compile("clang", &flags, &source, "padding.c");
    }
}

#[test]
fn the_c_tests_of_every_function_exist() {
    let mut text = String::new();
    for entry in fs::read_dir(Path::new(ROOT).join("tests/c")).unwrap() {
        text += &fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    for name in functions() {
        assert!(text.contains(&format!("{name}(")), "{name} is not used by tests/c");
    }
}
