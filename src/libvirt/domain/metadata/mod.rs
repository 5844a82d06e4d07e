//! What vmtools remembers of a VM, inside that VM's own definition.
//!
//! libvirt keeps one element per XML namespace under a domain's `<metadata>`. vmtools has some: the
//! record of the VM; while a create is under way, the mark of the process that is at it; the mark of
//! a domain that others were linked to; and the mark of one that is not to be deleted, whoever made it.
//! The mark of a create goes as the last step, so a domain that has it and whose creator is gone is a
//! leftover.

mod carry;
mod change;

pub(in crate::libvirt::domain) use carry::NAMESPACES;
pub use carry::RevertMark;
pub(in crate::libvirt) use carry::carry_over;
pub use change::MetadataChange;

use super::namespace;
use crate::libvirt::xml::Element;
use crate::model::{Label, PortPublish, SharedFolder, Timestamp, Uuid};

/// The namespace of [`Metadata`].
pub(in crate::libvirt) const NAMESPACE: &str = "urn:vmtools:vm:1";
/// The namespace of the mark of a create that is under way.
pub(in crate::libvirt) const CREATING_NAMESPACE: &str = "urn:vmtools:creating:1";
/// The namespace of the mark of a domain, of whomever, that disks of others stand on its own.
pub(in crate::libvirt) const PARENT_NAMESPACE: &str = "urn:vmtools:parent:1";
/// The namespace of the mark of a VM that is not to be deleted.
pub(in crate::libvirt) const PROTECTED_NAMESPACE: &str = "urn:vmtools:protected:1";

/// The namespace of the mark of a domain that is being reverted to a snapshot.
pub(in crate::libvirt) const REVERTING_NAMESPACE: &str = "urn:vmtools:reverting:1";
/// The namespace of the list of the disks that vmtools made for a domain of others.
pub(in crate::libvirt) const ADDED_NAMESPACE: &str = "urn:vmtools:added:1";

/// The record that vmtools keeps of a VM it made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// The template's name.
    pub template: Option<String>,
    /// The base image, as the user called it.
    pub image: Option<String>,
    /// The base image's digest, `sha256:HEX`.
    pub image_digest: Option<String>,
    /// The file that the base image was, if it was one, on the host that made the VM.
    pub image_file: Option<String>,
    /// The volumes that were made for this VM alone and go with it.
    pub owned: Vec<OwnedVolume>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Key and value, in the order given.
    pub labels: Vec<Label>,
    /// How to reach it by ssh.
    pub ssh: Option<SshAccess>,
    /// The ports that user-mode networking forwards to the guest, ssh's among them. passt has them in
    /// the definition too; slirp gets them at each start.
    pub published: Vec<PortPublish>,
    /// Where the guest mounts shared host directories.
    pub mounts: Vec<Mounted>,
    /// The room that it was made with.
    pub hotplug_limits: HotplugLimits,
    /// When `gc` may remove it.
    pub expires: Option<Timestamp>,
    /// The VM that its disks stand on, if it is a linked clone.
    pub parent: Option<Parent>,
    /// How it was first started, where that was not by booting it, or a warm start was asked for.
    pub first_start: Option<FirstStart>,
    /// The process that is making it, while it is being made.
    pub creator: Option<String>,
}

/// The VM that a linked clone, or a fork, was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// Its UUID.
    pub uuid: Uuid,
    /// The name that it had then.
    pub name: String,
}

/// How a VM was first started, where that was not by booting it, or a warm start was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstStart {
    /// From a warm state.
    Warm {
        /// The key of the state.
        key: String,
    },
    /// From the memory of another VM that ran.
    Fork {
        /// That VM.
        of: Parent,
    },
    /// By booting.
    Cold {
        /// Why, in one word of vmtools'.
        reason: String,
    },
}

/// A volume that a VM owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedVolume {
    /// The storage pool's name.
    pub pool: String,
    /// The volume's name in it.
    pub volume: String,
    /// The file that it is.
    pub path: String,
}

/// The limits up to which vCPUs and memory can be hot-plugged, as requested at creation. The definition no longer
/// shows them once they are reached. `None` where no limit was requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HotplugLimits {
    /// vCPUs.
    pub cpus: Option<u32>,
    /// Memory, in MiB.
    pub memory_mib: Option<u64>,
}

/// Where a guest mounts a directory of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// The name by which it does.
    pub tag: String,
    /// The place in the guest.
    pub guest: String,
}

impl From<&SharedFolder> for Mounted {
    fn from(folder: &SharedFolder) -> Self {
        Self { tag: folder.tag.clone(), guest: folder.guest.clone() }
    }
}

/// How to reach a VM by ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAccess {
    /// The user to log in as.
    pub user: String,
    /// The port on the host's 127.0.0.1 that leads to the guest's port 22; `None` when the guest is
    /// reached at its own address.
    pub forwarded_port: Option<u16>,
    /// The guest's public host key, as given to it by cloud-init.
    pub host_key: Option<String>,
    /// The private key files that open it, on the host that made it.
    pub identities: Vec<String>,
}

/// The disks that vmtools made for a domain of others.
pub(in crate::libvirt::domain) fn added_of(domain: &Element) -> Vec<OwnedVolume> {
    let Some((list, [domain, metadata])) = namespace::in_metadata(domain, ADDED_NAMESPACE) else {
        return Vec::new();
    };
    let volumes = namespace::children(&[domain, metadata, list], ADDED_NAMESPACE);
    volumes.filter_map(OwnedVolume::from_element).collect()
}

/// The list of them, for [`DomainMetadata::set_added`](crate::libvirt::DomainMetadata::set_added).
pub(in crate::libvirt::domain) fn added_to_element(volumes: &[OwnedVolume]) -> Element {
    Element::new("disks").children(volumes.iter().map(|volume| volume.to_element("volume")))
}

impl OwnedVolume {
    fn to_element(&self, name: &str) -> Element {
        Element::new(name).with("pool", &self.pool).with("name", &self.volume).with("path", &self.path)
    }

    fn from_element(element: &Element) -> Option<Self> {
        let attribute = |name: &str| element.attribute(name).map(str::to_owned);
        Some(Self { pool: attribute("pool")?, volume: attribute("name")?, path: attribute("path")? })
    }
}

impl Metadata {
    /// The elements to put under a domain's `<metadata>`.
    pub fn to_elements(&self) -> Vec<Element> {
        let mut vm = Element::new("vmtools:vm").with("xmlns:vmtools", NAMESPACE);
        let optional =
            |name: &str, value: &Option<String>| value.as_ref().map(|text| Element::new(name).text(text));
        vm = vm.children(optional("vmtools:template", &self.template));
        if let Some(image) = &self.image {
            let mut element = Element::new("vmtools:image").text(image);
            if let Some(digest) = &self.image_digest {
                element.set_attribute("digest", digest);
            }
            if let Some(file) = &self.image_file {
                element.set_attribute("file", file);
            }
            vm = vm.child(element);
        }
        vm = vm.children(self.owned.iter().map(|owned| owned.to_element("vmtools:volume")));
        vm = vm.children(optional("vmtools:created", &self.created.map(|time| time.to_string())));
        vm =
            vm.children(self.labels.iter().map(|label| {
                Element::new("vmtools:label").with("key", &label.key).with("value", &label.value)
            }));
        vm = vm.children(self.ssh.as_ref().map(SshAccess::to_element));
        let publish = |port: &PortPublish| Element::new("vmtools:publish").text(port.to_string());
        vm = vm.children(self.published.iter().map(publish));
        let mount = |mount: &Mounted| {
            Element::new("vmtools:mount").with("tag", &mount.tag).with("guest", &mount.guest)
        };
        vm = vm.children(self.mounts.iter().map(mount));
        vm = vm.children(
            (self.hotplug_limits != HotplugLimits::default()).then(|| self.hotplug_limits.to_element()),
        );
        vm = vm.children(optional("vmtools:expires", &self.expires.map(|time| time.to_string())));
        vm = vm.children(self.parent.as_ref().map(|parent| {
            Element::new("vmtools:parent").with("uuid", parent.uuid.to_string()).with("name", &parent.name)
        }));
        vm = vm.children(self.first_start.as_ref().map(|start| start.to_element("vmtools:start")));
        let mark = self.creator.as_ref().map(|creator| {
            Element::new("creating:by").with("xmlns:creating", CREATING_NAMESPACE).text(creator)
        });
        std::iter::once(vm).chain(mark).collect()
    }

    /// Reads it from a domain's definition; `None` when vmtools didn't make the domain.
    pub fn of_domain(domain: &Element) -> Option<Self> {
        let (vm, [domain, metadata]) = namespace::in_metadata(domain, NAMESPACE)?;
        let creating = namespace::in_metadata(domain, CREATING_NAMESPACE);
        let mut record = Self { creator: creating.map(|(element, _)| element.content()), ..Self::default() };
        for element in namespace::children(&[domain, metadata, vm], NAMESPACE) {
            record.take(element);
        }
        Some(record)
    }

    fn take(&mut self, element: &Element) {
        let attribute = |name: &str| element.attribute(name).map(str::to_owned);
        match element.local_name() {
            "template" => self.template = Some(element.content()),
            "image" => {
                self.image = Some(element.content());
                self.image_digest = attribute("digest");
                self.image_file = attribute("file");
            }
            "volume" => self.owned.extend(OwnedVolume::from_element(element)),
            "created" => self.created = element.content().parse().ok(),
            "label" => {
                if let (Some(key), Some(value)) = (attribute("key"), attribute("value")) {
                    self.labels.push(Label { key, value });
                }
            }
            "ssh" => self.ssh = SshAccess::from_element(element),
            "publish" => self.published.extend(element.content().parse::<PortPublish>()),
            "mount" => {
                if let (Some(tag), Some(guest)) = (attribute("tag"), attribute("guest")) {
                    self.mounts.push(Mounted { tag, guest });
                }
            }
            "room" => self.hotplug_limits = HotplugLimits::from_element(element),
            "parent" => {
                let uuid = attribute("uuid").and_then(|uuid| Uuid::try_parse(&uuid).ok());
                if let (Some(uuid), Some(name)) = (uuid, attribute("name")) {
                    self.parent = Some(Parent { uuid, name });
                }
            }
            "start" => self.first_start = FirstStart::from_element(element),
            "expires" => self.expires = element.content().parse().ok(),
            // A later vmtools may write more.
            _ => {}
        }
    }
}

impl FirstStart {
    fn to_element(&self, name: &str) -> Element {
        match self {
            Self::Warm { key } => Element::new(name).with("warm", key),
            Self::Fork { of } => Element::new(name).with("fork", of.uuid.to_string()).with("name", &of.name),
            Self::Cold { reason } => Element::new(name).with("cold", reason),
        }
    }

    fn from_element(element: &Element) -> Option<Self> {
        let attribute = |name: &str| element.attribute(name).map(str::to_owned);
        let warm = attribute("warm").map(|key| Self::Warm { key });
        let of = || {
            let uuid = Uuid::try_parse(&attribute("fork")?).ok()?;
            Some(Parent { uuid, name: attribute("name")? })
        };
        let fork = || of().map(|of| Self::Fork { of });
        warm.or_else(fork).or_else(|| attribute("cold").map(|reason| Self::Cold { reason }))
    }
}

impl HotplugLimits {
    fn to_element(self) -> Element {
        let mut element = Element::new("vmtools:room");
        if let Some(cpus) = self.cpus {
            element.set_attribute("cpus", cpus.to_string());
        }
        if let Some(mib) = self.memory_mib {
            element.set_attribute("memory-mib", mib.to_string());
        }
        element
    }

    fn from_element(element: &Element) -> Self {
        Self {
            cpus: element.attribute("cpus").and_then(|cpus| cpus.parse().ok()),
            memory_mib: element.attribute("memory-mib").and_then(|mib| mib.parse().ok()),
        }
    }
}

impl SshAccess {
    fn to_element(&self) -> Element {
        let mut element = Element::new("vmtools:ssh").with("user", &self.user);
        if let Some(port) = self.forwarded_port {
            element.set_attribute("port", port.to_string());
        }
        if let Some(key) = &self.host_key {
            element.set_attribute("host-key", key);
        }
        element.children(self.identities.iter().map(|file| Element::new("vmtools:identity").text(file)))
    }

    fn from_element(element: &Element) -> Option<Self> {
        Some(Self {
            user: element.attribute("user")?.to_owned(),
            forwarded_port: element.attribute("port").and_then(|port| port.parse().ok()),
            host_key: element.attribute("host-key").map(str::to_owned),
            identities: element
                .elements()
                .filter(|child| child.local_name() == "identity")
                .map(Element::content)
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn full() -> Metadata {
        Metadata {
            template: Some("ubuntu".into()),
            image: Some("/home/me/<&\"'>.qcow2".into()),
            image_digest: Some("sha256:00".into()),
            image_file: Some("/home/me/<&\"'>.qcow2".into()),
            owned: vec![OwnedVolume { pool: "p".into(), volume: "v".into(), path: "/p/v".into() }],
            created: "2026-01-31T12:00:00Z".parse().ok(),
            labels: vec![Label { key: "team".into(), value: "<&\"'".into() }],
            ssh: Some(SshAccess {
                user: "ubuntu".into(),
                forwarded_port: Some(2222),
                host_key: Some("ssh-ed25519 AAAA".into()),
                identities: vec!["/home/me/.ssh/id_ed25519".into()],
            }),
            published: vec!["2222:22".parse().expect("valid"), "5353:53/udp".parse().expect("valid")],
            hotplug_limits: HotplugLimits { cpus: Some(4), memory_mib: None },
            mounts: vec![Mounted { tag: "vmtools:0".into(), guest: "/a&b".into() }],
            expires: "2026-02-01T12:00:00Z".parse().ok(),
            parent: Some(Parent { uuid: Uuid::from_u128(7), name: "a&b".into() }),
            first_start: Some(FirstStart::Warm { key: "0a1b".into() }),
            creator: Some("host boot 1 2".into()),
        }
    }

    #[test]
    fn it_comes_back_as_it_was() {
        let domain = Element::new("domain").child(Element::new("metadata").children(full().to_elements()));
        let document = domain.to_document().expect("writes");
        let read = Element::parse(&document).expect("parses");
        assert_eq!(Metadata::of_domain(&read), Some(full()));
    }

    #[test]
    fn every_first_start_comes_back() {
        let of = Parent { uuid: Uuid::from_u128(7), name: "a&b".into() };
        for start in [FirstStart::Fork { of }, FirstStart::Cold { reason: "tpm".into() }] {
            assert_eq!(FirstStart::from_element(&start.to_element("start")), Some(start));
        }
        assert_eq!(
            FirstStart::from_element(&Element::new("start").with("fork", "no").with("name", "a")),
            None
        );
    }

    #[test]
    fn others_have_none() {
        for foreign in ["<x:y xmlns:x='u'/>", "<vmtools:vm/>", "<vm/>"] {
            let domain = Element::parse(&format!("<domain><metadata>{foreign}</metadata></domain>"));
            assert_eq!(Metadata::of_domain(&domain.expect("parses")), None, "{foreign}");
        }
    }

    #[test]
    fn the_namespace_may_be_declared_further_out() {
        let record = "<t:vm><t:image>i</t:image><t:creator/><image xmlns='urn:other'>no</image></t:vm>";
        for document in [
            format!("<domain xmlns:t='{NAMESPACE}'><metadata>{record}</metadata></domain>"),
            format!("<domain><metadata xmlns:t='{NAMESPACE}'>{record}</metadata></domain>"),
            format!("<domain><metadata><vm xmlns='{NAMESPACE}'><image>i</image></vm></metadata></domain>"),
        ] {
            let domain = Element::parse(&document).expect("parses");
            let expected = Metadata { image: Some("i".into()), ..Metadata::default() };
            assert_eq!(Metadata::of_domain(&domain), Some(expected), "{document}");
        }
    }
}
