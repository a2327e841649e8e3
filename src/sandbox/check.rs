//! Whether a seed, or a part of it that the control API brings, can be used.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::flow::{Flow, FlowLimit};
use super::gifts::NewGift;
use super::lottery::Activity;
use super::prize::{Prize, ProductPrize};
use super::seed::{Seed, DEMO_KEY};
use super::settings::Settings;
use super::top::audience;
use super::users::User;
use crate::core::award::LuckyType;
use crate::core::facts::is_unsafe_on_screen;
use crate::limits::{
    ACTIVITIES_MAX, APPS_MAX, AWARDS_MAX, AWARD_TEXT_CHARS_MAX, LINK_BYTES_MAX, NAME_CHARS_MAX,
    SANDBOX_EARLY_DAYS_MAX, SANDBOX_FLOW_CALLS_MAX, SANDBOX_FLOW_SPAN_S_MAX, SANDBOX_GIFTS_MAX,
    SANDBOX_PAGE_CHARS_MAX, SANDBOX_POINTS_MAX, SANDBOX_PRODUCTS_MAX, SANDBOX_USERS_MAX,
    SANDBOX_WHITELIST_MAX, SUBJECT_ID_CHARS_MAX,
};
use crate::wire::keys::{KeyError, PublicKey};
use crate::wire::secret::Secret;

/// Which member is wrong, by its path, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Such as `users[2].points`.
    pub field: String,
    /// What it must be.
    pub why: String,
}

type Checked = Result<(), Wrong>;

fn wrong(field: &str, why: impl Into<String>) -> Checked {
    Err(Wrong { field: field.to_owned(), why: why.into() })
}

fn within(path: &str, checked: Checked) -> Checked {
    checked.map_err(|inner| Wrong { field: format!("{path}.{}", inner.field), ..inner })
}

fn each<T>(name: &str, list: &[T], most: usize, check: impl Fn(&T) -> Checked) -> Checked {
    if list.len() > most {
        return wrong(name, format!("has {} entries: at most {most}", list.len()));
    }
    let mut numbered = list.iter().enumerate();
    numbered.try_for_each(|(at, entry)| within(&format!("{name}[{at}]"), check(entry)))
}

/// A whole seed.
///
/// # Errors
/// The first member that is wrong.
pub fn seed(seed: &Seed) -> Checked {
    if seed.apps.is_empty() {
        return wrong("apps", "names no app");
    }
    each("apps", &seed.apps, APPS_MAX, |app| {
        text("name", &app.name, 1..=NAME_CHARS_MAX)?;
        secret("app_secret", app.app_secret.as_deref())?;
        secret("gift_secret", app.gift_secret.as_deref())?;
        public_key(app.public_key.as_deref())?;
        within("settings", settings(&app.settings))
    })?;
    unique("apps", "app_key", seed.apps.iter().map(|app| app.app_key.as_str()))?;
    let apps: BTreeSet<&str> = seed.apps.iter().map(|app| app.app_key.as_str()).collect();
    let users: BTreeSet<&str> = seed.users.iter().map(|user| user.user_id.as_str()).collect();
    let known = Known { app: &|key| apps.contains(key), user: &|id| users.contains(id) };
    each("users", &seed.users, SANDBOX_USERS_MAX, |entry| user(entry, &known))?;
    unique("users", "user_id", seed.users.iter().map(|user| user.user_id.as_str()))?;
    let most = ACTIVITIES_MAX * APPS_MAX;
    each("activities", &seed.activities, most, |entry| activity(entry, &known))?;
    let ids = seed.activities.iter().map(|activity| activity.activity_id.as_str());
    unique("activities", "activity_id", ids.filter(|id| !id.is_empty()))?;
    for (at, entry) in seed.activities.iter().enumerate() {
        within(&format!("activities[{at}]"), beside(entry, &seed.activities[..at]))?;
    }
    each("gifts", &seed.gifts, SANDBOX_GIFTS_MAX, |entry| gift(entry, &known))?;
    let ids = seed.gifts.iter().filter_map(|gift| gift.gift_id).map(|id| id.get().to_string());
    let ids: Vec<String> = ids.collect();
    unique("gifts", "gift_id", ids.iter().map(String::as_str))?;
    each("prizes", &seed.prizes, SANDBOX_PRODUCTS_MAX, |entry| product(entry, &known))?;
    let name = |prize: &ProductPrize| format!("{}/{}", prize.app_key, prize.subject_id);
    let names: Vec<String> = seed.prizes.iter().map(name).collect();
    unique("prizes", "subject_id", names.iter().map(String::as_str))
}

fn secret(field: &str, value: Option<&str>) -> Checked {
    if value.is_some_and(|text| Secret::new(text).is_err()) {
        return wrong(field, "must be 1 to 128 printable ASCII characters, no blanks");
    }
    Ok(())
}

fn public_key(text: Option<&str>) -> Checked {
    let Some(text) = text.filter(|text| *text != DEMO_KEY) else { return Ok(()) };
    let wrong_key = |error: KeyError| wrong("public_key", format!("{error}"));
    PublicKey::read(text).map_or_else(wrong_key, |_| Ok(()))
}

/// What can be named.
pub struct Known<'a> {
    /// Whether there is such an app.
    pub app: &'a dyn Fn(&str) -> bool,
    /// Whether there is such a user.
    pub user: &'a dyn Fn(&str) -> bool,
}

impl Known<'_> {
    fn check_app(&self, app_key: &str) -> Checked {
        if (self.app)(app_key) {
            return Ok(());
        }
        wrong("app_key", format!("there is no app {app_key:?}"))
    }
}

fn unique<'a>(list: &str, field: &str, names: impl Iterator<Item = &'a str>) -> Checked {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return wrong(list, format!("two entries have the {field} {name:?}"));
        }
    }
    Ok(())
}

/// The settings of an app.
///
/// # Errors
/// The first member that is wrong.
pub fn settings(settings: &Settings) -> Checked {
    for (kind, page) in &settings.pages {
        let check = || {
            link("url", page.url.as_deref().unwrap_or(""))?;
            text("title", &page.title, 0..=NAME_CHARS_MAX)?;
            // It may have lines.
            text("text", &page.text.replace('\n', " "), 0..=SANDBOX_PAGE_CHARS_MAX)
        };
        within(&format!("pages.{}", kind.name()), check())?;
    }
    each("ip_whitelist", &settings.ip_whitelist, SANDBOX_WHITELIST_MAX, |_| Ok(()))?;
    within("flow", flow(&settings.flow))?;
    let days = i64::from(settings.renewal_early_days);
    number("renewal_early_days", days, 0..=i64::from(SANDBOX_EARLY_DAYS_MAX))?;
    link("qr_url", settings.qr_url.as_deref().unwrap_or(""))
}

fn flow(flow: &Flow) -> Checked {
    let limit = |limit: &FlowLimit| {
        number("calls", i64::from(limit.calls), 1..=i64::from(SANDBOX_FLOW_CALLS_MAX))?;
        number("per_s", i64::from(limit.per_s), 1..=i64::from(SANDBOX_FLOW_SPAN_S_MAX))
    };
    if let Some(app) = &flow.app {
        within("app", limit(app))?;
    }
    flow.apis.iter().try_for_each(|(method, api)| {
        if audience(method).is_none() {
            return wrong("apis", format!("there is no method {method:?}"));
        }
        within(&format!("apis.{method}"), limit(api))
    })
}

/// A user.
///
/// # Errors
/// The first member that is wrong.
pub fn user(user: &User, known: &Known) -> Checked {
    text("nick", &user.nick, 1..=NAME_CHARS_MAX)?;
    link("avatar_url", user.avatar_url.as_deref().unwrap_or(""))?;
    number("points", user.points, 0..=SANDBOX_POINTS_MAX)?;
    let stranger = user.authorised.keys().find(|key| !(known.app)(key.as_str()));
    match stranger {
        Some(key) => wrong("authorised", format!("there is no app {:?}", key.as_str())),
        None => Ok(()),
    }
}

/// An activity, by itself.
///
/// # Errors
/// The first member that is wrong.
pub fn activity(activity: &Activity, known: &Known) -> Checked {
    known.check_app(&activity.app_key)?;
    text("name", &activity.name, 1..=NAME_CHARS_MAX)?;
    text("activity_id", &activity.activity_id, 0..=NAME_CHARS_MAX)?;
    if activity.start_time > activity.end_time {
        return wrong("end_time", "must not be before start_time");
    }
    let pays = activity.lucky_type != LuckyType::Free;
    let (least, free) = (i64::from(pays), i64::from(activity.lucky_type != LuckyType::Consuming));
    number("consume_amount", activity.consume_amount, least..=pays_most(pays))?;
    number("access_amount", activity.access_amount, free..=free * SANDBOX_POINTS_MAX)?;
    link("activity_url", activity.activity_url.as_deref().unwrap_or(""))?;
    secret("confirm_secret", activity.confirm_secret.as_deref())?;
    each("behavior_keys", &activity.behavior_keys, AWARDS_MAX, |_| Ok(()))?;
    prizes(&activity.awards, activity.lose_weight)
}

/// A free activity has no price.
fn pays_most(pays: bool) -> i64 {
    if pays {
        SANDBOX_POINTS_MAX
    } else {
        0
    }
}

/// An activity beside others: those of one key do not overlap in time.
///
/// # Errors
/// The first one that does.
pub fn beside<'a>(activity: &Activity, others: impl IntoIterator<Item = &'a Activity>) -> Checked {
    let mut of_app = 0;
    for other in others.into_iter().filter(|other| other.app_key == activity.app_key) {
        of_app += 1;
        let before = activity.end_time < other.start_time;
        let behind = activity.start_time > other.end_time;
        if activity.event_key == other.event_key && !before && !behind {
            let key = activity.event_key.as_str();
            return wrong("event_key", format!("another activity of {key:?} is on at that time"));
        }
    }
    if of_app >= ACTIVITIES_MAX {
        return wrong("app_key", format!("the app has {ACTIVITIES_MAX} activities already"));
    }
    Ok(())
}

fn prizes(awards: &[Prize], lose_weight: u32) -> Checked {
    each("awards", awards, AWARDS_MAX, prize)?;
    let weights = awards.iter().map(|prize| u64::from(prize.weight)).sum::<u64>();
    if weights + u64::from(lose_weight) == 0 {
        return wrong("lose_weight", "some weight must be above 0");
    }
    Ok(())
}

fn prize(prize: &Prize) -> Checked {
    text("award_id", &prize.award_id, 0..=NAME_CHARS_MAX)?;
    text("name", &prize.name, 1..=NAME_CHARS_MAX)?;
    text("type_name", &prize.type_name, 0..=NAME_CHARS_MAX)?;
    text("unit", &prize.unit, 0..=NAME_CHARS_MAX)?;
    number("amount", prize.amount, 0..=SANDBOX_POINTS_MAX)?;
    number("price_fen", prize.price_fen, 0..=SANDBOX_POINTS_MAX)?;
    link("hyperlink_url", &prize.hyperlink_url)?;
    text("hyperlink_desc", &prize.hyperlink_desc, 0..=AWARD_TEXT_CHARS_MAX)?;
    text("simple_desc", &prize.simple_desc, 0..=AWARD_TEXT_CHARS_MAX)?;
    text("full_desc", &prize.full_desc, 0..=AWARD_TEXT_CHARS_MAX)?;
    number("points", prize.points, 0..=SANDBOX_POINTS_MAX)?;
    prize.gift_item.as_deref().map_or(Ok(()), |item| name("gift_item", item))
}

/// A gift that is to be laid out.
///
/// # Errors
/// The first member that is wrong.
pub fn gift(gift: &NewGift, known: &Known) -> Checked {
    known.check_app(&gift.app_key)?;
    if !(known.user)(gift.user_id.as_str()) {
        return wrong("user_id", format!("there is no user {:?}", gift.user_id.as_str()));
    }
    name("cp_item_id", &gift.cp_item_id)?;
    text("name", &gift.name, 0..=NAME_CHARS_MAX)
}

/// The prizes of a product.
///
/// # Errors
/// The first member that is wrong.
pub fn product(product: &ProductPrize, known: &Known) -> Checked {
    known.check_app(&product.app_key)?;
    text("subject_id", &product.subject_id, 1..=SUBJECT_ID_CHARS_MAX)?;
    if product.awards.is_empty() {
        return Ok(());
    }
    prizes(&product.awards, product.lose_weight)
}

fn text(field: &str, value: &str, chars: RangeInclusive<usize>) -> Checked {
    if !chars.contains(&value.chars().count()) {
        let (least, most) = chars.into_inner();
        return wrong(field, format!("must be {least} to {most} characters"));
    }
    if value.chars().any(is_unsafe_on_screen) {
        return wrong(field, "holds a control or direction character");
    }
    Ok(())
}

/// What names something to programs.
fn name(field: &str, value: &str) -> Checked {
    let graphic = value.bytes().all(|b| b.is_ascii_graphic());
    if !(1..=NAME_CHARS_MAX).contains(&value.len()) || !graphic {
        let why = format!("must be 1 to {NAME_CHARS_MAX} printable ASCII characters, no blanks");
        return wrong(field, why);
    }
    Ok(())
}

fn number(field: &str, value: i64, range: RangeInclusive<i64>) -> Checked {
    if range.contains(&value) {
        return Ok(());
    }
    wrong(field, format!("is {value}: must be {} to {}", range.start(), range.end()))
}

/// "" is no link, and allowed.
fn link(field: &str, url: &str) -> Checked {
    let begins = ["http://", "https://", "{base}/"].iter().any(|start| url.starts_with(start));
    let graphic = url.bytes().all(|b| b.is_ascii_graphic());
    if url.is_empty() || (begins && graphic && url.len() <= LINK_BYTES_MAX) {
        return Ok(());
    }
    let why = format!(
        "must be an http or https URL, or begin with {{base}}/; at most {LINK_BYTES_MAX} bytes"
    );
    wrong(field, why)
}
