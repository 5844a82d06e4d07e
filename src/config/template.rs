use std::collections::BTreeMap;
use std::path::PathBuf;

use super::element::{Accel, Element};
use super::value::{Value, exact_size};
use crate::model::{Acceleration, Condition, DiskSize, Firmware, MemorySize, NetworkSpec};

/// Values for `create`. What is `None` is left to the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its name: what it was asked for by.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What it is, in a line.
    pub description: Option<String>,
    /// The template that it builds on.
    pub extends: Option<String>,
    /// Memory.
    pub memory: Option<MemorySize>,
    /// Processors.
    pub cpus: Option<u32>,
    /// The size of the disk.
    pub disk_size: Option<DiskSize>,
    /// Firmware.
    pub firmware: Option<Firmware>,
    /// Acceleration.
    pub accel: Option<Acceleration>,
    /// The image: a name of the catalogue or of an image that was imported, or a URL or file.
    pub image: Option<String>,
    /// An ISO file to start from, absolute.
    pub iso: Option<PathBuf>,
    /// The guest's user.
    pub user: Option<String>,
    /// What the VM's cards are plugged into.
    pub networks: Option<Vec<NetworkSpec>>,
    /// A file of cloud-init user-data, absolute.
    pub user_data: Option<PathBuf>,
    /// Labels; those of the extended template stay unless they are overridden.
    pub labels: BTreeMap<String, String>,
    /// What `--wait` waits for.
    pub wait: Option<Condition>,
}

/// Where a template comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It is part of vmtools.
    BuiltIn,
    /// It is the user's own, in this file.
    File(PathBuf),
}

impl Template {
    /// All keys that have a value, in the order of the documentation.
    pub fn settings(&self) -> Vec<(&'static str, Value)> {
        let path = |path: &Option<PathBuf>| Value::optional(path.as_ref().map(|p| p.display()));
        let networks =
            |specs: &Vec<NetworkSpec>| Value::List(specs.iter().map(ToString::to_string).collect());
        let all = [
            ("description", Value::optional(self.description.as_ref())),
            ("extends", Value::optional(self.extends.as_ref())),
            ("image", Value::optional(self.image.as_ref())),
            ("iso", path(&self.iso)),
            ("memory", Value::optional(self.memory.map(|m| exact_size(m.mib() << 20)))),
            ("cpus", self.cpus.map_or(Value::Unset, |cpus| Value::Number(u64::from(cpus)))),
            ("disk_size", Value::optional(self.disk_size.map(|d| exact_size(d.bytes())))),
            ("firmware", Value::optional(self.firmware)),
            ("accel", self.accel.as_ref().map_or(Value::Unset, Accel::show)),
            ("user", Value::optional(self.user.as_ref())),
            ("networks", self.networks.as_ref().map_or(Value::Unset, networks)),
            ("user_data", path(&self.user_data)),
            ("labels", Value::Table(self.labels.clone())),
            ("wait", Value::optional(self.wait)),
        ];
        let empty = |value: &Value| match value {
            Value::Unset => true,
            Value::Table(table) => table.is_empty(),
            Value::Text(_) | Value::Number(_) | Value::List(_) => false,
        };
        all.into_iter().filter(|(_, value)| !empty(value)).collect()
    }

    /// This template's values, and where it has none, those of `parent`.
    pub(super) fn over(self, parent: Self) -> Self {
        let mut labels = parent.labels;
        labels.extend(self.labels);
        Self {
            name: self.name,
            origin: self.origin,
            extends: self.extends,
            description: self.description.or(parent.description),
            memory: self.memory.or(parent.memory),
            cpus: self.cpus.or(parent.cpus),
            disk_size: self.disk_size.or(parent.disk_size),
            firmware: self.firmware.or(parent.firmware),
            accel: self.accel.or(parent.accel),
            image: self.image.or(parent.image),
            iso: self.iso.or(parent.iso),
            user: self.user.or(parent.user),
            networks: self.networks.or(parent.networks),
            user_data: self.user_data.or(parent.user_data),
            labels,
            wait: self.wait.or(parent.wait),
        }
    }
}
