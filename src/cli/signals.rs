//! Ctrl-C and its kin: the first one asks the verb to roll back what it did, the second cancels that.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::manager::Signal;
use crate::problem::ErrorKind;

/// Listens on behalf of the present verb, until that has let its end of the channel go.
pub fn listen(asked: watch::Sender<bool>) {
    tokio::spawn(async move {
        next().await;
        if asked.send(true).is_err() {
            return;
        }
        next().await;
        if !asked.is_closed() {
            give_up();
        }
    });
}

/// The next SIGINT, SIGTERM or SIGHUP.
pub async fn next() -> Signal {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => Signal::Interrupt,
        _ = terminate.recv() => Signal::Terminate,
        _ = hangup.recv() => Signal::Hangup,
    }
}

#[expect(clippy::exit, reason = "the user asked twice; what is left behind is said")]
fn give_up() {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "interrupted during the clean-up; `vmtools gc` removes what is left");
    std::process::exit(ErrorKind::Interrupted.exit_code().into());
}
