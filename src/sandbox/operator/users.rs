//! Users: who there is, their points, what they have authorised and where they are signed in.

use std::collections::BTreeMap;

use maud::{html, Markup};

use super::layout::{field, moment, nothing, table};
use super::{no_action, Done, View};
use crate::core::code::Refusal;
use crate::core::user::UserId;
use crate::limits::{LINK_BYTES_MAX, NAME_CHARS_MAX, SANDBOX_POINTS_MAX, USER_ID_BYTES_MAX};
use crate::sandbox::check;
use crate::sandbox::control::{checked, conflict, not_found};
use crate::sandbox::fields::{required, ApiError, Fields};
use crate::sandbox::pages::avatar::face;
use crate::sandbox::state::State;
use crate::sandbox::users::User;

/// Users, sessions, and a form for a new user.
pub fn view(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    let columns = [
        lang.say("用户", "User"),
        lang.say("积分", "Points"),
        lang.say("已授权的应用", "Has authorised"),
        lang.say("续费", "Subscriptions"),
        "",
    ];
    let mut users = state.users().all().peekable();
    html! {
        @if users.peek().is_none() {
            (nothing(lang.say("没有用户。", "There are no users.")))
        } @else {
            (table(&columns, &html! { @for user in users { (row(view, state, user)) } }))
        }
        h2 { (lang.say("登录状态", "Signed in")) }
        (sessions(view, state))
        h2 { (lang.say("新建用户", "New user")) }
        (view.form("create", &create_fields(view)))
    }
}

fn row(view: &View, state: &State, user: &User) -> Markup {
    let (lang, id) = (view.lang, user.user_id.as_str());
    html! {
        tr {
            td { div.who-row {
                (face(user))
                div { bdi { (user.nick) } p.sub.mono { (id) } }
            } }
            td { (view.inline("points", &html! {
                input type="hidden" name="user_id" value=(id);
                input type="number" name="points" min="0" max=(SANDBOX_POINTS_MAX)
                    value=(user.points) required aria-label=(lang.say("积分", "Points"));
                button.small { (lang.say("设定", "Set")) }
            })) }
            td { div.actions {
                @for (app_key, grant) in &user.authorised {
                    span.pill.good {
                        bdi { (state.app_name(app_key.as_str())) }
                        @if grant.profile { " · " (lang.say("昵称头像", "nick and picture")) }
                    }
                    (view.button(
                        "unauthorise",
                        &[("user_id", id), ("app_key", app_key.as_str())],
                        "small",
                        lang.say("取消授权", "Take back"),
                    ))
                }
            } }
            td { div.actions {
                @if user.renewal_pay_fail {
                    span.pill.bad { (lang.say("续费扣款失败", "Deductions fail")) }
                }
                (view.button("pay_fail", &[("user_id", id)], "small", if user.renewal_pay_fail {
                    lang.say("恢复扣款", "Let them succeed")
                } else {
                    lang.say("让扣款失败", "Make deductions fail")
                }))
            } }
            td { (view.button("remove", &[("user_id", id)], "small", lang.say("删除", "Remove"))) }
        }
    }
}

fn sessions(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    // The forms name user and app, not the token: it is not to stand in a page.
    let mut places: BTreeMap<(&str, &str), (usize, i64)> = BTreeMap::new();
    for session in state.users().sessions() {
        let place = (session.user_id.as_str(), session.app_key.as_str());
        let (count, since_ms) = places.entry(place).or_default();
        *count += 1;
        *since_ms = session.since_ms;
    }
    if places.is_empty() {
        return nothing(lang.say("没有人登录。", "Nobody is signed in."));
    }
    let columns = [
        lang.say("用户", "User"),
        lang.say("应用", "App"),
        lang.say("登录时间", "Since"),
        lang.say("会话数", "Sessions"),
        "",
    ];
    table(
        &columns,
        &html! { @for ((user_id, app_key), (count, since_ms)) in &places { tr {
            td.mono { (user_id) }
            td { bdi { (state.app_name(app_key)) } }
            td { (moment(*since_ms)) }
            td { (count) }
            td { (view.button(
                "sign_out",
                &[("user_id", user_id), ("app_key", app_key)],
                "small",
                lang.say("退出登录", "Sign out"),
            )) }
        } } },
    )
}

fn create_fields(view: &View) -> Markup {
    let lang = view.lang;
    html! {
        (field(lang.say("用户 ID", "User id"), &html! {
            input name="user_id" required maxlength=(USER_ID_BYTES_MAX) pattern="[!-~]+";
        }))
        (field(lang.say("昵称", "Nick"), &html! {
            input name="nick" required maxlength=(NAME_CHARS_MAX);
        }))
        (field(lang.say("积分", "Points"), &html! {
            input type="number" name="points" min="0" max=(SANDBOX_POINTS_MAX) value="100";
        }))
        (field(lang.say("头像 URL（可空）", "Picture URL (may be empty)"), &html! {
            input name="avatar_url" maxlength=(LINK_BYTES_MAX);
        }))
        button.main { (lang.say("新建", "Create")) }
    }
}

/// The forms of this page.
pub fn act(action: &str, mut form: Fields, state: &mut State) -> Done {
    let user_id = required("user_id", form.text("user_id")?)?;
    if action == "create" {
        return create(user_id, form, state);
    }
    let unknown = || not_found("user_id", format!("there is no user {user_id:?}"));
    state.users().get(&user_id).ok_or_else(unknown)?;
    let of = form.text("app_key")?;
    let points = form.number("points", 0, SANDBOX_POINTS_MAX)?;
    form.finish()?;
    let conflict = |why| conflict("user_id", why);
    match action {
        "points" => state.set_points(&user_id, required("points", points)?).map_err(conflict),
        "unauthorise" => {
            state.authorise(&user_id, &required("app_key", of)?, None).map_err(conflict)
        }
        "sign_out" => {
            state.revoke(&user_id, of.as_deref());
            Ok(())
        }
        "pay_fail" => {
            let turn =
                |user: &User| User { renewal_pay_fail: !user.renewal_pay_fail, ..user.clone() };
            let user = state.users().get(&user_id).map(turn).ok_or_else(unknown)?;
            state.put_user(user).map_err(conflict)
        }
        "remove" => state.remove_user(&user_id).then_some(()).ok_or_else(unknown),
        _ => Err(no_action()),
    }
}

fn create(user_id: String, mut form: Fields, state: &mut State) -> Done {
    if state.users().get(&user_id).is_some() {
        return Err(conflict("user_id", format!("there is a user {user_id:?} already")));
    }
    let invalid = |refusal: Refusal| ApiError::invalid("user_id", refusal.message);
    let user = User {
        user_id: UserId::new(user_id).map_err(invalid)?,
        nick: required("nick", form.line("nick")?)?,
        avatar_url: form.line("avatar_url")?,
        points: form.number("points", 0, SANDBOX_POINTS_MAX)?.unwrap_or(0),
        renewal_pay_fail: false,
        authorised: BTreeMap::new(),
    };
    form.finish()?;
    checked(state, |known| check::user(&user, known))?;
    state.put_user(user).map_err(|why| conflict("user_id", why))
}
