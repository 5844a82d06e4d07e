//! The keys of a template: how each is read, shown and inherited.

use super::element::{Accel, Boot, Cpus, Disk, Element, Memory, TemplateName, User};
use super::raw::{Raw, Refusal};
use super::template::Template;
use super::template_value as read;
use super::value::{Value, exact_size};
use crate::model::DiskSize;

/// A key.
pub(super) struct TemplateKey {
    pub name: &'static str,
    pub read: fn(&mut Template, Raw<'_>) -> Result<(), Refusal>,
    pub show: fn(&Template) -> Value,
    /// Takes the parent's value where the template has none.
    pub inherit: fn(&mut Template, &Template),
}

/// A key that is a field, inherited as a whole; without a reader one is to be added.
macro_rules! key {
    ($field:ident, $read:expr, $show:expr) => {
        TemplateKey {
            read: |template, raw| {
                template.$field = Some($read(raw)?);
                Ok(())
            },
            ..key!($field, $show)
        }
    };
    ($field:ident, $show:expr) => {
        TemplateKey {
            name: stringify!($field),
            read: |_, _| Ok(()),
            show: |template| template.$field.as_ref().map_or(Value::Unset, $show),
            inherit: |template, parent| {
                if template.$field.is_none() {
                    template.$field.clone_from(&parent.$field);
                }
            },
        }
    };
}

/// All keys, in the order of the documentation.
pub(super) const KEYS: &[TemplateKey] = &[
    key!(description, read::text, Value::text),
    TemplateKey {
        read: |template, raw| {
            template.extends = TemplateName::read(raw)?;
            Ok(())
        },
        // Each template's own.
        inherit: |_, _| {},
        ..key!(extends, Value::text)
    },
    key!(image, read::image, Value::text),
    key!(iso, Raw::path, |path| Value::text(path.display())),
    key!(virtio_win, Raw::path, |path| Value::text(path.display())),
    key!(os_variant, Raw::parsed, Value::text),
    key!(memory, Memory::read, Memory::show),
    key!(max_memory, Memory::read, Memory::show),
    key!(cpus, Cpus::read, Cpus::show),
    key!(max_cpus, Cpus::read, Cpus::show),
    key!(disk_size, Disk::read, Disk::show),
    key!(disks, read::disks, |sizes: &Vec<DiskSize>| texts(
        sizes.iter().map(|size| exact_size(size.bytes()))
    )),
    key!(firmware, Boot::read, Boot::show),
    key!(accel, Accel::read, Accel::show),
    key!(machine, Raw::parsed, Value::text),
    key!(cpu_model, Raw::parsed, Value::text),
    key!(disk_bus, Raw::parsed, Value::text),
    key!(nic_model, Raw::parsed, Value::text),
    key!(video, Raw::parsed, Value::text),
    key!(clock, Raw::parsed, Value::text),
    key!(hyperv, Raw::flag, |on| Value::Flag(*on)),
    key!(tpm, Raw::flag, |on| Value::Flag(*on)),
    key!(networks, read::networks, texts),
    TemplateKey {
        read: |template, raw| {
            template.user = User::read(raw)?;
            Ok(())
        },
        ..key!(user, Value::text)
    },
    key!(cloud_init, Raw::flag, |on| Value::Flag(*on)),
    key!(packages, read::packages, texts),
    key!(write_files, read::write_files, |files| read::show_files(files)),
    key!(runcmd, read::commands, texts),
    key!(user_data, Raw::path, |path| Value::text(path.display())),
    TemplateKey {
        name: "labels",
        read: |template, raw| {
            template.labels = read::labels(raw)?;
            Ok(())
        },
        show: |template| Value::Table(template.labels.clone()),
        inherit: |template, parent| {
            let labels = std::mem::replace(&mut template.labels, parent.labels.clone());
            template.labels.extend(labels);
        },
    },
    key!(wait, Raw::parsed, Value::text),
    key!(warm, Raw::flag, |on| Value::Flag(*on)),
];

/// The key of that name.
pub(super) fn template_key(name: &str) -> Option<&'static TemplateKey> {
    KEYS.iter().find(|key| key.name == name)
}

fn texts(values: impl IntoIterator<Item = impl ToString>) -> Value {
    Value::List(values.into_iter().map(|value| value.to_string()).collect())
}
