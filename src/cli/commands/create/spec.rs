//! What is to be created: of flag, template and configuration the first one that says something.

use std::path::PathBuf;

use super::{CreateArgs, read};
use crate::config::{Config, Template};
use crate::manager::{PasswordHash, VmSpec, WaitFor};
use crate::model::{CardSpec, Label, MemorySize, MountSpec, VmName};
use crate::problem::Problem;

/// Flag before template before configuration.
pub(super) fn spec(
    args: &CreateArgs,
    name: VmName,
    template: Option<&Template>,
    config: &Config,
    password: Option<&PasswordHash>,
    wait: Option<WaitFor>,
) -> Result<VmSpec, Problem> {
    let defaults = &config.defaults;
    let (memory, max_memory) = memory(args, template, config)?;
    let (cpus, max_cpus) = cpus(args, template, config)?;
    let image = args.image.clone().or_else(|| template?.image.clone().filter(|_| args.iso.is_none()));
    let iso = args.iso.clone().or_else(|| template?.iso.clone().filter(|_| args.image.is_none()));
    let virtio_win = args.virtio_win.clone().or_else(|| template?.virtio_win.clone());
    let hardware = template.map(Template::hardware).unwrap_or_default();
    Ok(VmSpec {
        name,
        replace: args.replace,
        template: template.map(|template| template.name.clone()),
        image,
        takes_unvouched: args.insecure_no_checksum,
        iso: iso.map(absolute),
        hardware: if virtio_win.is_some() { hardware.with_virtio() } else { hardware },
        virtio_win: virtio_win.map(absolute),
        os_variant: template.and_then(|t| t.os_variant.clone()),
        extra_disks: template.and_then(|t| t.disks.clone()).unwrap_or_default(),
        cloud_init: template.and_then(|t| t.cloud_init).unwrap_or(true),
        setup: template.map(Template::setup).unwrap_or_default(),
        memory,
        max_memory,
        cpus,
        max_cpus,
        disk_size: args.disk_size.or(template.and_then(|t| t.disk_size)).unwrap_or(defaults.disk_size),
        firmware: args.firmware.or(template.and_then(|t| t.firmware)),
        accel: args.accel.or(template.and_then(|t| t.accel)).unwrap_or(defaults.accel),
        networks: networks(args, template),
        publish: args.publish.clone(),
        mounts: args
            .mount
            .iter()
            .map(|mount| MountSpec { host: absolute(mount.host.clone()), ..mount.clone() })
            .collect(),
        ssh_keys: if args.ssh_key.is_empty() { defaults.ssh_keys.clone() } else { args.ssh_key.clone() },
        user: args.user.clone().or_else(|| template?.user.clone()),
        user_data: user_data(args, template)?,
        ignition: args.ignition.as_ref().map(|file| read("Ignition configuration", file)).transpose()?,
        password: password.cloned(),
        hostname: args.hostname.clone(),
        labels: labels(&args.label, template),
        ttl: args.ttl,
        start: args.start,
        wait: wait.map(|wait| wait_as(wait, template)),
    })
}

/// The memory, and the most that it can be given.
fn memory(
    args: &CreateArgs,
    template: Option<&Template>,
    config: &Config,
) -> Result<(MemorySize, Option<MemorySize>), Problem> {
    let memory = args.memory.or(template.and_then(|t| t.memory)).unwrap_or(config.defaults.memory);
    let most = args.max_memory.or(template.and_then(|t| t.max_memory));
    Ok((memory, maximum("memory", most, memory)?))
}

/// The vCPUs, and the most that it can be given.
fn cpus(
    args: &CreateArgs,
    template: Option<&Template>,
    config: &Config,
) -> Result<(u32, Option<u32>), Problem> {
    let cpus = args.cpus.or(template.and_then(|t| t.cpus)).unwrap_or(config.defaults.cpus);
    let most = args.max_cpus.or(template.and_then(|t| t.max_cpus));
    Ok((cpus, maximum("cpus", most, cpus)?))
}

fn networks(args: &CreateArgs, template: Option<&Template>) -> Vec<CardSpec> {
    if !args.network.is_empty() {
        return args.network.clone();
    }
    let own = template.and_then(|t| t.networks.clone()).unwrap_or_default();
    own.into_iter().map(CardSpec::from).collect()
}

/// An Ignition configuration takes the place of a template's user-data.
fn user_data(args: &CreateArgs, template: Option<&Template>) -> Result<Option<Vec<u8>>, Problem> {
    let own = template.and_then(|template| template.user_data.as_ref());
    let file = args.user_data.as_ref().or(own).filter(|_| args.ignition.is_none());
    file.map(|file| read("user-data", file)).transpose()
}

/// A wait for nothing in particular is for what the template says.
fn wait_as(wait: WaitFor, template: Option<&Template>) -> WaitFor {
    match (wait.conditions.is_empty(), template.and_then(|t| t.wait)) {
        (true, Some(condition)) => WaitFor { conditions: vec![condition], ..wait },
        _ => wait,
    }
}

/// The most of something that it can be given; one that is no more than what it has leaves no room.
fn maximum<T: PartialOrd + std::fmt::Display>(
    what: &str,
    most: Option<T>,
    given: T,
) -> Result<Option<T>, Problem> {
    match most {
        Some(most) if most < given => Err(Problem::usage(
            format!("a maximum of {most} is less than the {what} that the VM is to have, {given}"),
            format!("give a larger --max-{what}, or a smaller --{what}"),
        )),
        most => Ok(most.filter(|most| *most > given)),
    }
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// The template's, then those given; of one key the one given counts.
fn labels(given: &[Label], template: Option<&Template>) -> Vec<Label> {
    let own = template.into_iter().flat_map(|template| &template.labels);
    let own = own.filter(|(key, _)| given.iter().all(|label| label.key != **key));
    let own = own.map(|(key, value)| Label { key: key.clone(), value: value.clone() });
    own.chain(given.iter().cloned()).collect()
}
