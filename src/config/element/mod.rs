//! The keys of config.toml, one file each.

mod accel;
mod color;
mod cpus;
mod disk_size;
mod firmware;
mod image_mirrors;
mod libvirt_uri;
mod memory;
mod network;
mod ssh_keys;
mod storage_path;
mod storage_pool;
mod template_name;
#[cfg(test)]
mod testing;
mod user;
mod wait_stop_timeout;
mod wait_timeout;

pub(super) use accel::Accel;
pub use color::Color;
pub(super) use color::UiColor;
pub(super) use cpus::Cpus;
pub(super) use disk_size::Disk;
pub(super) use firmware::Boot;
pub(super) use image_mirrors::ImageMirrors;
pub(super) use libvirt_uri::Uri;
pub(super) use memory::Memory;
pub(super) use network::Network;
pub(super) use ssh_keys::SshKeys;
pub(super) use storage_path::StoragePath;
pub(super) use storage_pool::StoragePool;
pub(super) use template_name::TemplateName;
pub use template_name::check_template_name;
pub(super) use user::User;
pub(super) use wait_stop_timeout::StopTimeout;
pub(super) use wait_timeout::WaitTimeout;

use super::raw::{Raw, Refusal};
use super::settings::Config;
use super::value::Value;

/// One key of config.toml.
pub(super) trait Element {
    /// Its name with its section, such as "defaults.memory".
    const KEY: &'static str;
    /// How `config --set` writes it.
    const FORM: Form;
    /// What the program has of it.
    type Type;

    /// What holds if the file doesn't say.
    fn default() -> Self::Type;
    /// The checked value.
    fn read(raw: Raw<'_>) -> Result<Self::Type, Refusal>;
    /// The value, to be shown and to be set again.
    fn show(value: &Self::Type) -> Value;
    /// Its field.
    fn field(config: &mut Config) -> &mut Self::Type;
}

/// How a key's value is written in TOML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// In quotes.
    Text,
    /// As a number if it looks like one, else in quotes.
    Number,
    /// In brackets.
    List,
}

/// An [`Element`] without its type.
pub(super) struct Key {
    pub name: &'static str,
    pub form: Form,
    pub read: fn(&mut Config, Raw<'_>) -> Result<(), Refusal>,
    pub show: fn(&mut Config) -> Value,
}

/// All keys, in the order in which they are shown.
pub(super) const KEYS: &[Key] = &[
    key::<Uri>(),
    key::<TemplateName>(),
    key::<Memory>(),
    key::<Cpus>(),
    key::<Disk>(),
    key::<Boot>(),
    key::<Accel>(),
    key::<Network>(),
    key::<User>(),
    key::<SshKeys>(),
    key::<StoragePool>(),
    key::<StoragePath>(),
    key::<ImageMirrors>(),
    key::<WaitTimeout>(),
    key::<StopTimeout>(),
    key::<UiColor>(),
];

const fn key<E: Element>() -> Key {
    Key { name: E::KEY, form: E::FORM, read: read_into::<E>, show: show_from::<E> }
}

fn read_into<E: Element>(config: &mut Config, raw: Raw<'_>) -> Result<(), Refusal> {
    *E::field(config) = E::read(raw)?;
    Ok(())
}

fn show_from<E: Element>(config: &mut Config) -> Value {
    E::show(E::field(config))
}
