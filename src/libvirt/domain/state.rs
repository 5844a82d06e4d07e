//! What domains are doing, and how much of their hosts they take: asked of one, or of all in one round.

use std::collections::HashMap;
use std::time::Duration;

use super::lookup::{DomainId, Scope, list, parse_ids};
use super::stats::DomainStats;
use crate::libvirt::command::Command;
use crate::libvirt::{Domains, Error, Object, Statistics};
use crate::model::{Uuid, VmState};

// A thousand domains take a fifth of a second; a QEMU that hangs holds all of it back.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
const COUNTERS: &str = "domstats --raw --state --vcpu --balloon --nowait";

impl Statistics<'_> {
    /// The counters for `list` of all domains in the scope.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn all(self, scope: Scope) -> Result<Vec<DomainStats>, Error> {
        Ok(DomainStats::parse(&self.client.call(in_scope(COUNTERS, scope)).await?))
    }

    /// As [`Statistics::all`], with the UUIDs of those in the other scope, in one round. To name all is half of what it
    /// costs.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn all_with_ids(
        self,
        scope: Scope,
        named: Scope,
    ) -> Result<(Vec<DomainStats>, Vec<DomainId>), Error> {
        self.all_by(COUNTERS, scope, named).await
    }

    /// As [`Statistics::all_with_ids`], of states alone, which no QEMU is asked for: none that hangs holds it back.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn all_states(
        self,
        scope: Scope,
        named: Scope,
    ) -> Result<(Vec<DomainStats>, Vec<DomainId>), Error> {
        self.all_by("domstats --raw --state --nowait", scope, named).await
    }

    async fn all_by(
        self,
        words: &str,
        scope: Scope,
        named: Scope,
    ) -> Result<(Vec<DomainStats>, Vec<DomainId>), Error> {
        let commands = [in_scope(words, scope), list(named).within(QUERY_TIMEOUT)];
        let mut replies = self.client.call_each(&commands).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        Ok((DomainStats::parse(&next()?), parse_ids(&next()?)))
    }

    /// What it is doing and why, without a question to its QEMU.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn state(self, uuid: Uuid) -> Result<DomainStats, Error> {
        self.by("domstats --raw --state --nowait", uuid).await
    }

    /// All the counters of one domain. `nowait` skips those that a busy QEMU would hold back.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn of(self, uuid: Uuid) -> Result<DomainStats, Error> {
        self.by("domstats --raw --nowait", uuid).await
    }

    async fn by(self, words: &str, uuid: Uuid) -> Result<DomainStats, Error> {
        parse_stats(uuid, &self.client.call(Command::new(words).domain(uuid)).await?)
    }
}

impl Domains<'_> {
    /// All domains with what they are doing, in one round that no QEMU is asked in. The state is unknown of one
    /// that came or went meanwhile.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn states(self) -> Result<Vec<(DomainId, VmState)>, Error> {
        let stats = Command::new("domstats --raw --state --nowait").within(QUERY_TIMEOUT);
        let mut replies =
            self.client.call_each(&[list(Scope::All).within(QUERY_TIMEOUT), stats]).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        let (ids, stats) = (parse_ids(&next()?), DomainStats::parse(&next()?));
        let states: HashMap<_, _> = stats.iter().map(|stats| (stats.name.as_str(), stats.state())).collect();
        let state_of = |id: &DomainId| states.get(id.name.as_str()).copied().unwrap_or(VmState::Unknown);
        Ok(ids.iter().map(|id| (id.clone(), state_of(id))).collect())
    }

    /// What it is doing, the cheapest question there is.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn state(self, uuid: Uuid) -> Result<VmState, Error> {
        self.client.statistics().state(uuid).await.map(|stats| stats.state())
    }
}

fn in_scope(words: &str, scope: Scope) -> Command {
    let command = Command::new(words).within(QUERY_TIMEOUT);
    match scope {
        Scope::All => command,
        Scope::Active => command.flag("--list-active"),
    }
}

/// Reads the counters of one domain.
pub(super) fn parse_stats(uuid: Uuid, text: &str) -> Result<DomainStats, Error> {
    let missing = || Error::missing(Object::Domain, uuid.to_string());
    DomainStats::parse(text).into_iter().next().ok_or_else(missing)
}
