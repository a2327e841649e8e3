//! Rows of the file and values of the program.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::{Charge, Entry, GrantState, LedgerError, OrderState, Plan};
use crate::core::facts::{Interval, OrderId};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::money::Fen;

/// Ends before the condition, so that every list reads its rows the same way.
pub(super) const SELECT: &str = "
    SELECT o.order_no, o.price_fen, o.subject, o.subject_id, o.ref_order_no, o.seq, o.state,
        o.trade_no, o.buyer_logon_id, o.created_ms, o.asked_ms, o.hinted_ms, o.paid_ms,
        o.closed_ms, o.settled_ms, coalesce(o.why, g.why) AS why,
        p.interval, p.prices_fen, p.subject AS plan_subject, p.notify_url,
        g.state AS grant_state, g.tries, g.due_ms, g.delivered_ms
    FROM orders o
    LEFT JOIN plans p ON p.order_no = o.order_no
    LEFT JOIN grants g ON g.order_no = o.order_no ";

/// A value that is stored as text and was checked on its way in.
struct Checked<T>(T);

impl FromSql for Checked<OrderId> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        OrderId::new(value.as_str()?).map(Checked).map_err(|_| FromSqlError::InvalidType)
    }
}

impl FromSql for Checked<Fen> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Fen::new(value.as_i64()?).map(Checked).map_err(|_| FromSqlError::InvalidType)
    }
}

impl FromSql for Checked<Vec<Fen>> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Checked).map_err(|_| FromSqlError::InvalidType)
    }
}

impl FromSql for Checked<Interval> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let known = [Interval::Month, Interval::Season];
        let found = known.into_iter().find(|interval| interval.name() == text);
        found.map(Checked).ok_or(FromSqlError::InvalidType)
    }
}

impl FromSql for OrderState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        OrderState::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for OrderState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl ToSql for OrderId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl ToSql for Fen {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.get().into())
    }
}

/// Reads a row of `SELECT`.
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let checked = |name: &str| row.get::<_, Checked<OrderId>>(name).map(|checked| checked.0);
    Ok(Entry {
        order_no: checked("order_no")?,
        price_fen: row.get::<_, Checked<Fen>>("price_fen")?.0,
        subject: row.get("subject")?,
        subject_id: row.get("subject_id")?,
        plan: plan(row)?,
        charge: charge(row)?,
        state: row.get("state")?,
        trade_no: row.get("trade_no")?,
        buyer_logon_id: row.get("buyer_logon_id")?,
        created_ms: row.get("created_ms")?,
        asked_ms: row.get("asked_ms")?,
        hinted_ms: row.get("hinted_ms")?,
        paid_ms: row.get("paid_ms")?,
        closed_ms: row.get("closed_ms")?,
        settled_ms: row.get("settled_ms")?,
        grant: grant(row)?,
        why: row.get("why")?,
    })
}

fn plan(row: &Row<'_>) -> rusqlite::Result<Option<Plan>> {
    let Some(Checked(interval)) = row.get::<_, Option<Checked<Interval>>>("interval")? else {
        return Ok(None);
    };
    Ok(Some(Plan {
        interval,
        prices_fen: row.get::<_, Checked<Vec<Fen>>>("prices_fen")?.0,
        subject: row.get("plan_subject")?,
        notify_url: row.get("notify_url")?,
    }))
}

fn charge(row: &Row<'_>) -> rusqlite::Result<Option<Charge>> {
    let Some(Checked(ref_order_no)) = row.get::<_, Option<Checked<OrderId>>>("ref_order_no")?
    else {
        return Ok(None);
    };
    Ok(Some(Charge { ref_order_no, seq: row.get("seq")? }))
}

fn grant(row: &Row<'_>) -> rusqlite::Result<Option<GrantState>> {
    if row.get::<_, Option<String>>("grant_state")?.is_none() {
        return Ok(None);
    }
    Ok(Some(match row.get("delivered_ms")? {
        Some(delivered_ms) => GrantState::Delivered { delivered_ms },
        None => GrantState::Due { tries: row.get("tries")?, due_ms: row.get("due_ms")? },
    }))
}

/// One order.
pub(super) fn find(
    connection: &Connection,
    order_no: &OrderId,
) -> Result<Option<Entry>, LedgerError> {
    let sql = format!("{SELECT} WHERE o.order_no = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([order_no], entry).optional()?)
}

/// Some orders; `condition` is what stands behind `SELECT`.
pub(super) fn entries(
    connection: &Connection,
    condition: &str,
    params: impl Params,
) -> Result<Vec<Entry>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} {condition}"))?;
    let rows = statement.query_map(params, entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a write may change: one row, or this was not its order.
pub(super) fn one_row(changed: usize, order_no: &OrderId) -> Result<(), LedgerError> {
    match changed {
        0 => Err(LedgerError::Unknown(order_no.clone())),
        _ => Ok(()),
    }
}

/// A sentence from outside, as long as the ledger keeps one.
pub(super) fn cut(why: &str) -> &str {
    let mut end = why.len().min(MESSAGE_BYTES_MAX);
    while !why.is_char_boundary(end) {
        end -= 1;
    }
    &why[..end]
}
