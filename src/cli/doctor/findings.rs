//! What the doctor found, and how it is told.

use serde::Serialize;

use crate::cli::exit::Fail;
use crate::cli::show::clean;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All is well.
    Ok,
    /// It works, and should be seen to.
    Warn,
    /// It does not work.
    Fail,
    /// It was not looked at.
    Skip,
}

impl Verdict {
    /// Four cells: what is wrong stands out.
    fn shown(self) -> &'static str {
        match self {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
            Verdict::Skip => "skip",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Such as `daemon.socket`.
    pub check: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found. Holds no secret.
    pub text: String,
    /// The command that mends it, or what to do where no command can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// All of them, in the order in which they were made.
#[derive(Debug, Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// All is well.
    pub fn ok(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(check, Verdict::Ok, text.into(), None);
    }

    /// It was not looked at.
    pub fn skip(&mut self, check: &'static str, why: impl Into<String>) {
        self.add(check, Verdict::Skip, why.into(), None);
    }

    /// It works, and should be seen to.
    pub fn warn(&mut self, check: &'static str, text: impl Into<String>, mend: impl Into<String>) {
        self.add(check, Verdict::Warn, text.into(), Some(mend.into()));
    }

    /// It does not work.
    pub fn fail(&mut self, check: &'static str, text: impl Into<String>, mend: impl Into<String>) {
        self.add(check, Verdict::Fail, text.into(), Some(mend.into()));
    }

    /// It does not work, as a command would say it.
    pub fn failed(&mut self, check: &'static str, fail: Fail) {
        self.fail(check, fail.message, fail.next);
    }

    fn add(&mut self, check: &'static str, verdict: Verdict, text: String, mend: Option<String>) {
        self.0.push(Finding { check, verdict, text, mend });
    }

    /// The worst of them; `Skip` if there is nothing else.
    pub fn worst(&self) -> Verdict {
        let has = |wanted| self.0.iter().any(|finding| finding.verdict == wanted);
        let order = [Verdict::Fail, Verdict::Warn, Verdict::Ok];
        order.into_iter().find(|verdict| has(*verdict)).unwrap_or(Verdict::Skip)
    }

    /// A line for each, below it what mends it.
    pub fn text(&self) -> String {
        let wide = self.0.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
        let line = |finding: &Finding| {
            let Finding { check, verdict, text, mend } = finding;
            let line = clean(&format!("{}  {check:<wide$}  {text}", verdict.shown()));
            match mend {
                Some(mend) => format!("{line}\n      mend: {}", clean(mend)),
                None => line,
            }
        };
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// A path or a URL as one word of a shell.
pub fn quoted(word: &impl ToString) -> String {
    let word = word.to_string();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-:+=@%,".contains(&b);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_stands_out_with_what_mends_it() {
        let mut findings = Findings::default();
        assert_eq!(findings.worst(), Verdict::Skip);
        findings.ok("a", "good");
        findings.warn("longer", "so\u{1b}[2J so", "do this");
        assert_eq!(findings.worst(), Verdict::Warn);
        findings.fail("b", "bad", "do that");
        findings.skip("c", "not here");
        assert_eq!(findings.worst(), Verdict::Fail);
        let text = "ok    a       good\nwarn  longer  so?[2J so\n      mend: do this\n\
                    FAIL  b       bad\n      mend: do that\nskip  c       not here";
        assert_eq!(findings.text(), text);
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_split_or_read_them() {
        assert_eq!(quoted(&"/etc/alitv-pay/merchant.toml"), "/etc/alitv-pay/merchant.toml");
        assert_eq!(quoted(&"http://h/n?a=1&b=$(x)"), "'http://h/n?a=1&b=$(x)'");
        assert_eq!(quoted(&"it's"), "'it'\\''s'");
        assert_eq!(quoted(&""), "''");
    }
}
