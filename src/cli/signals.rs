//! Ctrl-C and its kin: the first one asks the verb to take back what it did, the second gives that up.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::exit_code::Code;

/// Listens for SIGINT, SIGTERM and SIGHUP on behalf of the present verb.
pub fn listen(asked: watch::Sender<bool>) {
    tokio::spawn(async move {
        next().await;
        let _ = asked.send(true);
        next().await;
        give_up();
    });
}

async fn next() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

#[expect(clippy::exit, reason = "the user asked twice; what is left behind is said")]
fn give_up() {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "interrupted during the clean-up; `vmtools gc` removes what is left");
    std::process::exit(Code::Interrupted.number().into());
}
