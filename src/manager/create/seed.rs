//! What cloud-init is told at the first boot.

use super::network::Access;
use crate::image::{CloudInit, HostKey, LocalImage, seed};
use crate::manager::{Error, VmSpec};

/// The seed's bytes: a NoCloud volume.
pub(super) fn build(
    spec: &VmSpec,
    uuid: uuid::Uuid,
    access: &Access,
    image: &LocalImage,
    mac_addresses: Vec<String>,
) -> Result<Vec<u8>, Error> {
    let documents = CloudInit {
        // Unique, so that a VM made anew under an old name is a new instance to cloud-init.
        instance_id: format!("vmtools-{uuid}"),
        hostname: spec.hostname.clone().unwrap_or_else(|| spec.name.to_string()),
        user: access.user.clone(),
        image_user: image.default_user.clone(),
        authorized_keys: access.authorized_keys.clone(),
        host_key: Some(HostKey {
            private: access.host_key.private_openssh.clone(),
            public: access.host_key.public_openssh.clone(),
        }),
        // Only netplan and networkd match cards by name; every renderer of cloud-init does by address.
        mac_addresses,
        user_data: spec.user_data.clone(),
        renew_machine_id: image.committed,
    }
    .to_documents()?;
    Ok(seed::build(&documents)?)
}
