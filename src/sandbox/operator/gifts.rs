//! Gift records: laid out, reserved, given out, expired.

use maud::{html, Markup};

use super::layout::{app_choice, field, moment, nothing, table, time, user_choice};
use super::{no_action, Done, View};
use crate::core::award::{GiftId, GiftStatus};
use crate::core::code::Refusal;
use crate::core::user::UserId;
use crate::limits::{NAME_CHARS_MAX, ORDERS_LIST_MAX, SUBJECT_ID_CHARS_MAX};
use crate::sandbox::check;
use crate::sandbox::control::{checked, conflict};
use crate::sandbox::fields::{required, ApiError, Fields};
use crate::sandbox::gifts::{GiftRecord, NewGift};
use crate::sandbox::gmt8::Gmt8;
use crate::sandbox::state::State;
use crate::sandbox::texts::Lang;

/// The newest records, and a form for a new one.
pub fn view(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    let columns = [
        lang.say("编号", "Record"),
        lang.say("用户", "User"),
        lang.say("商品", "Item"),
        lang.say("状态", "State"),
        lang.say("有效期至", "Until"),
        "",
    ];
    let records = state.gifts().newest().filter(|record| view.shows(&record.app_key));
    let mut records = records.take(ORDERS_LIST_MAX).peekable();
    html! {
        (view.app_filter(state))
        @if records.peek().is_none() {
            (nothing(lang.say("没有礼包记录。", "There are no gift records.")))
        } @else {
            (table(&columns, &html! { @for record in records { (row(view, state, record)) } }))
        }
        h2 { (lang.say("新建礼包", "New gift")) }
        (view.form("create", &create_fields(view, state)))
    }
}

fn row(view: &View, state: &State, record: &GiftRecord) -> Markup {
    let lang = view.lang;
    let id = record.gift_id.get().to_string();
    let (class, standing) = standing(lang, record);
    html! {
        tr {
            td { span.mono { (id) } p.sub { (time(record.created_ms)) } }
            td { span.mono { (record.user_id.as_str()) }
                p.sub { bdi { (state.app_name(&record.app_key)) } } }
            td { bdi { (record.name) } p.sub.mono { bdi { (record.cp_item_id) } } }
            td {
                span class={ "pill " (class) } { (standing) }
                @for id in record.taken_by.iter().chain(&record.app_order_id) {
                    p.sub.mono { bdi { (id) } }
                }
            }
            td { @if let Some(ms) = record.expires_ms { (moment(ms)) } @else {
                (lang.say("永久", "for ever"))
            } }
            td { div.actions {
                @if record.is_reserved() {
                    (view.button("release", &[("gift_id", &id)], "small",
                        lang.say("释放", "Release")))
                }
                @if record.status == GiftStatus::Pending {
                    (view.button("expire", &[("gift_id", &id)], "small",
                        lang.say("过期", "Expire")))
                }
            } }
        }
    }
}

fn standing(lang: Lang, record: &GiftRecord) -> (&'static str, &'static str) {
    match record.status {
        GiftStatus::Pending if record.is_reserved() => ("warn", lang.say("已预留", "Reserved")),
        GiftStatus::Pending => ("open", lang.say("待领取", "Waits")),
        GiftStatus::Activated => ("good", lang.say("已发放", "Given out")),
        GiftStatus::Expired => ("", lang.say("已过期", "Expired")),
    }
}

fn create_fields(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    html! {
        (field(lang.say("用户", "User"), &user_choice(state)))
        (field(lang.say("应用", "App"), &app_choice(state)))
        (field("cp_item_id", &html! {
            input name="cp_item_id" required maxlength=(SUBJECT_ID_CHARS_MAX);
        }))
        (field(lang.say("名称", "Name"), &html! {
            input name="name" maxlength=(NAME_CHARS_MAX);
        }))
        (field(lang.say("有效期至（可空，GMT+8）", "Until (may be empty, GMT+8)"), &html! {
            input name="end_time" placeholder="2026-12-31 23:59:59"
                pattern="\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d";
        }))
        button.main { (lang.say("新建", "Create")) }
    }
}

/// The forms of this page.
pub fn act(action: &str, mut form: Fields, state: &mut State) -> Done {
    if action == "create" {
        return create(form, state);
    }
    let text = required("gift_id", form.text("gift_id")?)?;
    form.finish()?;
    let invalid = || ApiError::invalid("gift_id", "must be decimal digits");
    let gift_id = GiftId::parse(&text).ok_or_else(invalid)?;
    let done = match action {
        "release" => state.release_gift(gift_id),
        "expire" => state.end_gift(gift_id),
        _ => return Err(no_action()),
    };
    done.map_err(|why| conflict("gift_id", why))
}

fn create(mut form: Fields, state: &mut State) -> Done {
    let invalid = |refusal: Refusal| ApiError::invalid("user_id", refusal.message);
    let gift = NewGift {
        gift_id: None,
        user_id: UserId::new(required("user_id", form.line("user_id")?)?).map_err(invalid)?,
        app_key: required("app_key", form.text("app_key")?)?,
        cp_item_id: required("cp_item_id", form.line("cp_item_id")?)?,
        name: form.line("name")?.unwrap_or_default(),
        end_time: end_time(&mut form)?,
        status: GiftStatus::Pending,
    };
    form.finish()?;
    checked(state, |known| check::gift(&gift, known))?;
    let laid_out = state.lay_out(gift);
    laid_out.map(|_| ()).map_err(|why| conflict("cp_item_id", why))
}

fn end_time(form: &mut Fields) -> Result<Option<Gmt8>, ApiError> {
    let read = form.text("end_time")?.map(Gmt8::try_from).transpose();
    read.map_err(|why| ApiError::invalid("end_time", why))
}
