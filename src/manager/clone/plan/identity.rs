//! The small files of a clone: what tells the guest who it is, and its firmware's variables.

use super::{Kind, Names, NewFile};
use crate::libvirt::{Domain, Element, SshAccess};
use crate::manager::clone::{CloneMode, CloneRequest, Cloning};
use crate::manager::{Error, Event, Warning};
use crate::model::Uuid;
use crate::seed::{CloudInit, volume};

impl Cloning<'_> {
    /// What tells the guest who it is: made anew, or the source's own. In a fork the helper says it besides, and so
    /// though it has no seed.
    #[expect(clippy::too_many_arguments, reason = "each is another's result")]
    pub(super) fn identity_file(
        &self,
        request: &CloneRequest,
        source: &Domain,
        names: &Names<'_>,
        uuid: Uuid,
        macs: &[String],
        ssh: &mut Option<SshAccess>,
        new_files: &mut Vec<NewFile>,
    ) -> Result<Option<CloudInit>, Error> {
        let mut identity = None;
        let ignition = source.has_ignition();
        // Ignition reads its configuration at the first boot only, and then the guest has it.
        for file in firmware_files(&source.tree).into_iter().filter(|file| source.owns(file)) {
            let to = names.volume(".ign");
            new_files.push(NewFile { from: file, to, format: "raw".into(), kind: Kind::Small });
        }
        let seed = source.disks.iter().find(|disk| {
            disk.read_only
                && disk.device == "disk"
                && disk.path.as_ref().is_some_and(|path| source.owns(path))
        });
        match seed.and_then(|seed| seed.path.clone()) {
            Some(from) => {
                let kind = match (request.keep_identity, ssh.as_mut()) {
                    (false, Some(ssh)) => {
                        let new = self.new_identity(request, uuid, ssh, macs)?;
                        ssh.host_key = new.host_key.as_ref().map(|key| key.public.clone());
                        let seed = volume::build(&new.to_documents()?)?;
                        identity = Some(new);
                        Kind::Bytes(seed)
                    }
                    _ => Kind::Small,
                };
                let to = names.volume("-seed.img");
                new_files.push(NewFile { from, to, format: "raw".into(), kind });
            }
            None if request.mode == CloneMode::Fork => {}
            None if !request.keep_identity => {
                let vm = request.name.to_string();
                self.op.report(Event::Warning(Warning::IdentityKept { vm, ignition }));
            }
            None => {}
        }
        if request.mode == CloneMode::Fork && identity.is_none() {
            let nobody = SshAccess {
                user: String::new(),
                forwarded_port: None,
                host_key: None,
                identities: Vec::new(),
            };
            let new = self.new_identity(request, uuid, ssh.as_ref().unwrap_or(&nobody), macs)?;
            if let Some(ssh) = ssh {
                ssh.host_key = new.host_key.as_ref().map(|key| key.public.clone());
            }
            identity = Some(new);
        }
        Ok(identity)
    }

    pub(super) async fn nvram_file(
        &self,
        source: &Domain,
        names: &Names<'_>,
        new_files: &mut Vec<NewFile>,
    ) -> Result<Option<String>, Error> {
        let Some(from) = source.nvram() else { return Ok(None) };
        let format = source.tree.find_attribute("os/nvram", "format").unwrap_or("raw").to_owned();
        let to = names.volume(if format == "qcow2" { "_VARS.qcow2" } else { "_VARS.fd" });
        let path = to.path.clone();
        new_files.push(NewFile { from, to, format, kind: Kind::Small });
        Ok(Some(path))
    }
}

/// The files that the firmware hands to the guest, each once.
fn firmware_files(tree: &Element) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    let entries = tree.all("sysinfo").flat_map(|info| info.all("entry"));
    for file in entries.filter_map(|entry| entry.attribute("file")) {
        if !files.iter().any(|known| known == file) {
            files.push(file.to_owned());
        }
    }
    files
}
