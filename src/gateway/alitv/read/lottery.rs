//! Answers about the lottery.

use super::super::text::{award, cut, link};
use super::super::verify::{gateway, Expected};
use super::{refused, rejected, said, same, Errors, Said};
use crate::core::award::{Activity, Award, LuckyType};
use crate::core::call::{Doubt, Drawn, Reply};
use crate::core::facts::{DrawFacts, EventKey};
use crate::gateway::HttpAnswer;
use crate::limits::{ACTIVITIES_MAX, AWARDS_MAX, NAME_CHARS_MAX};
use crate::wire::device::{
    ActivitiesData, ActivityData, AwardData, DrawData, DrawWord, DRAW_NOT_FOUND,
};
use crate::wire::time::parse_gmt8;

/// What can be played. An activity that no draw could name, or of an unknown kind, is left out.
pub(in super::super) fn activities(
    event_key: Option<&EventKey>,
    expected: &Expected<'_>,
    answer: &HttpAnswer,
) -> Result<Reply, Doubt> {
    let about = |data: &ActivitiesData| match event_key {
        Some(key) => same("event_key", data.event_key.as_deref(), key.as_str()),
        None => Ok(()),
    };
    let data = match said(expected, answer, Errors::Refuse, about)? {
        Said::Data(data) => data,
        Said::Refused { code, message, .. } => return Ok(rejected(&code, &message)),
        Said::Reply(reply) => return Ok(reply),
    };
    let all = data.activities.ok_or_else(|| gateway("the answer has no activities"))?;
    let wanted = |one: &ActivityData| event_key.is_none_or(|key| key.as_str() == one.event_key);
    let usable = all.into_iter().filter(wanted).filter_map(activity);
    Ok(Reply::Activities(usable.take(ACTIVITIES_MAX).collect()))
}

fn activity(data: ActivityData) -> Option<Activity> {
    let lucky_type = match data.lucky_type {
        1 => LuckyType::Free,
        2 => LuckyType::Consuming,
        3 => LuckyType::Mixed,
        _ => return None,
    };
    let time = |text: String| if parse_gmt8(&text).is_some() { text } else { String::new() };
    Some(Activity {
        activity_id: cut(&data.activity_id, NAME_CHARS_MAX),
        event_key: EventKey::new(data.event_key).ok()?.into(),
        name: cut(&data.name, NAME_CHARS_MAX),
        start_time: time(data.start_time),
        end_time: time(data.end_time),
        lucky_type,
        consume_amount: data.consume_amount.max(0),
        access_amount: data.access_amount.max(0),
        activity_url: link(&data.activity_url),
        awards: data.awards.iter().take(AWARDS_MAX).map(prize).collect(),
    })
}

/// Something that can be won, and was not yet.
fn prize(data: &AwardData) -> Award {
    Award { simple_desc: String::new(), full_desc: String::new(), ..award(data) }
}

/// What the draw brought.
pub(in super::super) fn drawn(
    facts: &DrawFacts,
    expected: &Expected<'_>,
    answer: &HttpAnswer,
) -> Result<Reply, Doubt> {
    match said(expected, answer, Errors::Doubtful, of_draw(facts))? {
        Said::Data(data) => outcome(data).map(Box::new).map(Reply::Drawn),
        Said::Refused { code, message, data } => match data.draw_status {
            None | Some(DrawWord::Refused) => Ok(rejected(&code, &message)),
            Some(DrawWord::Won | DrawWord::Lost) => Err(refused(&code)),
        },
        Said::Reply(reply) => Ok(reply),
    }
}

/// What the draw has brought. Here a refusal may be one of the question, so only a draw that
/// is said to be refused was.
pub(in super::super) fn drawn_before(
    facts: &DrawFacts,
    expected: &Expected<'_>,
    answer: &HttpAnswer,
) -> Result<Reply, Doubt> {
    match said(expected, answer, Errors::Doubtful, of_draw(facts))? {
        Said::Data(data) => outcome(data).map(Box::new).map(Reply::Drawn),
        Said::Refused { code, message, data } => match data.draw_status {
            Some(DrawWord::Refused) => Ok(rejected(&code, &message)),
            None if code == DRAW_NOT_FOUND => Ok(Reply::NoTrade),
            _ => Err(refused(&code)),
        },
        Said::Reply(reply) => Ok(reply),
    }
}

fn of_draw(facts: &DrawFacts) -> impl Fn(&DrawData) -> Result<(), Doubt> + '_ {
    move |data| same("draw_id", data.draw_id.as_deref(), facts.draw_id.as_str())
}

fn outcome(data: DrawData) -> Result<Drawn, Doubt> {
    let award = match (data.draw_status, &data.award) {
        (Some(DrawWord::Won), Some(won)) if *won != AwardData::default() => Some(award(won)),
        (Some(DrawWord::Won), _) => return Err(gateway("the answer has no award")),
        (Some(DrawWord::Lost), None) => None,
        (Some(DrawWord::Lost), Some(_)) => return Err(gateway("an award that was not won")),
        (Some(DrawWord::Refused) | None, _) => {
            return Err(gateway("the answer does not say what was drawn"));
        }
    };
    let known = |left: &i64| *left >= 0;
    Ok(Drawn {
        award,
        points_left: data.total_amount.filter(known),
        free_left: data.access_amount.filter(known),
    })
}
