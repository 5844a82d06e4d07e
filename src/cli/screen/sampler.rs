//! Polls VMs at each interval, in the background of the screen.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};

use crate::cli::session::Session;
use crate::manager::{Error, Monitor, MonitorRequest, Reading};
use crate::problem::Problem;

/// Which VMs to poll.
#[derive(Debug, Clone)]
pub struct PollRequest {
    /// Increases with each request, so that a late report of an earlier one is recognised.
    pub number: u64,
    /// The VMs.
    pub request: MonitorRequest,
}

/// The result of a poll.
pub struct Report {
    /// The number of the request that was polled.
    pub number: u64,
    /// One reading a VM; empty while libvirt is away.
    pub readings: Result<Vec<Reading>, PollError>,
    /// Whether libvirt is away.
    pub away: bool,
}

/// Why a poll failed.
pub enum PollError {
    /// The single VM that was requested no longer exists.
    Gone,
    /// Anything else.
    Other(Problem),
}

/// Polls forever, first with the given monitor. A poll that was begun is completed, since one that is cancelled
/// would end the virsh that all share.
pub async fn sample<'a>(
    session: &'a Session,
    first: Monitor<'a>,
    interval: Duration,
    mut requests: watch::Receiver<PollRequest>,
    reports: mpsc::Sender<Report>,
) -> Infallible {
    let mut request = requests.borrow_and_update().clone();
    let mut monitor = Some(first);
    // The first poll was made by the caller.
    let mut ticks = tokio::time::interval_at(Instant::now() + interval / 4, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let other = tokio::select! {
            _ = ticks.tick() => false,
            Ok(()) = requests.changed() => true,
        };
        if other {
            request = requests.borrow_and_update().clone();
            monitor = None;
        }
        let (began, since) = (monitor.is_none(), Instant::now());
        let result = poll(session, &mut monitor, &request.request).await;
        let away = monitor.as_ref().is_some_and(Monitor::is_away)
            || result.as_ref().is_err_and(Error::is_unreachable);
        let readings = match result {
            Ok(readings) => Ok(readings),
            Err(_) if away => Ok(Vec::new()),
            Err(error) if error.is_not_found() => Err(PollError::Gone),
            Err(error) => Err(PollError::Other(error.into())),
        };
        let known = readings.is_ok();
        // While nobody receives, nothing is polled.
        if reports.send(Report { number: request.number, readings, away }).await.is_err() {
            return std::future::pending().await;
        }
        if began && known {
            // Rates are computed between two polls.
            ticks.reset_after(interval / 4);
        } else if other || since.elapsed() > interval / 2 {
            // Rates of a moment are noise.
            ticks.reset();
        }
    }
}

async fn poll<'a>(
    session: &'a Session,
    monitor: &mut Option<Monitor<'a>>,
    request: &MonitorRequest,
) -> Result<Vec<Reading>, Error> {
    match monitor {
        Some(monitor) => monitor.poll().await,
        None => monitor.insert(session.monitoring().monitor(request).await?).poll().await,
    }
}
