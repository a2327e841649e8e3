//! user.info, lottery.activities, gift.list: answered when the gateway has answered

use super::access::choose;
use super::accounts::app_of;
use super::desk::{write, Caller, Desk, Outcome};
use super::lists::Room;
use super::members::Members;
use super::proto::{Activities, Gifts, Id, RpcError};
use crate::core::code::{Code, Refusal};
use crate::core::facts::AppKey;
use crate::core::lookup::{Found, Lookup, Ticket};
use crate::limits::LOOKUPS_PER_SESSION_MAX;

/// Who waits for a look-up.
pub(super) struct Waiting {
    /// Number of the connection.
    peer: u64,
    id: Id,
}

impl Desk {
    pub(super) fn user_info(&mut self, caller: &mut Caller, members: &Members) -> Late {
        app_of(caller, members).map(|app_key| (app_key, Lookup::User))
    }

    pub(super) fn gift_list(&mut self, caller: &mut Caller, members: &Members) -> Late {
        app_of(caller, members).map(|app_key| (app_key, Lookup::Gifts))
    }

    pub(super) fn activities(&mut self, caller: &mut Caller, members: &Members) -> Late {
        let wanted = members.activities()?;
        let app_key = choose(&caller.apps, wanted.app_key)?;
        Ok((app_key, Lookup::Activities { event_key: wanted.event_key }))
    }

    /// Begins a look-up whose answer comes later. Without `id` nobody would get it.
    pub(super) fn look_up(
        &mut self,
        caller: &mut Caller,
        id: Option<&Id>,
        wanted: Late,
    ) -> Outcome<()> {
        let (app_key, lookup) = wanted?;
        let Some(id) = id else { return Ok(()) };
        if caller.lookups >= LOOKUPS_PER_SESSION_MAX {
            let text = format!("{LOOKUPS_PER_SESSION_MAX} look-ups of this connection wait");
            return Err(Refusal::new(Code::LIMIT, text).into());
        }
        let ticket = self.ticket_last + 1;
        self.engine.lookup(&app_key, lookup, ticket, self.clock, &mut self.effects)?;
        self.ticket_last = ticket;
        caller.lookups += 1;
        self.waiting.insert(ticket, Waiting { peer: caller.number, id: id.clone() });
        Ok(())
    }

    /// The connection that waits for a look-up, and the line it gets.
    pub(super) fn answer(
        &mut self,
        ticket: Ticket,
        found: Result<Found, Refusal>,
    ) -> Option<(u64, Vec<u8>)> {
        let Waiting { peer, id } = self.waiting.remove(&ticket)?;
        let (mut line, id) = (Vec::new(), Some(&id));
        match found {
            Ok(Found::User(user)) => write(&mut line, id, Ok(user)),
            Ok(Found::Activities(mut activities)) => {
                let more = Room::new().keep_first(&mut activities);
                write(&mut line, id, Ok(Activities { activities, more }));
            }
            Ok(Found::Gifts(mut gifts)) => {
                let more = Room::new().keep_first(&mut gifts);
                write(&mut line, id, Ok(Gifts { gifts, more }));
            }
            Err(refusal) => write(&mut line, id, Err::<(), _>(RpcError::from(refusal))),
        }
        Some((peer, line))
    }
}

/// What is looked up for whom, if the request says it well.
pub(super) type Late = Outcome<(AppKey, Lookup)>;
