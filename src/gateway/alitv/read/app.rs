//! The gateway's clock, what it offers, and what is switched on for the app.

use super::super::verify::{gateway, Expected, Read};
use super::{error_reply, success, Errors};
use crate::core::call::{Doubt, Reply};
use crate::core::report::{Page, Profile, WebKind};
use crate::gateway::HttpAnswer;
use crate::limits::WAIT_S_MAX;
use crate::wire::device::{AppInfoData, ConfigProps, ServerDateData};

/// The gateway's clock, or what else it has said.
pub(in super::super) fn server_date(
    expected: &Expected<'_>,
    answer: &HttpAnswer,
) -> Result<Result<i64, Reply>, Doubt> {
    let data = match expected.read::<ServerDateData>(answer)? {
        Read::Error(error) => return Ok(Err(error_reply(&error, expected, Errors::Doubtful))),
        Read::Result(genuine) => success(genuine)?,
    };
    data.server_date.map(Ok).ok_or_else(|| gateway("no server_date"))
}

/// What the gateway offers, and its clock out of this answer or, before it, `server_ms`.
pub(in super::super) fn probe(
    expected: &Expected<'_>,
    answer: &HttpAnswer,
    server_ms: Option<i64>,
) -> Result<Reply, Doubt> {
    let (said, offered) = match app_info(expected, answer)? {
        Ok(info) => info,
        Err(reply) => return Ok(reply),
    };
    Ok(Reply::Probed {
        server_ms: said.or(server_ms).ok_or_else(|| gateway("no server_date_ms"))?,
        wait_s_max: offered.wait_s_max.min(WAIT_S_MAX),
    })
}

/// What is switched on. An address that may not be opened or shown counts as none.
pub(in super::super) fn profile(
    expected: &Expected<'_>,
    answer: &HttpAnswer,
    may_open: impl Fn(&str) -> bool,
    may_show: impl Fn(&str) -> bool,
) -> Result<Reply, Doubt> {
    let props = match app_info(expected, answer)? {
        Ok((_, props)) => props,
        Err(reply) => return Ok(reply),
    };
    let ConfigProps { pages, qr_url, renewal, .. } = props;
    let pages = [
        (WebKind::Start, pages.start),
        (WebKind::Custom, pages.custom),
        (WebKind::Exit, pages.exit),
    ];
    let page = |(kind, url): (WebKind, Option<String>)| {
        url.filter(|url| may_open(url)).map(|url| Page { kind, url })
    };
    Ok(Reply::Profile(Profile {
        pages: pages.into_iter().filter_map(page).collect(),
        qr_url: qr_url.filter(|url| may_show(url)),
        renewal,
    }))
}

/// The gateway's clock and what it offers. What it offers is ours, so without a signature it
/// offers nothing.
type Info = (Option<i64>, ConfigProps);

fn app_info(expected: &Expected<'_>, answer: &HttpAnswer) -> Result<Result<Info, Reply>, Doubt> {
    let genuine = match expected.read::<AppInfoData>(answer)? {
        Read::Error(error) => {
            return Ok(Err(error_reply(&error, expected, Errors::Doubtful)));
        }
        Read::Result(genuine) => genuine,
    };
    let signed = genuine.signed;
    let data = success(genuine)?;
    let props = Some(data.app_config.config_props).filter(|_| signed);
    Ok(Ok((data.echo.server_date_ms, props.unwrap_or_default())))
}
