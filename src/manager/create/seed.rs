//! The guest's first-boot configuration.

use std::borrow::Cow;
use std::path::PathBuf;

use super::network::{Access, Wiring};
use crate::image::{LocalImage, Provisioner};
use crate::manager::create::Creation;
use crate::manager::image::Images;
use crate::manager::{CreateError, Error, Event, UserDocument, VmSpec, Warning};
use crate::model::{SharedFolder, Uuid};
use crate::seed::{
    self, CloudInit, HostKey, Ignition, UserDataWarning, check_ignition, check_login, check_user_data, volume,
};

/// An Ignition configuration that asks for nothing.
const EMPTY_IGNITION: &[u8] = br#"{"ignition":{"version":"3.0.0"}}"#;

/// What tells the guest who it is.
pub(super) enum Setup {
    /// A NoCloud volume for cloud-init, and what it says.
    Seed(Vec<u8>, Box<CloudInit>),
    /// A document for Ignition, which reads it from QEMU's firmware configuration.
    Ignition(Vec<u8>),
}

impl Setup {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Seed(bytes, _) | Self::Ignition(bytes) => bytes,
        }
    }

    pub(super) fn is_seed(&self) -> bool {
        matches!(self, Self::Seed(..))
    }

    pub(super) fn cloud_init(&self) -> Option<&CloudInit> {
        match self {
            Self::Seed(_, cloud_init) => Some(cloud_init),
            Self::Ignition(_) => None,
        }
    }
}

impl Creation<'_> {
    /// The spec as the image's provisioner needs it. A guest that Ignition sets up reads no seed of cloud-init, and
    /// nobody could log in: it gets a configuration even if the user gave none.
    pub(super) fn for_provisioner<'a>(&self, spec: &'a VmSpec) -> Result<Cow<'a, VmSpec>, Error> {
        let as_it_is = Ok(Cow::Borrowed(spec));
        // What is wrong with the reference is said where the image is obtained.
        let (true, None, Ok(Some(reference))) = (spec.cloud_init, &spec.ignition, self.reference(spec))
        else {
            return as_it_is;
        };
        if Images::of(self.op).image_store()?.provisioner(&reference) != Provisioner::Ignition {
            return as_it_is;
        }
        if spec.user_data.is_some() {
            return Err(CreateError::NotCloudInit { image: reference.to_string() }.into());
        }
        let empty = UserDocument { file: PathBuf::new(), bytes: EMPTY_IGNITION.to_vec() };
        Ok(Cow::Owned(VmSpec { ignition: Some(empty), ..spec.clone() }))
    }

    /// The user's own documents are looked over before anything is downloaded or made.
    pub(super) fn check_user_data(&self, spec: &VmSpec) -> Result<(), Error> {
        if let Some(config) = &spec.ignition {
            config.read_by(check_ignition)?;
        }
        if let Some(user_data) = &spec.user_data {
            for warning in user_data.read_by(check_user_data)? {
                self.op.report(Event::Warning(Warning::UserData(warning)));
            }
        }
        self.check_login(spec)
    }

    /// Whether vmtools will get in, as far as it is known without the image whom it logs in as.
    fn check_login(&self, spec: &VmSpec) -> Result<(), Error> {
        let (Some(user_data), true) = (&spec.user_data, spec.cloud_init) else { return Ok(()) };
        let Some(reference) = self.reference(spec)? else { return Ok(()) };
        let image_user = Images::of(self.op).image_store()?.default_user(&reference);
        let user = Wiring::of(self.op).user_of(spec, image_user.as_deref());
        Ok(user_data.read_by(|bytes| check_login(bytes, &user, image_user.as_deref()))?)
    }
}

impl UserDocument {
    /// What is read in it.
    ///
    /// # Errors
    /// [`CreateError::Document`].
    pub(super) fn read_by<T>(
        &self,
        read: impl FnOnce(&[u8]) -> Result<T, seed::Error>,
    ) -> Result<T, CreateError> {
        read(&self.bytes).map_err(|cause| CreateError::Document { file: self.file.clone(), cause })
    }
}

/// What configures the guest, and the warnings about the user's own documents now that its user is known.
pub(super) fn build(
    spec: &VmSpec,
    uuid: Uuid,
    access: &Access,
    image: &LocalImage,
    mac_addresses: Vec<String>,
    folders: &[SharedFolder],
) -> Result<(Setup, Vec<UserDataWarning>), Error> {
    let hostname = spec.hostname.clone().unwrap_or_else(|| spec.name.to_hostname());
    let host_key = HostKey {
        private: access.host_key.private_openssh.clone(),
        public: access.host_key.public_openssh.clone(),
    };
    if let Some(config) = &spec.ignition {
        let ignition = Ignition {
            config: &config.bytes,
            hostname: &hostname,
            user: &access.user,
            authorized_keys: &access.authorized_keys,
            host_key: Some(&host_key),
            password: spec.password.as_ref(),
        };
        return Ok((Setup::Ignition(ignition.to_document()?), Vec::new()));
    }
    let cloud_init = CloudInit {
        // Unique, so that a VM made anew under an old name is a new instance to cloud-init.
        instance_id: format!("vmtools-{uuid}"),
        hostname,
        user: access.user.clone(),
        image_user: image.default_user.clone(),
        authorized_keys: access.authorized_keys.clone(),
        host_key: Some(host_key),
        // Only netplan and networkd match interfaces by name; every renderer of cloud-init does by address.
        mac_addresses,
        password: spec.password.clone(),
        setup: spec.setup.clone(),
        folders: folders.to_vec(),
        user_data: spec.user_data.as_ref().map(|document| document.bytes.clone()),
        renew_machine_id: image.committed,
    };
    let warnings = cloud_init.warnings()?;
    let bytes = volume::build(&cloud_init.to_documents()?)?;
    Ok((Setup::Seed(bytes, Box::new(cloud_init)), warnings))
}
