//! Pictures of users: the first letter of the nick in a coloured circle.

use maud::{html, Markup};

use crate::sandbox::users::User;

const COLOURS: [&str; 6] = ["#0b6bcb", "#8a3ffc", "#0f766e", "#b3551e", "#a3245c", "#4d5a6b"];

fn letter(user: &User) -> char {
    user.nick.chars().find(|c| c.is_alphanumeric()).unwrap_or('?')
}

fn colour(user: &User) -> usize {
    let id = user.user_id.as_str().bytes();
    let sum = id.fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    sum % COLOURS.len()
}

/// On a page. The user's own picture may be anywhere, and pages load nothing foreign.
pub fn face(user: &User) -> Markup {
    html! { span class={ "face face" (colour(user)) } aria-hidden="true" { (letter(user)) } }
}

/// As a file.
pub fn svg(user: &User) -> String {
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96" {
            circle cx="48" cy="48" r="48" fill=(COLOURS[colour(user)]) {}
            text x="48" y="64" font-size="44" font-family="sans-serif" text-anchor="middle"
                fill="#fff" { (letter(user)) }
        }
    };
    picture.into_string()
}
