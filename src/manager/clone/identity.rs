//! Who the guest of a clone is.

use super::{CloneMode, CloneRequest};
use crate::guest::{self, KeyPair};
use crate::libvirt::SshAccess;
use crate::manager::Error;
use crate::manager::clone::Cloning;
use crate::model::Uuid;
use crate::seed::{CloudInit, HostKey};

impl Cloning<'_> {
    /// A seed for cloud-init, to which its instance is a new one: it renews the host's name, its keys and
    /// the machine-id. What the source was set up with once is not done again. A fork has another machine-id by the time
    /// that it reads it.
    pub(super) fn new_identity(
        &self,
        request: &CloneRequest,
        uuid: Uuid,
        ssh: &SshAccess,
        macs: &[String],
    ) -> Result<CloudInit, Error> {
        let key = KeyPair::generate(request.name.as_str())?;
        let vmtools_key = guest::own_key(self.op.paths().data_folder())?;
        let files = ssh.identities.iter().map(|file| std::path::PathBuf::from(format!("{file}.pub")));
        let mut authorized_keys: Vec<String> =
            files.filter_map(|file| guest::read_public_key(&file).ok()).map(|key| key.openssh).collect();
        authorized_keys.extend(
            guest::user_public_keys(&self.op.paths().ssh_folder())
                .into_iter()
                .map(|key| key.openssh)
                .chain([vmtools_key.public_openssh]),
        );
        let mut seen = std::collections::HashSet::new();
        authorized_keys.retain(|key| seen.insert(key.clone()));
        Ok(CloudInit {
            instance_id: format!("vmtools-{uuid}"),
            hostname: request.name.to_hostname(),
            user: ssh.user.clone(),
            authorized_keys,
            host_key: Some(HostKey {
                private: key.private_openssh.clone(),
                public: key.public_openssh.clone(),
            }),
            mac_addresses: macs.to_vec(),
            renew_machine_id: request.mode != CloneMode::Fork,
            ..CloudInit::default()
        })
    }
}
