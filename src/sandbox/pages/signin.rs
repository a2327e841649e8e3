//! The page of a code to sign in with: who it is, and whether the app may know.

use maud::{html, Markup};

use super::avatar::face;
use super::page;
use crate::sandbox::attempts::{Attempt, Step};
use crate::sandbox::texts::{duration, Lang};
use crate::sandbox::users::User;

/// What the page shows besides the attempt.
pub struct Scene<'a> {
    /// The app's name.
    pub app: &'a str,
    /// Who can sign in.
    pub users: Vec<&'a User>,
    /// The user who has signed in or is asked.
    pub user: Option<&'a User>,
    /// Operations let the app have nick and picture of users who agree.
    pub profile: bool,
    /// The sandbox's clock.
    pub now_ms: i64,
}

/// What somebody with a phone sees after the scan.
pub fn phone(lang: Lang, attempt: &Attempt, scene: &Scene) -> String {
    let open = attempt.is_open();
    let title = match attempt.step {
        Step::Asked => lang.say("授权", "Authorise"),
        _ if attempt.authorise => lang.say("授权", "Authorise"),
        _ => lang.say("登录", "Sign in"),
    };
    let body = html! {
        section.card {
            p.merchant dir="auto" { (scene.app) }
            @if open {
                (question(lang, attempt, scene))
                p.hint.left {
                    (lang.say("剩余时间", "Time left")) " "
                    (duration(attempt.left_s(scene.now_ms)))
                }
            } @else {
                (outcome(lang, attempt, scene))
            }
        }
    };
    // Earlier, a choice that is half made would be thrown away.
    let refresh_s = open.then(|| attempt.left_s(scene.now_ms) + 1);
    page(lang, &format!("{title} - {}", scene.app), refresh_s, &body)
}

fn question(lang: Lang, attempt: &Attempt, scene: &Scene) -> Markup {
    match (&attempt.step, scene.user) {
        (Step::Asked, Some(user)) => authorise(lang, attempt, scene, user),
        (_, Some(user)) if attempt.authorise => authorise(lang, attempt, scene, user),
        _ => sign_in(lang, attempt, scene),
    }
}

fn sign_in(lang: Lang, attempt: &Attempt, scene: &Scene) -> Markup {
    let fields = html! {
        ul.people { @for (at, user) in scene.users.iter().enumerate() {
            li { label.person {
                input type="radio" name="user_id" value=(user.user_id.as_str()) required
                    checked[at == 0];
                (person(lang, user))
            } }
        } }
        button.pay name="action" value="sign_in" { (lang.say("登录", "Sign in")) }
    };
    html! {
        h1.center { (lang.say("登录电视应用", "Sign in on the TV")) }
        @if scene.users.is_empty() {
            p.warning role="alert" {
                (lang.say("沙箱中没有用户。", "There is no user in the sandbox."))
            }
        } @else {
            (form(lang, attempt, &fields))
        }
        (refuse(lang, attempt, lang.say("取消", "Cancel")))
    }
}

fn authorise(lang: Lang, attempt: &Attempt, scene: &Scene, user: &User) -> Markup {
    let fields = html! {
        @if scene.profile {
            label.person {
                input type="checkbox" name="profile" value="yes" checked;
                span { (lang.say("你的昵称和头像", "Your nick and picture")) }
            }
        }
        button.pay name="action" value="authorise" { (lang.say("同意授权", "Authorise")) }
    };
    html! {
        h1.center { (lang.say("授权应用", "Authorise the app")) }
        div.person.still { (person(lang, user)) }
        p.wants { (lang.say("该应用将获得：", "The app will have:")) }
        ul.wants { li { (lang.say("你的用户 ID 和积分", "Your user id and points")) } }
        (form(lang, attempt, &fields))
        (refuse(lang, attempt, lang.say("拒绝", "Refuse")))
    }
}

/// Stands apart from the other form, so that refusing needs no user to be chosen.
fn refuse(lang: Lang, attempt: &Attempt, text: &str) -> Markup {
    form(lang, attempt, &html! { button.quiet name="action" value="deny" { (text) } })
}

fn form(lang: Lang, attempt: &Attempt, fields: &Markup) -> Markup {
    html! {
        form method="post" action={ "/A/" (attempt.code) "?lang=" (lang.code()) } {
            input type="hidden" name="token" value=(attempt.form_token);
            (fields)
        }
    }
}

fn person(lang: Lang, user: &User) -> Markup {
    html! {
        (face(user))
        span.who {
            b dir="auto" { (user.nick) }
            span.small { (user.user_id.as_str()) }
        }
        span.small.points { (user.points) " " (lang.say("积分", "points")) }
    }
}

fn outcome(lang: Lang, attempt: &Attempt, scene: &Scene) -> Markup {
    let (good, text) = standing(lang, attempt);
    let hint = match attempt.step {
        Step::Expired | Step::Replaced | Step::Cancelled => {
            lang.say("请扫描电视上当前显示的二维码。", "Scan the code that the TV shows now.")
        }
        _ => lang.say("请回到电视。", "Go back to the TV."),
    };
    html! {
        p class=(if good { "outcome good" } else { "outcome" }) role="status" {
            @if good { span.tick aria-hidden="true" {} }
            (text)
        }
        @if let (true, Some(user)) = (good, scene.user) {
            div.person.still { (person(lang, user)) }
        }
        p.hint { (hint) }
    }
}

/// Where an attempt stands, and whether that is good.
pub fn standing(lang: Lang, attempt: &Attempt) -> (bool, &'static str) {
    match attempt.step {
        Step::Waiting => (false, lang.say("未扫码", "Not scanned")),
        Step::Scanned => (false, lang.say("已扫码", "Scanned")),
        Step::Asked => (false, lang.say("等待授权", "Asked to authorise")),
        Step::Granted { authorised: true } => {
            (true, lang.say("登录成功，已授权", "Signed in and authorised"))
        }
        Step::Granted { authorised: false } => {
            (true, lang.say("已登录，未授权", "Signed in, not authorised"))
        }
        Step::Denied => (false, lang.say("已拒绝", "Refused")),
        Step::Expired => (false, lang.say("二维码已过期", "Code expired")),
        Step::Replaced => {
            (false, lang.say("已被新的二维码取代", "A newer code has replaced this one"))
        }
        Step::Cancelled => (false, lang.say("电视已取消登录", "The TV has given up")),
    }
}
