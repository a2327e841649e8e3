//! Who is signed in at each app, attempts to sign in, and whose session a call carries.

use std::collections::VecDeque;

use super::{Asker, Clock, Effect, Engine};
use crate::core::account::Account;
use crate::core::call::{CallNo, Reply};
use crate::core::code::{Code, Refusal};
use crate::core::facts::AppKey;
use crate::core::item::Item;
use crate::core::order::Now;
use crate::core::record::Record;
use crate::core::report::AccountReport;
use crate::core::sign_in::{step, wake_at, Input, Output};
use crate::core::user::{Token, UserId};
use crate::limits::{AUTHS_NEW_PER_MINUTE_MAX, HELD_MAX};

pub(super) struct AccountSlot {
    account: Account,
    /// The call whose answer the attempt waits for.
    call: Option<CallNo>,
    /// Boot milliseconds of the attempts begun in the last minute.
    started: VecDeque<u64>,
}

impl AccountSlot {
    fn new(app_key: AppKey) -> AccountSlot {
        AccountSlot { account: Account::new(app_key), call: None, started: VecDeque::new() }
    }
}

impl Engine {
    /// Wants somebody signed in who has authorised the app. AUTHORISED and not `change`: so it
    /// is, and nothing follows. Otherwise the report names the attempt that goes on, and
    /// account events tell how until it has ended; `change` replaces one that goes on.
    /// `attempt` names a new one: not to be guessed, never used before.
    ///
    /// # Errors
    /// DENIED an app that is not served; LIMIT too many attempts in a minute.
    pub fn auth(
        &mut self,
        app_key: &AppKey,
        change: bool,
        attempt: String,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<AccountReport, Refusal> {
        self.check_app(app_key)?;
        let slot = self.account_slot(app_key);
        let begins = change || !(slot.account.is_authorised() || slot.account.is_signing_in());
        if begins {
            slot.admit(clock)?;
            self.probe_if_old(clock, out);
        }
        self.step_account(app_key, Input::Auth { attempt, change }, clock, out);
        Ok(self.account(app_key, clock))
    }

    /// Gives the attempt up that goes on.
    ///
    /// # Errors
    /// DENIED an app that is not served; NOT_FOUND without an attempt.
    pub fn auth_cancel(
        &mut self,
        app_key: &AppKey,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<AccountReport, Refusal> {
        self.check_app(app_key)?;
        if !self.account_slot(app_key).account.is_signing_in() {
            return Err(Refusal::new(Code::NOT_FOUND, "nobody is signing in"));
        }
        self.step_account(app_key, Input::Cancel, clock, out);
        Ok(self.account(app_key, clock))
    }

    /// Signs the user out, and gives an attempt up. Without either it changes nothing.
    ///
    /// # Errors
    /// DENIED an app that is not served.
    pub fn logout(
        &mut self,
        app_key: &AppKey,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<AccountReport, Refusal> {
        self.check_app(app_key)?;
        self.step_account(app_key, Input::Logout, clock, out);
        Ok(self.account(app_key, clock))
    }

    /// The account as it stands.
    pub fn account(&self, app_key: &AppKey, clock: Clock) -> AccountReport {
        let now = self.time(clock);
        match self.accounts.get(app_key) {
            Some(slot) => slot.account.report(&now),
            None => Account::new(app_key.clone()).report(&now),
        }
    }

    /// Who may draw, take gifts and be asked about.
    ///
    /// # Errors
    /// UNAUTHORIZED says what is missing.
    pub(super) fn authorised_user(&self, app_key: &AppKey) -> Result<UserId, Refusal> {
        let refuse = |text: &str| Err(Refusal::new(Code::UNAUTHORIZED, text));
        match self.signed_in(app_key).and_then(|account| Some((account, account.user_id()?))) {
            None => refuse("nobody is signed in"),
            Some((account, _)) if !account.is_authorised() => {
                refuse("the user has not authorised the app")
            }
            Some((_, user_id)) => Ok(user_id.clone()),
        }
    }

    /// Who is signed in, whether or not the app is authorised.
    pub(super) fn signed_in_user(&self, app_key: &AppKey) -> Option<UserId> {
        self.signed_in(app_key)?.user_id().cloned()
    }

    /// What speaks for this user, while that one is signed in.
    pub(super) fn session_of_user(&self, app_key: &AppKey, user_id: &UserId) -> Option<Token> {
        let account = self.signed_in(app_key)?;
        account.session().filter(|_| account.user_id() == Some(user_id)).cloned()
    }

    /// What speaks for the user who has authorised the app.
    pub(super) fn authorised_session(&self, app_key: &AppKey) -> Option<Token> {
        let account = self.signed_in(app_key)?;
        account.session().filter(|_| account.is_authorised()).cloned()
    }

    fn signed_in(&self, app_key: &AppKey) -> Option<&Account> {
        self.accounts.get(app_key).map(|slot| &slot.account)
    }

    /// The gateway has said that `session` is not valid any more.
    pub(super) fn end_session(
        &mut self,
        app_key: &AppKey,
        session: Option<&Token>,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        let current = self.signed_in(app_key).and_then(Account::session);
        if session.is_some() && session == current {
            self.step_account(app_key, Input::NoSession, clock, out);
        }
    }

    pub(super) fn on_account_reply(
        &mut self,
        app_key: &AppKey,
        call: CallNo,
        reply: Reply,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        let slot = self.account_slot(app_key);
        if slot.call == Some(call) {
            slot.call = None;
            self.step_account(app_key, Input::Reply(reply), clock, out);
        }
    }

    /// Folds one record of an account in.
    pub(super) fn replay_account(&mut self, app_key: &AppKey, record: &Record) {
        self.account_slot(app_key).account.apply(record);
    }

    /// The records that replay into the present accounts.
    pub(super) fn account_records(&self) -> impl Iterator<Item = Record> + '_ {
        self.accounts.values().flat_map(|slot| slot.account.records())
    }

    pub(super) fn tick_accounts(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        let due = |slot: &AccountSlot| wake_at(&slot.account).is_some_and(|at| clock.boot_ms >= at);
        for app_key in self.accounts_where(due) {
            self.step_account(&app_key, Input::Tick, clock, out);
        }
    }

    pub(super) fn hurry_accounts(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        for app_key in self.accounts_where(|slot| slot.account.is_signing_in()) {
            self.step_account(&app_key, Input::Hurry, clock, out);
        }
    }

    pub(super) fn accounts_wake_at(&self) -> Option<u64> {
        self.accounts.values().filter_map(|slot| wake_at(&slot.account)).min()
    }

    /// Somebody is signing in.
    pub(super) fn is_signing_in(&self) -> bool {
        self.accounts.values().any(|slot| slot.account.is_signing_in())
    }

    fn accounts_where(&self, wanted: impl Fn(&AccountSlot) -> bool) -> Vec<AppKey> {
        let wanted = self.accounts.iter().filter(|(_, slot)| wanted(slot));
        wanted.map(|(app_key, _)| app_key.clone()).collect()
    }

    fn account_slot(&mut self, app_key: &AppKey) -> &mut AccountSlot {
        // An app that is no longer served may still have a user in the journal.
        let new = || AccountSlot::new(app_key.clone());
        self.accounts.entry(app_key.clone()).or_insert_with(new)
    }

    fn step_account(
        &mut self,
        app_key: &AppKey,
        input: Input,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        let wait_s = if self.held() < HELD_MAX { self.gateway.wait_s_max } else { 0 };
        let now = Now { wait_s, ..self.time(clock) };
        let mut outputs = Vec::new();
        step(&mut self.account_slot(app_key).account, input, &now, &mut outputs);
        let is_back = |output: &Output| matches!(output, Output::Append(Record::SignedIn { .. }));
        let is_back = outputs.iter().any(is_back);
        for output in outputs {
            match output {
                Output::Append(record) => out.push(Effect::Append(record)),
                Output::Tell(event) => out.push(Effect::Tell(event)),
                Output::Send(ask, session) => {
                    self.send(Asker::Nobody, app_key.clone(), session, ask, out);
                }
                Output::Ask(ask, session) => {
                    let call = self.send(Asker::Account, app_key.clone(), session, ask, out);
                    self.account_slot(app_key).call = Some(call);
                }
            }
        }
        if is_back {
            self.hurry_items_of(app_key, clock, out);
        }
    }

    /// What was left in doubt for lack of a session need not wait out its backoff.
    fn hurry_items_of(&mut self, app_key: &AppKey, clock: Clock, out: &mut Vec<Effect>) {
        let waits = |item: &Item| {
            item.app_key() == app_key && item.user_id().is_some() && item.is_in_doubt()
        };
        for key in self.keys(waits) {
            self.step(&key, super::Input::Hurry, clock, out);
        }
    }
}

impl AccountSlot {
    /// Counts a new attempt only if it is allowed.
    fn admit(&mut self, clock: Clock) -> Result<(), Refusal> {
        while self.started.front().is_some_and(|at| clock.boot_ms >= at + 60_000) {
            self.started.pop_front();
        }
        if self.started.len() >= AUTHS_NEW_PER_MINUTE_MAX {
            let text = format!("{AUTHS_NEW_PER_MINUTE_MAX} attempts of this app in one minute");
            return Err(Refusal::new(Code::LIMIT, text));
        }
        self.started.push_back(clock.boot_ms);
        Ok(())
    }
}
