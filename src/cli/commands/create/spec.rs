//! What is to be created: of flag, template and configuration the first one that says something.

use std::path::{Path, PathBuf};

use super::CreateArgs;
use crate::cli::context::Context;
use crate::cli::input::gives_once;
use crate::config::{Config, Template};
use crate::manager::{KeySource, PasswordHash, UserDocument, VmSpec, WaitFor};
use crate::model::{InterfaceSpec, Label, MemorySize, MountSpec};
use crate::problem::Problem;

/// Flag before template before configuration.
pub(super) fn spec(
    args: &CreateArgs,
    template: Option<&Template>,
    config: &Config,
    password: Option<&PasswordHash>,
    wait: Option<WaitFor>,
    context: &Context,
) -> Result<VmSpec, Problem> {
    let defaults = &config.defaults;
    let (memory, max_memory) = memory(args, template, config)?;
    let (cpus, max_cpus) = cpus(args, template, config)?;
    let image = args.image.clone().or_else(|| template?.image.clone().filter(|_| args.iso.is_none()));
    let iso = args.iso.clone().or_else(|| template?.iso.clone().filter(|_| args.image.is_none()));
    let virtio_win = args.virtio_win.clone().or_else(|| template?.virtio_win.clone());
    let hardware = template.map(Template::hardware).unwrap_or_default();
    Ok(VmSpec {
        name: args.name.clone(),
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
        ssh_keys: ssh_keys(args, config, context)?,
        user: args.user.clone().or_else(|| template?.user.clone()),
        user_data: user_data(args, template, context)?,
        ignition: args
            .ignition
            .as_ref()
            .map(|file| read("Ignition configuration", file, context))
            .transpose()?,
        password: password.cloned(),
        hostname: args.hostname.clone(),
        labels: labels(&args.label, template),
        ttl: args.ttl,
        start: args.new.start,
        warm: !args.no_warm && (args.warm || template.and_then(|t| t.warm).unwrap_or(false)),
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

fn networks(args: &CreateArgs, template: Option<&Template>) -> Vec<InterfaceSpec> {
    if !args.network.is_empty() {
        return args.network.clone();
    }
    let networks = template.and_then(|t| t.networks.clone()).unwrap_or_default();
    networks.into_iter().map(InterfaceSpec::from).collect()
}

/// The keys of those who may log in. What gives its content only once is read here.
fn ssh_keys(args: &CreateArgs, config: &Config, context: &Context) -> Result<Vec<KeySource>, Problem> {
    if args.only_state {
        return Ok(vec![KeySource::OwnAlone]);
    }
    let keys = if args.ssh_key.is_empty() { &config.defaults.ssh_keys } else { &args.ssh_key };
    let keys = keys.iter().map(|file| match gives_once(file) {
        true => read("ssh key", file, context).map(KeySource::Read),
        false => Ok(KeySource::File(file.clone())),
    });
    keys.collect()
}

fn read(what: &'static str, file: &Path, context: &Context) -> Result<UserDocument, Problem> {
    Ok(UserDocument { file: file.to_owned(), bytes: context.ui.read(what, file)? })
}

/// An Ignition configuration takes the place of a template's user-data.
fn user_data(
    args: &CreateArgs,
    template: Option<&Template>,
    context: &Context,
) -> Result<Option<UserDocument>, Problem> {
    let of_template = template.and_then(|template| template.user_data.as_ref());
    let file = args.user_data.as_ref().or(of_template).filter(|_| args.ignition.is_none());
    file.map(|file| read("user-data", file, context)).transpose()
}

/// A wait for nothing in particular is for what the template says.
fn wait_as(wait: WaitFor, template: Option<&Template>) -> WaitFor {
    match (wait.conditions.is_empty(), template.and_then(|t| t.wait)) {
        (true, Some(condition)) => WaitFor { conditions: vec![condition], ..wait },
        _ => wait,
    }
}

/// The most of something that it can be given; `None` where that is no more than what it has.
fn maximum<T: PartialOrd + std::fmt::Display>(
    what: &str,
    most: Option<T>,
    given: T,
) -> Result<Option<T>, Problem> {
    match most {
        Some(most) if most < given => Err(Problem::usage(
            format!("the maximum {what}, {most}, is less than the initial {what}, {given}"),
            format!("increase --max-{what}, or decrease --{what}"),
        )),
        most => Ok(most.filter(|most| *most > given)),
    }
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// The template's, then those given; of one key the one given counts.
fn labels(given: &[Label], template: Option<&Template>) -> Vec<Label> {
    let labels = template.into_iter().flat_map(|template| &template.labels);
    let labels = labels.filter(|(key, _)| given.iter().all(|label| label.key != **key));
    let labels = labels.map(|(key, value)| Label { key: key.clone(), value: value.clone() });
    labels.chain(given.iter().cloned()).collect()
}
