use std::fmt;

use super::WarmStates;
use crate::guest::identity;
use crate::host;
use crate::image::{Hasher, LocalImage};
use crate::libvirt::DomainSpec;
use crate::manager::Error;
use crate::model::{Algorithm, SharedFolder};
use crate::seed::CloudInit;

/// The version of what a state consists of: another one's are of no use.
const FORMAT: &str = "1";
/// As many hexadecimal digits tell any two states apart.
const DIGITS: usize = 16;

/// What a state depends on, as a digest: the image, the machine, what cloud-init did in it, and this host's CPU,
/// kernel, QEMU and libvirt. Whatever is a VM's own, such as its name, keys, addresses and labels, is no part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::manager) struct WarmKey(String);

impl WarmKey {
    /// The digits, as they stand in names.
    pub(in crate::manager) fn as_str(&self) -> &str {
        &self.0
    }

    /// The key that a name has.
    pub(super) fn parse(digits: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digits.len() == DIGITS && digits.bytes().all(is_digit)).then(|| Self(digits.to_owned()))
    }

    fn of(parts: &[&[u8]]) -> Result<Self, Error> {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        for part in parts {
            // With its length, so that no two lists of parts are the same bytes.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Ok(Self(hasher.finish()?.hex()[..DIGITS].to_owned()))
    }
}

impl fmt::Display for WarmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl WarmStates<'_> {
    /// The key of the states from which a VM of that machine and that first-boot configuration may be started.
    ///
    /// # Errors
    /// When libvirt can't be asked for its version.
    pub(super) async fn key(
        &self,
        image: &LocalImage,
        domain: &DomainSpec,
        cloud_init: &CloudInit,
        disk_size_bytes: u64,
    ) -> Result<WarmKey, Error> {
        let versions = self.op.client().versions().await?;
        let machine = machine(domain, disk_size_bytes);
        let documents = anonymous(cloud_init).to_documents()?;
        WarmKey::of(&[
            FORMAT.as_bytes(),
            // The helper waits in the state, and has to understand what a later vmtools tells it.
            identity::prepare_script().as_bytes(),
            image.digest.to_string().as_bytes(),
            machine.as_bytes(),
            &documents.user_data,
            cloud_init.user.as_bytes(),
            format!("{versions:?}").as_bytes(),
            host::machine_identity().as_bytes(),
        ])
    }
}

/// The machine, without what is a VM's own.
fn machine(domain: &DomainSpec, disk_size_bytes: u64) -> String {
    let DomainSpec { memory, max_memory, cpus, max_cpus, firmware, hardware, kvm, disks, cdroms, .. } =
        domain;
    let disks: Vec<_> = disks.iter().map(|disk| (disk.format, disk.read_only)).collect();
    let screen = (domain.qmp_socket.is_some(), domain.vnc_socket.is_some());
    format!(
        "{memory:?} {max_memory:?} {cpus} {max_cpus:?} {firmware:?} {hardware:?} {kvm} {disks:?} {cdroms:?} {screen:?} {disk_size_bytes}"
    )
}

/// What cloud-init does, whoever the VM is.
fn anonymous(cloud_init: &CloudInit) -> CloudInit {
    CloudInit {
        instance_id: "any".into(),
        hostname: "any".into(),
        authorized_keys: Vec::new(),
        host_key: None,
        mac_addresses: Vec::new(),
        // Its hash is another one each time that it is computed.
        password: None,
        folders: Vec::<SharedFolder>::new(),
        ..cloud_init.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_key_if_it_has_all_digits() {
        let key = WarmKey::of(&[b"a", b"b"]).expect("digests");
        assert_eq!(WarmKey::parse(key.as_str()), Some(key.clone()));
        for other in ["", "0a1b", "0A1B2C3D4E5F6071", "0a1b2c3d4e5f607g", "0a1b2c3d4e5f60711"] {
            assert_eq!(WarmKey::parse(other), None, "{other}");
        }
        assert_ne!(WarmKey::of(&[b"ab", b""]).expect("digests"), key);
    }

    #[test]
    fn who_the_vm_is_makes_no_difference_and_what_it_does_makes_one() {
        let one = CloudInit {
            instance_id: "vmtools-1".into(),
            hostname: "web".into(),
            user: "debian".into(),
            authorized_keys: vec!["ssh-ed25519 AAAA me".into()],
            mac_addresses: vec!["52:54:00:00:00:01".into()],
            ..CloudInit::default()
        };
        let other = CloudInit {
            instance_id: "vmtools-2".into(),
            hostname: "db".into(),
            authorized_keys: vec!["ssh-ed25519 BBBB you".into()],
            mac_addresses: vec!["52:54:00:00:00:02".into()],
            ..one.clone()
        };
        let data = |cloud_init: &CloudInit| anonymous(cloud_init).to_documents().expect("writes").user_data;
        assert_eq!(data(&one), data(&other));
        let user_data = Some(b"#cloud-config\npackages: [nginx]\n".to_vec());
        assert_ne!(data(&one), data(&CloudInit { user_data, ..one.clone() }));
        assert_ne!(data(&one), data(&CloudInit { user: "root".into(), ..one.clone() }));
    }
}
