//! Devices and QEMU's tree of objects (qapi/char.json, pci.json, qom.json).

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{commands_with_arguments, plain_commands};

plain_commands! {
    /// The character devices: serial ports, channels, monitors.
    QueryChardev = "query-chardev" -> Vec<Chardev>;
    /// The PCI buses and what is on them.
    QueryPci = "query-pci" -> Vec<PciBus>;
}

commands_with_arguments! {
    QomGet<T> = "qom-get" -> T;
    QomList = "qom-list" -> Vec<QomProperty>;
}

/// One property of an object, as a `T`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", bound = "")]
pub struct QomGet<T> {
    path: String,
    property: String,
    #[serde(skip)]
    value: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> QomGet<T> {
    /// Of the object at `path`, such as `/machine/peripheral/balloon0` for a device by its id.
    pub fn new(path: impl Into<String>, property: impl Into<String>) -> Self {
        Self { path: path.into(), property: property.into(), value: PhantomData }
    }
}

impl QomGet<GuestStats> {
    /// What the guest's balloon driver tells of its memory, for libvirt's name of the device. It tells it
    /// anew in each period that `virsh dommemstat --period` sets.
    pub fn guest_stats() -> Self {
        Self::new("/machine/peripheral/balloon0", "guest-stats")
    }
}

/// The properties and children of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct QomList {
    /// The object, such as `/machine/peripheral`.
    pub path: String,
}

/// One of [`QomList`]'s.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct QomProperty {
    /// Its name.
    pub name: String,
    /// Its type: `child<TYPE>` for an object below, `link<TYPE>` for one elsewhere.
    #[serde(rename = "type")]
    pub kind: String,
}

/// The guest's memory, as its balloon driver tells.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GuestStats {
    /// When the guest last reported, in seconds since 1970; zero if it never did.
    pub last_update: u64,
    /// What it reported.
    pub stats: GuestMemory,
}

/// What a balloon driver tells, in bytes; `None` for what it doesn't.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GuestMemory {
    /// All that the guest's kernel has.
    #[serde(rename = "stat-total-memory", deserialize_with = "known")]
    pub total: Option<u64>,
    /// What is not used at all.
    #[serde(rename = "stat-free-memory", deserialize_with = "known")]
    pub free: Option<u64>,
    /// What programs could get: the free and what only caches.
    #[serde(rename = "stat-available-memory", deserialize_with = "known")]
    pub available: Option<u64>,
    /// What caches files.
    #[serde(rename = "stat-disk-caches", deserialize_with = "known")]
    pub disk_caches: Option<u64>,
    /// What was swapped in since the start.
    #[serde(rename = "stat-swap-in", deserialize_with = "known")]
    pub swap_in: Option<u64>,
    /// What was swapped out since the start.
    #[serde(rename = "stat-swap-out", deserialize_with = "known")]
    pub swap_out: Option<u64>,
    /// Page faults that needed the disk, since the start: a number.
    #[serde(rename = "stat-major-faults", deserialize_with = "known")]
    pub major_faults: Option<u64>,
    /// Page faults that did not, since the start: a number.
    #[serde(rename = "stat-minor-faults", deserialize_with = "known")]
    pub minor_faults: Option<u64>,
}

/// -1, as a signed number or as the largest unsigned one, is "not known".
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    struct Known;

    impl Visitor<'_> for Known {
        type Value = Option<u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number")
        }

        fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
            Ok(Some(value).filter(|value| *value != u64::MAX))
        }

        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok(u64::try_from(value).ok())
        }
    }

    deserializer.deserialize_u64(Known)
}

/// One of [`QueryChardev`]'s.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Chardev {
    /// Its id.
    pub label: String,
    /// What is behind it, in QEMU's words.
    pub filename: String,
    /// Whether the guest has the device open; a channel's tells whether the guest agent is there.
    pub frontend_open: bool,
}

/// One of [`QueryPci`]'s.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PciBus {
    /// Its number.
    pub bus: u32,
    /// What is on it.
    pub devices: Vec<PciDevice>,
}

/// A device on a PCI bus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PciDevice {
    /// The bus.
    pub bus: u32,
    /// The slot.
    pub slot: u32,
    /// The function.
    pub function: u32,
    /// QEMU's id of the device; empty for one that belongs to the machine.
    pub qdev_id: String,
    /// What it is.
    pub class_info: PciClass,
    /// Who made it.
    pub id: PciId,
    /// What is behind it, where it is a bridge.
    #[serde(default)]
    pub pci_bridge: Option<PciBridge>,
}

/// What a PCI device is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PciClass {
    /// In words, where QEMU knows them.
    #[serde(default)]
    pub desc: Option<String>,
    /// The class's number.
    pub class: u32,
}

/// Who made a PCI device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct PciId {
    /// The vendor's number.
    pub vendor: u32,
    /// The device's number.
    pub device: u32,
}

/// What is behind a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PciBridge {
    /// The devices; QEMU leaves them out before the guest has numbered the bus.
    #[serde(default)]
    pub devices: Vec<PciDevice>,
}
