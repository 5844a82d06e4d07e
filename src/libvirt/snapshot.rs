//! Snapshots of domains.

use super::Error;
use super::command::Command;
use super::xml::{Element, XmlError};
use crate::libvirt::Snapshots;
use crate::model::Uuid;

impl Snapshots<'_> {
    /// The files that libvirt made for these snapshots of the domain beside its disks: overlays, and saved memory.
    /// Of a snapshot that is gone meanwhile there are none.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn files(self, uuid: Uuid, snapshots: &[String]) -> Result<Vec<String>, Error> {
        let ask =
            |name: &String| Command::new("snapshot-dumpxml").domain(uuid).option("--snapshotname", name);
        let commands: Vec<_> = snapshots.iter().map(ask).collect();
        let mut files = Vec::new();
        for (command, reply) in commands.iter().zip(self.client.call_each(&commands).await?) {
            match reply {
                Ok(document) => files.extend(external_files(&document).map_err(|error| {
                    Error::Unexpected { command: command.display(), reason: error.to_string() }
                })?),
                Err(error) if error.is_connection() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(files)
    }
}

fn external_files(document: &str) -> Result<Vec<String>, XmlError> {
    let tree = Element::parse(document)?;
    let is_external = |element: &&Element| element.attribute("snapshot") == Some("external");
    let disks = tree.find("disks").into_iter().flat_map(|disks| disks.all("disk"));
    let of_disks = disks.filter(is_external).filter_map(|disk| disk.find_attribute("source", "file"));
    let memory = tree.find("memory").filter(is_external).and_then(|memory| memory.attribute("file"));
    Ok(of_disks.chain(memory).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    // From `virsh snapshot-dumpxml`, libvirt 11.3, shortened.
    const SNAPSHOT: &str = "<domainsnapshot><name>s1</name><state>disk-snapshot</state><memory snapshot='external' \
        file='/p/web.mem'/><disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/>\
        <source file='/p/web.s1'/></disk><disk name='vdb' snapshot='no'/></disks></domainsnapshot>";

    #[test]
    fn what_was_made_beside_the_disks_is_told() {
        assert_eq!(external_files(SNAPSHOT).expect("parses"), ["/p/web.s1", "/p/web.mem"]);
        let internal = SNAPSHOT.replace("external", "internal");
        assert!(external_files(&internal).expect("parses").is_empty());
    }
}
