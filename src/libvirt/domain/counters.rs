//! What domains have counted: the questions of a monitor, asked again and again.

use std::time::Duration;

use super::lookup::{DomainId, Scope, list, parse_ids};
use super::state::parse_stats;
use super::stats::DomainStats;
use crate::libvirt::Error;
use crate::libvirt::client::Client;
use crate::libvirt::command::Command;

/// All that is counted; `--nowait` leaves out what a busy QEMU would hold back.
const COUNTERS: &str = "domstats --raw --state --cpu-total --balloon --vcpu --interface --block --nowait";
// A QEMU that hangs holds all of it back.
const LOOK: Duration = Duration::from_secs(10);
const LOOK_AT_ONE: Duration = Duration::from_secs(5);
const TELL: Duration = Duration::from_secs(2);

impl Client {
    /// The counters of one domain.
    ///
    /// # Errors
    /// [`Error::NotFound`], or when the connection fails.
    pub async fn counters(&self, uuid: &str) -> Result<DomainStats, Error> {
        let command = Command::new(COUNTERS).option("--domain", uuid).within(LOOK_AT_ONE);
        parse_stats(uuid, &self.call(command).await?)
    }

    /// The counters of all domains in the scope, and who they are, in one round.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn counters_of_all(&self, scope: Scope) -> Result<(Vec<DomainStats>, Vec<DomainId>), Error> {
        let mut counters = Command::new(COUNTERS).within(LOOK);
        if scope == Scope::Active {
            counters = counters.flag("--list-active");
        }
        let mut replies = self.call_each(&[counters, list(scope).within(LOOK)]).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        Ok((DomainStats::parse(&next()?), parse_ids(&next()?)))
    }

    /// Has the guest's balloon driver tell every so many seconds what memory is used, until the domain stops.
    ///
    /// # Errors
    /// When it is off, or has no balloon.
    pub async fn tell_memory(&self, uuid: &str, seconds: u32) -> Result<(), Error> {
        let command = Command::new("dommemstat --live --period").flag(&seconds.to_string());
        self.call(command.option("--domain", uuid).within(TELL)).await.map(drop)
    }
}
