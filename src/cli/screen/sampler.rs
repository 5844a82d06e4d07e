//! Looks at VMs at each interval, beside the screen.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};

use crate::cli::session::Session;
use crate::manager::{Error, Look, Monitor, MonitorRequest};
use crate::problem::Problem;

/// What is to be looked at.
#[derive(Debug, Clone)]
pub struct Aim {
    /// Tells this aim from others.
    pub number: u64,
    /// The VMs.
    pub request: MonitorRequest,
}

/// What a look has shown.
pub struct Report {
    /// The aim that was looked at.
    pub aim: u64,
    /// What was seen; nothing while libvirt is away.
    pub looks: Result<Vec<Look>, Trouble>,
    /// Whether libvirt is away.
    pub away: bool,
}

/// Why a look failed.
pub enum Trouble {
    /// The one VM that was to be looked at is not there.
    Gone,
    /// Anything else.
    Other(Problem),
}

/// Looks for ever, first by the monitor given. A look that was begun is carried through, since one that is given up
/// would end the virsh that all share.
pub async fn sample<'a>(
    session: &'a Session,
    first: Monitor<'a>,
    interval: Duration,
    mut aims: watch::Receiver<Aim>,
    reports: mpsc::Sender<Report>,
) -> Infallible {
    let mut aim = aims.borrow_and_update().clone();
    let mut monitor = Some(first);
    // It has looked once.
    let mut ticks = tokio::time::interval_at(Instant::now() + interval / 4, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let other = tokio::select! {
            _ = ticks.tick() => false,
            Ok(()) = aims.changed() => true,
        };
        if other {
            aim = aims.borrow_and_update().clone();
            monitor = None;
        }
        let (began, since) = (monitor.is_none(), Instant::now());
        let result = look(session, &mut monitor, &aim.request).await;
        let away = monitor.as_ref().is_some_and(Monitor::is_away)
            || result.as_ref().is_err_and(Error::is_unreachable);
        let looks = match result {
            Ok(looks) => Ok(looks),
            Err(_) if away => Ok(Vec::new()),
            Err(error) if error.is_not_found() => Err(Trouble::Gone),
            Err(error) => Err(Trouble::Other(error.into())),
        };
        let known = looks.is_ok();
        // While nobody takes it, nothing is looked at.
        if reports.send(Report { aim: aim.number, looks, away }).await.is_err() {
            return std::future::pending().await;
        }
        if began && known {
            // Rates are between two looks.
            ticks.reset_after(interval / 4);
        } else if other || since.elapsed() > interval / 2 {
            // Rates of a moment are noise.
            ticks.reset();
        }
    }
}

async fn look<'a>(
    session: &'a Session,
    monitor: &mut Option<Monitor<'a>>,
    request: &MonitorRequest,
) -> Result<Vec<Look>, Error> {
    match monitor {
        Some(monitor) => monitor.look().await,
        None => monitor.insert(session.monitoring().monitor(request).await?).look().await,
    }
}
