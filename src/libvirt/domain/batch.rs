//! The definitions of many domains at once; one with all that is asked along with it, in one round.

use std::time::Duration;

use super::definition::Domain;
use super::disk::Disk;
use super::lookup::{lines, lists, parse_domain};
use super::state::parse_stats;
use super::stats::DomainStats;
use super::summary::DomainSummary;
use crate::libvirt::command::Command;
use crate::libvirt::snapshot::current_of;
use crate::libvirt::{Definition, DomainDefinitions, Error};
use crate::model::{Uuid, VmState};

/// How long one may take: a QEMU that hangs amid a question may hold it back without end.
const GLIMPSE: Duration = Duration::from_secs(1);

/// The definitions of many domains.
#[derive(Debug, Default)]
pub struct Definitions {
    /// Those that could be read.
    pub domains: Vec<Domain>,
    /// The UUIDs of those that could not: their QEMU hangs, or the definition is not understood.
    pub hidden: Vec<Uuid>,
}

/// What libvirt keeps of a domain beside its definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelatedState {
    /// The snapshots' names, each after its parent.
    pub snapshots: Vec<String>,
    /// Whether it has checkpoints of backups.
    pub checkpoints: bool,
    /// Whether its memory was saved when it was stopped.
    pub managed_save: bool,
}

/// What a page on a domain tells.
#[derive(Debug)]
pub struct DomainDetails {
    /// All its counters, but for those that a busy QEMU would hold back.
    pub stats: DomainStats,
    /// Its definition: that of the running one if it runs.
    pub domain: Domain,
    /// Whether libvirt starts it by itself.
    pub autostart: bool,
    /// The snapshots' names, each after its parent.
    pub snapshots: Vec<String>,
    /// The one with which its present state began.
    pub current_snapshot: Option<String>,
}

/// A stored definition, and what its domain does.
#[derive(Debug)]
pub struct StoredDefinition {
    /// The definition that its next start will use.
    pub domain: Domain,
    /// What it was doing after that was read.
    pub state: VmState,
    /// Whether its next start goes on with what libvirt has saved of it.
    pub saved: bool,
}

impl DomainDefinitions<'_> {
    /// What a page on the domain tells.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn page(self, uuid: Uuid) -> Result<DomainDetails, Error> {
        let of = |words: &str| Command::new(words).domain(uuid);
        let asks = [
            of("domstats --raw --nowait"),
            of("dumpxml"),
            Command::new("list --all --autostart --uuid"),
            of("snapshot-list --name --topological"),
            of("snapshot-current --name"),
        ];
        let mut replies = self.client.call_each(&asks).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        Ok(DomainDetails {
            stats: parse_stats(uuid, &next()?)?,
            domain: self.located(parse_domain(&asks[1].display(), &next()?)?).await?,
            autostart: lists(&next()?, uuid),
            snapshots: lines(&next()?).map(str::to_owned).collect(),
            current_snapshot: current_of(next())?,
        })
    }

    /// The stored definition, and what its domain does.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn stored_with_state(self, uuid: Uuid) -> Result<StoredDefinition, Error> {
        let of = |words: &str| Command::new(words).domain(uuid);
        let asks = [
            of("dumpxml --inactive"),
            of("domstats --raw --state --nowait"),
            Command::new("list --all --with-managed-save --uuid"),
        ];
        let mut replies = self.client.call_each(&asks).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        Ok(StoredDefinition {
            domain: self.located(parse_domain(&asks[0].display(), &next()?)?).await?,
            state: parse_stats(uuid, &next()?)?.state(),
            saved: lists(&next()?, uuid),
        })
    }

    /// The stored definitions of many; those that are gone meanwhile are left out.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn all_stored(self, uuids: &[Uuid]) -> Result<Definitions, Error> {
        self.all_that_answer(Definition::Stored, uuids).await
    }

    /// The definitions of many as they run; those that are gone meanwhile are left out.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn all_current(self, uuids: &[Uuid]) -> Result<Definitions, Error> {
        self.all_that_answer(Definition::Current, uuids).await
    }

    /// The definition as it runs; `None` when it is gone, and when its QEMU holds the answer back.
    pub async fn current_if_responsive(self, uuid: Uuid) -> Option<Domain> {
        self.dump_each("dumpxml", &[uuid], GLIMPSE).await.ok()?.pop()
    }

    /// Tells the summary of each as it runs, in any order. Those that are gone meanwhile are left out. The UUIDs of those
    /// that could not be read.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn for_each_summary(
        self,
        uuids: &[Uuid],
        mut each: impl FnMut(DomainSummary) + Send,
    ) -> Result<Vec<Uuid>, Error> {
        let (mut by_volume, mut hidden) = (Vec::new(), Vec::new());
        let take = |uuid: Uuid, domain: Result<DomainSummary, Error>| match domain {
            Ok(domain) if domain.disks.iter().any(Disk::is_unlocated) => by_volume.push(domain),
            Ok(domain) => each(domain),
            Err(Error::NotFound { .. }) => {}
            Err(_) => hidden.push(uuid),
        };
        self.for_each(uuids, Definition::Current, DomainSummary::parse, take).await?;
        self.locate_volumes(by_volume.iter_mut().map(|domain| &mut domain.disks)).await?;
        by_volume.into_iter().for_each(each);
        Ok(hidden)
    }

    async fn all_that_answer(self, definition: Definition, uuids: &[Uuid]) -> Result<Definitions, Error> {
        let mut found = Definitions::default();
        let take = |uuid: Uuid, domain| match domain {
            Ok(domain) => found.domains.push(domain),
            Err(Error::NotFound { .. }) => {}
            Err(_) => found.hidden.push(uuid),
        };
        self.for_each(uuids, definition, Domain::parse, take).await?;
        self.locate_volumes(found.domains.iter_mut().map(|domain| &mut domain.disks)).await?;
        Ok(found)
    }

    pub(super) async fn dump_each(
        self,
        words: &str,
        uuids: &[Uuid],
        within: Duration,
    ) -> Result<Vec<Domain>, Error> {
        let ask = |uuid: &Uuid| Command::new(words).domain(*uuid).within(within);
        let commands: Vec<_> = uuids.iter().map(ask).collect();
        let mut domains = Vec::with_capacity(uuids.len());
        for (command, reply) in commands.iter().zip(self.client.call_each(&commands).await?) {
            match reply {
                Ok(document) => domains.push(parse_domain(&command.display(), &document)?),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        self.locate_volumes(domains.iter_mut().map(|domain| &mut domain.disks)).await?;
        Ok(domains)
    }

    /// What libvirt keeps of a domain beside its definition.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn related_state(self, uuid: Uuid) -> Result<RelatedState, Error> {
        let of = |words: &str| Command::new(words).domain(uuid);
        let asks = [
            of("snapshot-list --name --topological"),
            of("checkpoint-list --name"),
            Command::new("list --all --with-managed-save --uuid"),
        ];
        let mut replies = self.client.call_each(&asks).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        Ok(RelatedState {
            snapshots: lines(&next()?).map(str::to_owned).collect(),
            checkpoints: lines(&next()?).next().is_some(),
            managed_save: lists(&next()?, uuid),
        })
    }
}
