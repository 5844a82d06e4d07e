//! What domains have counted: the questions of a monitor, asked again and again.

use std::time::Duration;

use super::lookup::{DomainId, Scope, list, parse_ids};
use super::state::parse_stats;
use super::stats::DomainStats;
use crate::libvirt::command::Command;
use crate::libvirt::{Error, Statistics};
use crate::model::Uuid;

/// All that is counted; `--nowait` leaves out what a busy QEMU would hold back.
const COUNTERS: &str = "domstats --raw --state --cpu-total --balloon --vcpu --interface --block --nowait";
// A QEMU that hangs holds all of it back.
const LOOK: Duration = Duration::from_secs(10);
const LOOK_AT_ONE: Duration = Duration::from_secs(5);
const TELL: Duration = Duration::from_secs(2);

impl Statistics<'_> {
    /// The counters of one domain.
    ///
    /// # Errors
    /// [`Error::NotFound`], or when the connection fails.
    pub async fn counters(self, uuid: Uuid) -> Result<DomainStats, Error> {
        let command = Command::new(COUNTERS).domain(uuid).within(LOOK_AT_ONE);
        parse_stats(uuid, &self.client.call(command).await?)
    }

    /// The counters of all domains in the scope, and who they are, in one round.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn all_counters(self, scope: Scope) -> Result<(Vec<DomainStats>, Vec<DomainId>), Error> {
        let mut counters = Command::new(COUNTERS).within(LOOK);
        if scope == Scope::Active {
            counters = counters.flag("--list-active");
        }
        let mut replies = self.client.call_each(&[counters, list(scope).within(LOOK)]).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        Ok((DomainStats::parse(&next()?), parse_ids(&next()?)))
    }

    /// Has the guest's balloon driver tell every so many seconds what memory is used, until the domain stops.
    ///
    /// # Errors
    /// When it is shut off, or has no balloon.
    pub async fn set_memory_period(self, uuid: Uuid, seconds: u32) -> Result<(), Error> {
        let command = Command::new("dommemstat --live --period").flag(&seconds.to_string());
        self.client.call(command.domain(uuid).within(TELL)).await.map(drop)
    }

    /// What the guest sees of a domain's disk and what it takes on the host, in bytes, as far as libvirt
    /// can tell.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn disk_sizes(self, uuid: Uuid, target: &str) -> Result<(Option<u64>, Option<u64>), Error> {
        let command = Command::new("domblkinfo").domain(uuid).option("--device", target);
        match self.client.call(command).await {
            Ok(text) => {
                let field =
                    |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
                Ok((field("Capacity:"), field("Allocation:")))
            }
            Err(error) if error.is_connection() => Err(error),
            Err(_) => Ok((None, None)),
        }
    }
}
