//! A shell command that hands out goods. What comes from outside reaches it on its standard
//! input and in its environment, never in its text.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{json, Goods};
use crate::merchant::sys::kill_group;

/// Between two looks whether the command has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Runs it for some goods and waits for its end, at most `limit`; then it is ended, with what
/// it started. Its outputs are those of this process.
///
/// # Errors
/// It could not be started, ended otherwise than with status 0, or did not end.
pub fn run(command: &str, goods: &Goods, limit: Duration) -> Result<(), String> {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).stdin(Stdio::piped()).process_group(0);
    for (name, value) in variables(goods) {
        match value {
            // A variable cannot hold a NUL.
            Some(value) => shell.env(name, value.replace('\0', "")),
            None => shell.env_remove(name),
        };
    }
    let mut child = shell.spawn().map_err(|error| format!("the command: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        // Less than a pipe holds, so this never waits; a command need not read it.
        let _ = writeln!(input, "{}", json(goods));
    }
    match wait(&mut child, limit) {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(format!("the command ended with {status}")),
        Ok(None) => {
            kill_group(&child);
            // It cannot ignore that; what is waited for is its entry in the process table.
            let _ = child.wait();
            Err(format!("the command did not end within {} s", limit.as_secs()))
        }
        Err(error) => Err(format!("the command: {error}")),
    }
}

fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if began.elapsed() >= limit {
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

fn variables(goods: &Goods) -> [(&'static str, Option<String>); 12] {
    [
        ("ALITV_GRANT_ID", Some(goods.grant_id.to_string())),
        ("ALITV_ORDER_NO", Some(goods.order_no.to_string())),
        ("ALITV_AMOUNT_FEN", Some(goods.amount_fen.get().to_string())),
        ("ALITV_SUBJECT", Some(goods.subject.clone())),
        ("ALITV_SUBJECT_ID", goods.subject_id.clone()),
        ("ALITV_TRADE_NO", goods.trade_no.clone()),
        ("ALITV_BUYER_LOGON_ID", goods.buyer_logon_id.clone()),
        ("ALITV_REF_ORDER_NO", goods.ref_order_no.as_ref().map(ToString::to_string)),
        ("ALITV_SEQ", goods.seq.map(|seq| seq.to_string())),
        ("ALITV_PAID_MS", goods.paid_ms.map(|ms| ms.to_string())),
        ("ALITV_ENVIRONMENT", Some(goods.environment.to_string())),
        ("ALITV_ATTEMPT", Some(goods.attempt.to_string())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::facts::OrderId;
    use crate::gateway::Environment;
    use crate::merchant::ledger::GrantId;
    use crate::money::Fen;

    fn goods() -> Goods {
        let order_no = OrderId::new("T1").unwrap();
        Goods {
            grant_id: GrantId::of(&order_no),
            order_no,
            amount_fen: Fen::new(1).unwrap(),
            subject: "x".repeat(4_096),
            subject_id: None,
            trade_no: None,
            buyer_logon_id: None,
            ref_order_no: None,
            seq: Some(3),
            paid_ms: None,
            environment: Environment::Production,
            attempt: 1,
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_exit_status_decides() {
        assert_eq!(run("true", &goods(), LONG), Ok(()));
        assert_eq!(run("exec true < /dev/null", &goods(), LONG), Ok(()), "input need not be read");
        assert!(run("exit 1", &goods(), LONG).unwrap_err().contains("exit status: 1"));
        assert!(run("kill -9 $$", &goods(), LONG).unwrap_err().contains("signal: 9"));
        assert!(run("nosuchcommand 2>/dev/null", &goods(), LONG).unwrap_err().contains("127"));
        assert_eq!(
            run("test $ALITV_SEQ = 3 -a $ALITV_ENVIRONMENT = production", &goods(), LONG),
            Ok(())
        );
    }

    #[test]
    fn one_that_hangs_is_ended_with_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let (pid, late) = (dir.path().join("pid"), dir.path().join("late"));
        let command = format!(
            "(sleep 600; touch {late}) & echo $! > {pid}; wait",
            late = late.display(),
            pid = pid.display()
        );
        let why = run(&command, &goods(), Duration::from_secs(1)).unwrap_err();
        assert!(why.contains("within 1 s"), "{why}");
        let child = std::fs::read_to_string(&pid).unwrap();
        let process = std::path::Path::new("/proc").join(child.trim()).join("cmdline");
        while std::fs::read(&process).is_ok_and(|line| line.starts_with(b"sleep")) {
            std::thread::yield_now();
        }
        assert!(!late.exists());
    }
}
