//! Who may act for which app. The kernel says who is at the other end; the configuration
//! says what that user may do; nothing that a client claims counts, except a token.

use crate::core::code::{Code, Refusal};
use crate::core::facts::AppKey;
use crate::wire::secret::Secret;

/// Who may act for one app.
pub struct Rule {
    /// The app.
    pub app_key: AppKey,
    /// Users that may act for it. Empty: any user with the token, and nobody without one.
    pub uids: Vec<u32>,
    /// What such a user has to present in `hello`, or none.
    pub token: Option<Secret>,
}

/// The rules of all apps.
pub struct Access {
    own_uid: u32,
    rules: Vec<Rule>,
}

impl Access {
    /// `own_uid` and uid 0 may act for every app.
    pub fn new(own_uid: u32, rules: Vec<Rule>) -> Access {
        Access { own_uid, rules }
    }

    /// Root, and the user that the server runs as.
    pub fn is_privileged(&self, uid: u32) -> bool {
        uid == 0 || uid == self.own_uid
    }

    /// The apps that this user may act for without a token.
    pub fn apps(&self, uid: u32) -> Vec<AppKey> {
        self.select(uid, None)
    }

    /// The apps that this user may act for with a token.
    ///
    /// # Errors
    /// DENIED: no app that is open to this user has this token.
    pub fn apps_with_token(&self, uid: u32, token: &str) -> Result<Vec<AppKey>, Refusal> {
        let fits = |rule: &&Rule| rule.is_open_to(uid) && rule.has_token(token);
        // Every token is compared, whatever the first one says.
        if self.rules.iter().filter(fits).count() == 0 {
            let text = format!("token is not that of an app which uid {uid} may act for");
            return Err(Refusal::new(Code::DENIED, text));
        }
        Ok(self.select(uid, Some(token)))
    }

    fn select(&self, uid: u32, token: Option<&str>) -> Vec<AppKey> {
        let may = |rule: &&Rule| {
            self.is_privileged(uid)
                || match (&rule.token, token) {
                    (None, _) => rule.uids.contains(&uid),
                    (Some(_), None) => false,
                    (Some(_), Some(token)) => rule.is_open_to(uid) && rule.has_token(token),
                }
        };
        self.rules.iter().filter(may).map(|rule| rule.app_key.clone()).collect()
    }
}

impl Rule {
    fn is_open_to(&self, uid: u32) -> bool {
        self.uids.is_empty() || self.uids.contains(&uid)
    }

    fn has_token(&self, token: &str) -> bool {
        self.token.as_ref().is_some_and(|own| own.matches(token.as_bytes()))
    }
}

/// The app that a request is about: the one it names, or the only one there is.
///
/// # Errors
/// DENIED for an app of somebody else; INVALID where one of several has to be named.
pub fn choose(apps: &[AppKey], wanted: Option<AppKey>) -> Result<AppKey, Refusal> {
    match (wanted, apps) {
        (Some(wanted), apps) if apps.contains(&wanted) => Ok(wanted),
        (Some(wanted), _) => {
            Err(Refusal::new(Code::DENIED, format!("app_key {wanted} is not yours")))
        }
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(nobody()),
        (None, apps) => {
            let names: Vec<&str> = apps.iter().map(AppKey::as_str).collect();
            let text = format!("app_key is needed: you may act for {}", names.join(", "));
            Err(Refusal::new(Code::INVALID, text))
        }
    }
}

/// The apps that a request is about: the one it names, or all there are.
///
/// # Errors
/// DENIED for an app of somebody else, and for a caller that has none.
pub fn choose_all(apps: &[AppKey], wanted: Option<AppKey>) -> Result<Vec<AppKey>, Refusal> {
    match wanted {
        Some(wanted) => choose(apps, Some(wanted)).map(|app_key| vec![app_key]),
        None if apps.is_empty() => Err(nobody()),
        None => Ok(apps.to_vec()),
    }
}

fn nobody() -> Refusal {
    let text = "you may act for no app: your uid is in no `uids` of the configuration, or the \
                app's token is missing in hello";
    Refusal::new(Code::DENIED, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> AppKey {
        AppKey::new(text).unwrap()
    }

    fn rule(app_key: &str, uids: &[u32], token: Option<&str>) -> Rule {
        let token = token.map(|token| Secret::new(token).unwrap());
        Rule { app_key: key(app_key), uids: uids.to_vec(), token }
    }

    fn access() -> Access {
        let rules = vec![
            rule("a", &[1000], None),
            rule("b", &[1000, 1001], None),
            rule("c", &[1002], Some("secret-c")),
            rule("d", &[], Some("secret-d")),
            rule("e", &[], None),
        ];
        Access::new(900, rules)
    }

    #[test]
    fn users_get_their_apps_and_root_gets_all() {
        let access = access();
        assert_eq!(access.apps(1000), [key("a"), key("b")]);
        assert_eq!(access.apps(1001), [key("b")]);
        for none in [1002, 1003, u32::MAX] {
            assert_eq!(access.apps(none), []);
        }
        for all in [0, 900] {
            assert_eq!(access.apps(all).len(), 5);
            assert!(access.is_privileged(all));
        }
    }

    #[test]
    fn a_token_opens_its_app_to_its_users_only() {
        let access = access();
        assert_eq!(access.apps_with_token(1002, "secret-c").unwrap(), [key("c")]);
        assert_eq!(
            access.apps_with_token(1000, "secret-d").unwrap(),
            [key("a"), key("b"), key("d")]
        );
        for (uid, token) in [(1003, "secret-c"), (1002, "secret-"), (1002, ""), (1000, "secret-c")]
        {
            let refusal = access.apps_with_token(uid, token).unwrap_err();
            assert_eq!(refusal.code, Code::DENIED, "{uid} {token}");
            assert!(!refusal.message.contains("secret"), "{refusal}");
        }
    }

    #[test]
    fn one_app_need_not_be_named_and_a_foreign_one_is_refused() {
        let two = [key("a"), key("b")];
        assert_eq!(choose(&two[..1], None).unwrap(), key("a"));
        assert_eq!(choose(&two, Some(key("b"))).unwrap(), key("b"));
        let refusal = choose(&two, None).unwrap_err();
        assert!(refusal.code == Code::INVALID && refusal.message.starts_with("app_key"));
        for (apps, wanted) in [(&two[..], Some(key("z"))), (&[], Some(key("a"))), (&[], None)] {
            assert_eq!(choose(apps, wanted).unwrap_err().code, Code::DENIED);
        }
        assert_eq!(choose_all(&two, None).unwrap(), two);
        assert_eq!(choose_all(&two, Some(key("b"))).unwrap(), [key("b")]);
        assert_eq!(choose_all(&[], None).unwrap_err().code, Code::DENIED);
    }
}
