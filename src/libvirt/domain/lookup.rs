//! Which domains there are, and what is asked of one of them or done to it.

use std::collections::HashSet;
use std::time::Duration;

use super::addresses::{self, Address, AddressSource};
use super::definition::Domain;
use crate::libvirt::command::{Command, QUESTION};
use crate::libvirt::xml::Element;
use crate::libvirt::{DomainDefinitions, DomainHardware, Domains, Error, Object};
use crate::model::{ConnectionUri, Uuid};

/// A domain's two names. Every call takes the UUID: virsh takes a name such as `5` for an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainId {
    /// The UUID.
    pub uuid: Uuid,
    /// The name.
    pub name: String,
}

/// What libvirt leaves where it forgets a domain. Without either it refuses a domain that has such a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UndefineOptions {
    /// The file with its firmware's variables.
    pub keep_nvram: bool,
    /// The state of its TPM, which libvirt can keep since 8.9.
    pub keep_tpm: bool,
}

/// Which domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All that are defined or running.
    All,
    /// Those that run or are paused.
    Active,
}

// At its first use a daemon asks every QEMU what it can do, which takes a while.
pub(super) const DEFINE: Duration = Duration::from_secs(120);

impl Domains<'_> {
    /// The domains, by name.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn list(self, scope: Scope) -> Result<Vec<DomainId>, Error> {
        Ok(parse_ids(&self.client.call(list(scope)).await?))
    }

    /// As [`Domains::list`], and which of them libvirt starts by itself, in one round.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn list_with_autostarted(self, scope: Scope) -> Result<(Vec<DomainId>, HashSet<Uuid>), Error> {
        let commands = [list(scope), Command::new("list --all --autostart --uuid")];
        let mut replies = self.client.call_each(&commands).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        let (ids, autostarted) = (parse_ids(&next()?), next()?);
        Ok((ids, lines(&autostarted).filter_map(|line| Uuid::try_parse(line.trim()).ok()).collect()))
    }

    /// The domain of this name or UUID. A name goes before a UUID, and an id is never meant.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none.
    pub async fn resolve(self, name: &str) -> Result<DomainId, Error> {
        let misread = name.bytes().all(|b| b.is_ascii_digit())
            || Uuid::try_parse(name).is_ok()
            || name.starts_with('-');
        if !misread {
            let command = Command::new("domuuid").option("--domain", name);
            let display = command.display();
            match self.client.call(command).await {
                Ok(uuid) => {
                    let uuid = Uuid::try_parse(uuid.trim())
                        .map_err(|error| Error::Unexpected { command: display, reason: error.to_string() })?;
                    return Ok(DomainId { uuid, name: name.to_owned() });
                }
                Err(error) if error.is_connection() => return Err(error),
                // virsh hides why a look-up failed; the list tells.
                Err(_) => {}
            }
        }
        let known = self.list(Scope::All).await?;
        let uuid = Uuid::try_parse(name).ok();
        known
            .iter()
            .find(|id| id.name == name)
            .or_else(|| known.iter().find(|id| Some(id.uuid) == uuid))
            .cloned()
            .ok_or_else(|| {
                Error::missing_among(Object::Domain, name, known.iter().map(|id| id.name.as_str()))
            })
    }

    /// How many domains another connection has, asked through this virsh, which is then done with; none
    /// where that can't be reached.
    ///
    /// # Errors
    /// When the present connection fails.
    pub async fn count_on(self, other: &ConnectionUri) -> Result<usize, Error> {
        let there = Command::new("connect").option("--name", other.as_str());
        let back = Command::new("connect").option("--name", self.client.uri().as_str());
        let replies = self.client.call_each(&[there, list(Scope::All), back]).await?;
        Ok(match replies.as_slice() {
            [Ok(_), Ok(text), _] => parse_ids(text).len(),
            _ => 0,
        })
    }

    /// The name of the domain of this UUID.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn name_of(self, uuid: Uuid) -> Result<String, Error> {
        let name = self.client.call(Command::new("domname").domain(uuid)).await?;
        // virsh's own line break, and nothing that belongs to the name.
        Ok(name.trim_end_matches('\n').to_owned())
    }

    /// Whether libvirt keeps its definition when it is shut off.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn is_persistent(self, uuid: Uuid) -> Result<bool, Error> {
        let text = self.client.call(Command::new("list --all --persistent --uuid")).await?;
        Ok(lists(&text, uuid))
    }

    /// Whether its next start goes on with what libvirt has saved of it.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn is_saved(self, uuid: Uuid) -> Result<bool, Error> {
        let text = self.client.call(Command::new("list --all --with-managed-save --uuid")).await?;
        Ok(lists(&text, uuid))
    }

    /// The UUIDs of the domains that have snapshots.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn with_snapshots(self) -> Result<Vec<Uuid>, Error> {
        let text = self.client.call(Command::new("list --all --with-snapshot --uuid")).await?;
        Ok(lines(&text).filter_map(|line| Uuid::try_parse(line.trim()).ok()).collect())
    }

    /// The names of the domains that libvirt starts by itself.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn autostarted(self) -> Result<Vec<String>, Error> {
        let text = self.client.call(Command::new("list --all --autostart --name")).await?;
        Ok(lines(&text).map(str::to_owned).collect())
    }

    /// What a source knows of the domain's addresses; nothing when it can't tell.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn addresses(self, uuid: Uuid, source: AddressSource) -> Result<Vec<Address>, Error> {
        let mut all = self.addresses_of_all(&[uuid], source).await?;
        Ok(all.pop().unwrap_or_default())
    }

    /// As [`Domains::addresses`], of many in one round.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn addresses_of_all(
        self,
        uuids: &[Uuid],
        source: AddressSource,
    ) -> Result<Vec<Vec<Address>>, Error> {
        let ask = |uuid: &Uuid| Command::new("domifaddr --full --source").flag(source.name()).domain(*uuid);
        let commands: Vec<_> = uuids.iter().map(ask).collect();
        let replies = self.client.call_each(&commands).await?.into_iter();
        replies
            .map(|reply| match reply {
                Ok(text) => Ok(addresses::parse(&text)),
                Err(error) if error.is_connection() => Err(error),
                Err(_) => Ok(Vec::new()),
            })
            .collect()
    }
}

impl DomainDefinitions<'_> {
    /// Its definition: that of the running one if it runs.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn current(self, uuid: Uuid) -> Result<Domain, Error> {
        let command = Command::new("dumpxml").domain(uuid);
        self.located(parse_domain(&command.display(), &self.client.call(command).await?)?).await
    }

    /// The definition that its next start will use.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn stored(self, uuid: Uuid) -> Result<Domain, Error> {
        let command = Command::new("dumpxml --inactive").domain(uuid);
        self.located(parse_domain(&command.display(), &self.client.call(command).await?)?).await
    }

    /// The definition of the machine that runs, as libvirt writes it into a saved state: without what is of this run alone.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn migratable(self, uuid: Uuid) -> Result<Element, Error> {
        let command = Command::new("dumpxml --migratable").domain(uuid);
        let display = command.display();
        let document = self.client.call(command).await?;
        Ok(parse_domain(&display, &document)?.tree)
    }

    /// The definitions of many, in one round; those that are gone meanwhile are left out.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn each_current(self, uuids: &[Uuid]) -> Result<Vec<Domain>, Error> {
        self.dump_each("dumpxml", uuids, QUESTION).await
    }

    /// As [`DomainDefinitions::each_current`], of the definitions that their next starts will use.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn each_stored(self, uuids: &[Uuid]) -> Result<Vec<Domain>, Error> {
        self.dump_each("dumpxml --inactive", uuids, QUESTION).await
    }

    /// Forgets it, with all that libvirt keeps beside it but what is to be kept. Its disks stay.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn undefine(self, uuid: Uuid, options: UndefineOptions) -> Result<(), Error> {
        let nvram = if options.keep_nvram { "--keep-nvram" } else { "--nvram" };
        let tpm = if options.keep_tpm { "--keep-tpm" } else { "--tpm" };
        let command = Command::new("undefine --managed-save --snapshots-metadata --checkpoints-metadata");
        self.client.call(command.flag(nvram).flag(tpm).domain(uuid)).await.map(drop)
    }
}

impl DomainHardware<'_> {
    /// Forwards a port of 127.0.0.1 to the guest of a slirp network interface, until the domain stops.
    ///
    /// # Errors
    /// When QEMU refuses, as it does when the port is taken.
    pub async fn forward_by_slirp(
        self,
        uuid: Uuid,
        netdev: &str,
        protocol: &str,
        host: u16,
        guest: u16,
    ) -> Result<(), Error> {
        let line = format!("hostfwd_add {netdev} {protocol}:127.0.0.1:{host}-:{guest}");
        let command = Command::new("qemu-monitor-command --hmp").domain(uuid).option("--cmd", &line);
        let display = command.display();
        // The human monitor's errors come on stdout.
        match self.client.call(command).await?.trim() {
            "" => Ok(()),
            message => Err(Error::refused(display, message)),
        }
    }
}

pub(super) fn list(scope: Scope) -> Command {
    match scope {
        Scope::All => Command::new("list --all --uuid --name"),
        Scope::Active => Command::new("list --uuid --name"),
    }
}

pub(super) fn parse_domain(command: &str, document: &str) -> Result<Domain, Error> {
    Domain::parse(document)
        .map_err(|error| Error::Unexpected { command: command.to_owned(), reason: error.to_string() })
}

/// Whether it is among the UUIDs that `virsh list --uuid` has printed.
pub(super) fn lists(text: &str, uuid: Uuid) -> bool {
    lines(text).any(|line| Uuid::try_parse(line.trim()) == Ok(uuid))
}

pub(in crate::libvirt) fn lines(text: &str) -> impl Iterator<Item = &str> {
    // Not `lines`: a name may end with a carriage return.
    text.split('\n').filter(|line| !line.trim().is_empty())
}

/// Reads `list --uuid --name`: a UUID, one blank, and the rest of the line is the name.
pub(super) fn parse_ids(text: &str) -> Vec<DomainId> {
    lines(text)
        .filter_map(|line| {
            let (uuid, name) = line.split_once(' ')?;
            // A name may begin and end with blanks.
            Some(DomainId { uuid: Uuid::try_parse(uuid).ok()?, name: name.to_owned() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_from_recorded_output() {
        // virsh 11.3.0: `list --all --uuid --name`
        let text = "3b1f0c9e-5a40-4c9d-8a33-3a6d5f9f0b11 web\n9d2a6c1e-0b57-4c39-9a51-e6b7a2d3c4f5 a b\n11111111-0b57-4c39-9a51-e6b7a2d3c4f5  c \n22222222-0b57-4c39-9a51-e6b7a2d3c4f5 \u{85}d\u{85}\r\n\n";
        let ids = parse_ids(text);
        let names: Vec<_> = ids.iter().map(|id| id.name.as_str()).collect();
        assert_eq!(names, ["web", "a b", " c ", "\u{85}d\u{85}\r"]);
        assert!(parse_ids("nonsense here\n").is_empty());
    }
}
