//! What becomes of the answers to requests: an event for the owner, and what the answer says
//! folded in.

use super::event::{About, Event, Kind, Op};
use super::requests::{Request, Want};
use super::session::{parse, protocol, refusal, Session};
use crate::core::code::{Code, Refusal};
use crate::core::record::Key;
use crate::core::report::{DrawReport, ItemReport, Report, State};
use crate::ipc::proto::{Activities, Gifts, Orders, RpcError, Snapshot, WebOpened};

impl Session {
    pub(super) fn on_answer(
        &mut self,
        id: i64,
        outcome: Result<&str, &RpcError>,
    ) -> Result<(), Refusal> {
        let request = Op::try_from(id).ok().and_then(|op| self.requests.take(op));
        let Some(request) = request else {
            self.log(super::Level::Warn, || format!("an answer to {id}, which was not asked"));
            return Ok(());
        };
        match outcome {
            Ok(json) => match self.accept(&request, json) {
                Ok(()) => Ok(()),
                Err(refusal) => {
                    self.refuse(&request, refusal, json.to_owned());
                    Ok(())
                }
            },
            Err(error) => {
                let json = serde_json::to_string(error).unwrap_or_default();
                self.refuse(&request, refusal(error), json);
                Ok(())
            }
        }
    }

    fn accept(&mut self, request: &Request, json: &str) -> Result<(), Refusal> {
        match &request.want {
            Want::Pay(_) => {
                let report = ItemReport::Order(parse(json)?);
                let key = report.key();
                self.answer_item(request, report)?;
                self.mirror.set_own(&key, true);
            }
            Want::Query => self.answer_item(request, ItemReport::Order(parse(json)?))?,
            Want::Draw => self.answer_item(request, ItemReport::Draw(parse(json)?))?,
            Want::Gift => self.answer_item(request, ItemReport::Gift(parse(json)?))?,
            Want::Cancel => {
                let report: Report = parse(json)?;
                self.reply(request, Event::about(Kind::Reply, report.clone()));
                self.fold(ItemReport::Order(report), false)?;
            }
            Want::Ack(sequence) => {
                if let Some(key) = self.key_of(request) {
                    self.mirror.acked(&key, *sequence);
                }
                self.reply(request, Event::new(Kind::Reply));
            }
            Want::Orders => {
                let Orders { orders, more } = parse(json)?;
                let count = u32::try_from(orders.len()).unwrap_or(u32::MAX);
                self.reply(request, Event { orders, more, count, ..Event::new(Kind::Orders) });
            }
            Want::Auth { change } => {
                let asked = (request.op, request.tag, *change);
                self.apps.begun(asked, parse(json)?, &mut self.queue)?;
            }
            Want::Account => {
                let account = parse(json)?;
                self.reply(request, Event::new(Kind::Reply));
                self.apps.fold_account(account, &mut self.queue)?;
            }
            Want::WebOpen(_) => {
                let WebOpened { web, .. } = parse(json)?;
                let text = "the platform has no such page";
                let web = web.ok_or_else(|| Refusal::new(Code::NOT_FOUND, text))?;
                self.apps.opened((request.op, request.tag), web, &mut self.queue)?;
            }
            Want::WebClosed => self.reply(request, Event::new(Kind::Reply)),
            Want::User | Want::Activities | Want::Gifts => self.find(request, json)?,
            Want::Raw => {
                self.reply(request, Event { json: json.to_owned(), ..Event::new(Kind::Reply) });
            }
        }
        Ok(())
    }

    /// Takes the answer to a look-up.
    fn find(&mut self, request: &Request, json: &str) -> Result<(), Refusal> {
        let (kind, about, more) = match &request.want {
            Want::Activities => {
                let Activities { activities, more } = parse(json)?;
                (Kind::Activities, About::Activities(activities), more)
            }
            Want::Gifts => {
                let Gifts { gifts, more } = parse(json)?;
                (Kind::Gifts, About::Gifts(gifts), more)
            }
            _ => (Kind::User, About::User(parse(json)?), false),
        };
        self.reply(request, Event { about, more, ..Event::new(kind) });
        Ok(())
    }

    /// The answer is an event of the item, and stands for the news that it brings.
    fn answer_item(&mut self, request: &Request, report: ItemReport) -> Result<(), Refusal> {
        if !request.silent {
            self.reply(request, Event::of_item(report.clone()));
        }
        self.fold(report, false)
    }

    pub(super) fn refuse(&mut self, request: &Request, refusal: Refusal, json: String) {
        if request.silent {
            return self.refuse_silent(request, &refusal);
        }
        let refused = match &request.want {
            Want::Pay(pay) => Some(pay.clone()),
            _ => None,
        };
        self.reply(request, Event { json, refused, ..Event::refusal(Kind::Reply, refusal) });
    }

    fn refuse_silent(&mut self, request: &Request, refusal: &Refusal) {
        self.log(super::Level::Warn, || refusal.to_string());
        let gone = refusal.code == Code::NOT_FOUND;
        if let Some(key) = self.key_of(request).filter(|_| gone) {
            self.lose_item(&key);
        }
    }

    /// Nobody can say any more what became of it: that is unknown, not failed.
    pub(super) fn lose_item(&mut self, key: &Key) {
        let Some(item) = self.mirror.remove(key).filter(|item| !item.state().is_final()) else {
            return;
        };
        let (state, result) = (State::Unknown, Code::NOT_FOUND);
        let message = |what| Some(format!("the engine does not know this {what} any more"));
        let lost = match item {
            ItemReport::Order(report) => {
                let message = message("order");
                let (qr_text, expires_s) = (None, None);
                ItemReport::Order(Report { state, result, message, qr_text, expires_s, ..report })
            }
            ItemReport::Draw(report) => {
                let message = message("draw");
                ItemReport::Draw(DrawReport { state, result, message, ..report })
            }
            ItemReport::Gift(report) => {
                let message = message("gift");
                ItemReport::Gift(crate::core::report::GiftReport {
                    state,
                    result,
                    message,
                    ..report
                })
            }
        };
        self.queue.push_notice(Event::of_item(lost));
    }

    fn reply(&mut self, request: &Request, event: Event) {
        if request.silent {
            return;
        }
        let order_id = request.target.as_ref().map(|target| target.order_id.clone());
        let order_id = event.order_id.clone().or(order_id);
        self.queue.push_answer(Event { op: request.op, tag: request.tag, order_id, ..event });
    }

    fn key_of(&self, request: &Request) -> Option<Key> {
        let target = request.target.as_ref()?;
        let order_id = target.order_id.clone();
        let app_key = target.app_key.as_ref().or_else(|| self.mirror.find(&order_id))?.clone();
        Some(Key { app_key, order_id })
    }

    /// Pages whose request was carried out or not, nobody knows: the snapshot shows which.
    pub(super) fn settle_lost_pages(&mut self, snapshot: &Snapshot) -> Result<(), Refusal> {
        for request in std::mem::take(&mut self.lost_pages) {
            let mut open = snapshot.apps.iter().filter_map(|app| app.web.as_ref());
            let is_it = |web: &&_| request.is_for_page(web) && !self.apps.is_open(web);
            match open.find(is_it).cloned() {
                Some(web) => {
                    self.apps.opened((request.op, request.tag), web, &mut self.queue)?;
                }
                None => self.refuse(&request, unanswered(), String::new()),
            }
        }
        Ok(())
    }
}

/// What is said of a request that is not repeated.
pub(super) fn unanswered() -> Refusal {
    let text = "the connection ended before the answer; it may have been carried out";
    Refusal::new(Code::OFFLINE, text)
}

/// The engine has more than a client follows.
pub(super) fn too_many(most: usize) -> Refusal {
    protocol(format!("the engine has more than {most} unfinished orders, draws and gifts"))
}
