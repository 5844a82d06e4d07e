//! Storage pools and volumes. All files of VMs are made through libvirt, so a user who may speak to the
//! system daemon needs no root, and a daemon on another host works the same.

mod kind;
mod listing;
mod locate;
mod pools;
mod transfer;
mod volumes;

use std::time::{Duration, SystemTime};

pub use kind::{PoolKind, VolumeKind};
pub use volumes::PoolContents;

use crate::libvirt::Error;
use crate::libvirt::client::command::Command;
use crate::libvirt::xml::Element;

/// A storage pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Where its volumes are: a directory for most kinds; empty for a kind that has none, such as RBD.
    pub path: String,
    /// What it is made of.
    pub kind: PoolKind,
    /// Whether it is started. Of one that is not, libvirt knows no volumes.
    pub active: bool,
    /// The room left, in bytes, as of libvirt's last refresh.
    pub available_bytes: u64,
}

/// A volume: one file of a pool, or what its kind has instead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// Its name in the pool.
    pub name: String,
    /// What it is.
    pub kind: VolumeKind,
    /// The file.
    pub path: String,
    /// The image's format, as libvirt last probed it.
    pub format: Option<String>,
    /// What a guest sees, in bytes.
    pub capacity_bytes: u64,
    /// What it takes on the disk, in bytes.
    pub allocation_bytes: u64,
    /// The file below it.
    pub backing: Option<String>,
    /// The format of the file below it, as the image's header or libvirt's probe says.
    pub backing_format: Option<String>,
    /// When it was last written to, as of libvirt's last refresh.
    pub modified: Option<SystemTime>,
    /// When it was last read, as of libvirt's last refresh and as far as the file system notes it.
    pub accessed: Option<SystemTime>,
}

/// A volume to be made.
#[derive(Debug, Clone)]
pub struct VolumeSpec<'a> {
    /// Its name in the pool.
    pub name: &'a str,
    /// What a guest sees, in bytes.
    pub capacity_bytes: u64,
    /// `qcow2` or `raw`.
    pub format: &'a str,
    /// The permission bits of the file, in octal.
    pub mode: &'a str,
    /// The file below it, and its format.
    pub backing: Option<(&'a str, &'a str)>,
}

impl VolumeSpec<'_> {
    fn to_element(&self) -> Element {
        let format = |name: &str| Element::new("format").with("type", name);
        let permissions = Element::new("permissions").child(Element::new("mode").text(self.mode));
        // An overlay takes what is written to it in pieces of 2 KiB (64 KiB else, the rest of which is copied from below).
        // libvirt has that since 8.0, QEMU since 5.2.
        let is_overlay = self.backing.is_some() && self.format == "qcow2";
        let features = is_overlay.then(|| Element::new("features").child(Element::new("extended_l2")));
        let target = Element::new("target").child(format(self.format)).child(permissions).children(features);
        let volume = Element::new("volume")
            .with("type", "file")
            .child(Element::new("name").text(self.name))
            .child(Element::new("capacity").with("unit", "bytes").text(self.capacity_bytes.to_string()))
            // Nothing is reserved ahead.
            .child(Element::new("allocation").with("unit", "bytes").text("0"))
            .child(target);
        volume.children(self.backing.map(|(path, below)| {
            Element::new("backingStore").child(Element::new("path").text(path)).child(format(below))
        }))
    }
}

fn folder_pool(name: &str, folder: &str) -> Element {
    Element::new("pool")
        .with("type", "dir")
        .child(Element::new("name").text(name))
        .child(Element::new("target").child(Element::new("path").text(folder)))
}

fn volume_command(verb: &str, pool: &str, name: &str) -> Command {
    Command::new(verb).option("--pool", pool).option("--vol", name)
}

fn parse(document: &str, command: &str) -> Result<Element, Error> {
    Element::parse(document)
        .map_err(|error| Error::Unexpected { command: command.to_owned(), reason: error.to_string() })
}

fn parse_pool(document: &str, active: bool) -> Result<Pool, Error> {
    let tree = parse(document, "virsh pool-dumpxml")?;
    Ok(Pool {
        name: raw_text(&tree, "name"),
        path: raw_text(&tree, "target/path"),
        kind: PoolKind::read(tree.attribute("type").unwrap_or_default()),
        active,
        available_bytes: bytes(&tree, "available"),
    })
}

fn parse_volume(document: &str) -> Result<Volume, Error> {
    let tree = parse(document, "virsh vol-dumpxml")?;
    let time = |name: &str| {
        let seconds = tree.find_text(&format!("target/timestamps/{name}"))?.parse().ok()?;
        Some(SystemTime::UNIX_EPOCH + Duration::try_from_secs_f64(seconds).ok()?)
    };
    Ok(Volume {
        name: raw_text(&tree, "name"),
        kind: VolumeKind::read(tree.attribute("type").unwrap_or_default()),
        path: raw_text(&tree, "target/path"),
        format: tree.find_attribute("target/format", "type").map(str::to_owned),
        capacity_bytes: bytes(&tree, "capacity"),
        allocation_bytes: bytes(&tree, "allocation"),
        backing: tree.find("backingStore/path").map(Element::raw_content),
        backing_format: tree.find_attribute("backingStore/format", "type").map(str::to_owned),
        modified: time("mtime"),
        accessed: time("atime"),
    })
}

/// The text at the path with its blanks: a name may begin or end with them.
fn raw_text(tree: &Element, path: &str) -> String {
    tree.find(path).map(Element::raw_content).unwrap_or_default()
}

/// A size that libvirt prints in bytes.
fn bytes(tree: &Element, name: &str) -> u64 {
    tree.find_text(name).and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    // libvirt 11.3.0: `vol-dumpxml --pool vmt a.qcow2`
    const VOLUME: &str = "<volume type='file'>
  <name>a.qcow2</name>
  <key>/var/lib/libvirt/images/vmt/a.qcow2</key>
  <capacity unit='bytes'>3000000</capacity>
  <allocation unit='bytes'>3002368</allocation>
  <physical unit='bytes'>3000000</physical>
  <target>
    <path>/var/lib/libvirt/images/vmt/a.qcow2</path>
    <format type='raw'/>
    <permissions><mode>0600</mode><owner>0</owner><group>0</group></permissions>
    <timestamps><atime>1795426615.772777029</atime><mtime>1795426615.767559283</mtime></timestamps>
  </target>
</volume>";

    #[test]
    fn a_volume_from_recorded_output() {
        let volume = parse_volume(VOLUME).expect("parses");
        assert_eq!(
            (volume.name.as_str(), volume.capacity_bytes, volume.allocation_bytes),
            ("a.qcow2", 3_000_000, 3_002_368)
        );
        assert_eq!((volume.format.as_deref(), volume.kind), (Some("raw"), VolumeKind::File));
        assert_eq!((volume.backing, volume.backing_format), (None, None));
        let modified = volume.modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        assert_eq!(modified.map(|since| since.as_secs()), Some(1_795_426_615));
    }

    #[test]
    fn an_overlay_names_its_formats() {
        let spec = VolumeSpec {
            name: "x",
            capacity_bytes: 1,
            format: "qcow2",
            mode: "0600",
            backing: Some(("/b&c", "raw")),
        };
        let tree = Element::parse(&spec.to_element().to_document().expect("writes")).expect("parses");
        assert_eq!(tree.find_text("backingStore/path").as_deref(), Some("/b&c"));
        assert_eq!(tree.find_attribute("backingStore/format", "type"), Some("raw"));
        assert_eq!(tree.find_attribute("target/format", "type"), Some("qcow2"));
        assert!(tree.find("target/features/extended_l2").is_some());
    }

    #[test]
    fn what_is_no_xml_is_an_error() {
        assert!(parse_pool("error", true).is_err() && parse_volume("").is_err());
    }

    #[test]
    fn blanks_belong_to_names() {
        let volume = parse_volume(
            "<volume type='dir'><name>  a </name><target><path>/p/  a </path></target>
             <backingStore><path>/p/b </path><format type='qcow2'/></backingStore></volume>",
        );
        let volume = volume.expect("parses");
        assert_eq!((volume.name.as_str(), volume.path.as_str()), ("  a ", "/p/  a "));
        assert_eq!((volume.kind, volume.backing.as_deref()), (VolumeKind::Dir, Some("/p/b ")));
        assert_eq!(volume.backing_format.as_deref(), Some("qcow2"));
        let pool = parse_pool("<pool type='rbd'><name>odd pool</name></pool>", false).expect("parses");
        assert_eq!((pool.kind, pool.path.as_str(), pool.active), (PoolKind::Rbd, "", false));
    }
}
