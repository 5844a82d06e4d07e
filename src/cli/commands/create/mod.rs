mod choose;
mod spec;
mod warm;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use spec::spec;
pub use warm::make_state_for;

use super::batch::Batch;
use super::new_vms::NewVms;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::{self, XmlDocument};
use crate::cli::session::Session;
use crate::config::{self, Config, Template};
use crate::manager::{Error, PasswordHash, VmError, VmSpec, VmStatus};
use crate::model::{
    Acceleration, DiskSize, Firmware, InterfaceSpec, Label, MemorySize, MountSpec, PortPublish, VmName,
    parse_duration,
};
use crate::problem::{Doing, Problem, vmtools};

/// Create a VM.
///
/// Options that are not given default to the template's values, then to the configuration's.
#[derive(Debug, Args)]
#[command(
    after_help = "--max-memory and --max-cpus limit how much `vmtools set` can add to the VM while it runs. The VM \
                  starts with all of --max-memory; the guest's balloon driver returns the excess when it loads, and a \
                  guest without that driver keeps it. Emulated guests (no KVM) with several vCPUs, or with a higher \
                  --max-cpus, have been seen to make QEMU 10.0 abort.\
                  \n\nExamples:\
                  \n  vmtools create web --template ubuntu --start --wait\
                  \n  vmtools create ci --image ./disk.qcow2 -m 1G -l job=17 --ttl 2h --count 3 --start\
                  \n  vmtools create db --template debian -m 2G --max-memory 8G -c 2 --max-cpus 4\
                  \n  vmtools create job --template ci --warm --start --wait\
                  \n  vmtools create dev --template ubuntu --mount ~/src:/src --mount ./data:/data:ro --start"
)]
pub struct CreateArgs {
    /// Name of the new VM
    pub name: VmName,
    /// Template to use; `vmtools template list` lists them, and on a terminal `create` offers them
    #[arg(short, long, add = complete::templates())]
    pub template: Option<String>,
    /// Image: a catalogue name, a qcow2 or raw file, or an http(s) URL
    #[arg(long, value_name = "REF", add = complete::any_image())]
    pub image: Option<String>,
    /// Allow an https download without a checksum to verify it
    #[arg(long)]
    pub insecure_no_checksum: bool,
    /// ISO to install from; it boots as long as the disk does not
    #[arg(short, long, value_name = "FILE")]
    pub iso: Option<PathBuf>,
    /// ISO of the virtio drivers for Windows; the disk and network become virtio
    #[arg(long, value_name = "FILE")]
    pub virtio_win: Option<PathBuf>,
    /// Memory size in MiB, or with K, M, G, T
    #[arg(short, long, value_name = "SIZE")]
    pub memory: Option<MemorySize>,
    /// Number of vCPUs
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub cpus: Option<u32>,
    /// Maximum memory that `set` can give the running VM [default: same as --memory]
    #[arg(long, value_name = "SIZE")]
    pub max_memory: Option<MemorySize>,
    /// Maximum vCPUs that `set` can give the running VM [default: same as --cpus]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub max_cpus: Option<u32>,
    /// Disk size in GiB, or with K, M, G, T
    #[arg(short, long, value_name = "SIZE")]
    pub disk_size: Option<DiskSize>,
    /// Network: NAME[,portgroup=GROUP], bridge=NAME, user or none; then ,mac=MAC ,model=MODEL (repeatable)
    #[arg(short, long, value_name = "SPEC", add = complete::networks())]
    pub network: Vec<InterfaceSpec>,
    /// Forward a port of 127.0.0.1: HOST:GUEST[/udp]; user-mode network only (repeatable)
    #[arg(short, long, value_name = "HOST:GUEST")]
    pub publish: Vec<PortPublish>,
    /// Mount a host directory in the guest: HOST:GUEST or HOST:GUEST:ro (repeatable)
    #[arg(long, value_name = "HOST:GUEST")]
    pub mount: Vec<MountSpec>,
    /// ssh public key to authorize (repeatable) [default: all of ~/.ssh/*.pub]
    #[arg(long, value_name = "FILE")]
    pub ssh_key: Vec<PathBuf>,
    /// User to create and log in as [default: the image's]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// cloud-init user-data; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    /// Ignition configuration (JSON), for images that use it instead of cloud-init
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user_data", "iso"])]
    pub ignition: Option<PathBuf>,
    /// Prompt for the user's console password; ssh accepts only keys
    #[arg(long, conflicts_with = "iso")]
    pub password: bool,
    /// Read the user's password from the first line of a file; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["password", "iso"])]
    pub password_file: Option<PathBuf>,
    /// Host name of the guest [default: the VM's name]
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,
    /// Firmware: bios, efi or efi-secure
    #[arg(long)]
    pub firmware: Option<Firmware>,
    /// Accelerator: auto, kvm or tcg (emulation)
    #[arg(long)]
    pub accel: Option<Acceleration>,
    /// Label to set (repeatable)
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub label: Vec<Label>,
    /// Time to live, after which `gc` deletes the VM
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub ttl: Option<Duration>,
    /// Start from a saved running state of such a VM instead of booting; the first time, one is saved in the background
    #[arg(long, overrides_with = "no_warm", requires = "start")]
    pub warm: bool,
    /// Boot, even if the template has `warm = true`
    #[arg(long, overrides_with = "warm")]
    pub no_warm: bool,
    /// Create no VM: save the state from which VMs like this are started.
    #[arg(long, hide = true, conflicts_with_all = ["dry_run", "print_xml"])]
    pub only_state: bool,
    /// How many, and what is done with them then.
    #[command(flatten)]
    pub new: NewVms,
    /// Do nothing if the VM already exists
    #[arg(long, conflicts_with = "replace")]
    pub if_not_exists: bool,
    /// Replace an existing VM of that name
    #[arg(long)]
    pub replace: bool,
    /// Show what would be created without creating it
    #[arg(long)]
    pub dry_run: bool,
    /// Print the libvirt XML without creating the VM
    #[arg(long)]
    pub print_xml: bool,
}

/// # Errors
/// When a VM can't be made; what was begun is rolled back.
pub async fn run(args: CreateArgs, context: &Context) -> Result<ExitCode, Problem> {
    if args.only_state {
        return make_state_for(&args, context).await;
    }
    let config = context.config()?;
    let template = load_template(&args, &config, context)?;
    let wait = args.new.wait_for(context)?;
    let password = password(&args, context)?;
    if args.new.count.is_some_and(|count| count > 1)
        && args.network.iter().any(|interface| interface.mac.is_some())
    {
        return Err(Problem::usage("several VMs cannot have the same MAC address", "leave out mac="));
    }
    // Read once for all: a pipe gives its content only once. Before libvirt is asked, so that Ctrl-C ends it.
    let spec = spec(&args, template.as_ref(), &config, password.as_ref(), wait, context)?;
    let names = args.new.names(&args.name)?;
    let specs: Vec<VmSpec> = names.into_iter().map(|name| VmSpec { name, ..spec.clone() }).collect();
    let session = context.session().await?;
    if args.dry_run || args.print_xml {
        return plan(&args, &specs, &session, context).await;
    }
    let mut batch = Batch::of(Doing::Create);
    if spec.warm && spec.start && specs.len() > 1 {
        warm::create_all(&args, &specs, &session, context, &mut batch).await;
        return batch.finish(context, false, describe);
    }
    let mut background = warm::Background::new(&args);
    for spec in &specs {
        let made = make(&args, spec, &session, context).await;
        if let Ok(vm) = &made {
            background.start_if_wanted(vm, context);
        }
        if !batch.take(spec.name.as_str(), made) {
            break;
        }
    }
    batch.finish(context, args.new.count.is_none(), describe)
}

async fn make(
    args: &CreateArgs,
    spec: &VmSpec,
    session: &Session,
    context: &Context,
) -> Result<VmStatus, Error> {
    match session.create(spec).await {
        Err(Error::Vm(VmError::Exists { name })) if args.if_not_exists => {
            context.ui.note(&format!("the VM {name} already exists"));
            if spec.start {
                session.power().start(&name, spec.wait.as_ref()).await
            } else {
                session.vms().status(&name).await
            }
        }
        other => other,
    }
}

async fn plan(
    args: &CreateArgs,
    specs: &[VmSpec],
    session: &Session,
    context: &Context,
) -> Result<ExitCode, Problem> {
    let mut plans = Vec::new();
    for spec in specs {
        plans.push(
            session
                .plan(spec)
                .await
                .map_err(|error| Problem::during(Doing::Create, error).about(spec.name.as_str()))?,
        );
    }
    let single = args.new.count.is_none();
    if args.print_xml {
        let documents: Vec<_> = plans.into_iter().map(|plan| XmlDocument::new(plan.name, plan.xml)).collect();
        context.ui.show_all(&documents, single, |all| all.iter().map(render::xml_document).collect());
    } else {
        context.ui.show_all(&plans, single, |all| all.iter().map(render::plan).collect());
    }
    Ok(ExitCode::SUCCESS)
}

/// What the new VM is, and how to use it next.
pub(super) fn describe(vm: &VmStatus) -> String {
    let next = if !vm.state.is_active() {
        format!("; start it with {}", vmtools("start").arg(&vm.name))
    } else if vm.ssh.is_some() && !vm.interfaces.is_empty() {
        format!("; log in with {}", vmtools("ssh").arg(&vm.name))
    } else {
        String::new()
    };
    format!("{} is {}{next}\n", vm.name, vm.state)
}

fn load_template(args: &CreateArgs, config: &Config, context: &Context) -> Result<Option<Template>, Problem> {
    let name = match &args.template {
        Some(name) => name.clone(),
        None if args.image.is_some() || args.iso.is_some() => return Ok(None),
        None => match &config.defaults.template {
            Some(name) => name.clone(),
            None if context.ui.can_ask() => choose::template(&args.name, context)?,
            None => return Ok(None),
        },
    };
    let loaded = config::load_template(&context.paths, &name)?;
    for warning in &loaded.warnings {
        context.ui.warn(&warning.to_string());
    }
    Ok(Some(loaded.value))
}

/// The user's password: never an argument, which others could see.
fn password(args: &CreateArgs, context: &Context) -> Result<Option<PasswordHash>, Problem> {
    if args.only_state {
        // It is no part of a state.
        return Ok(None);
    }
    let plain = if let Some(file) = &args.password_file {
        let text = String::from_utf8_lossy(&context.ui.read("password", file)?).into_owned();
        text.lines().next().unwrap_or_default().to_owned()
    } else if args.password {
        context.ui.ask_new_password()?
    } else {
        return Ok(None);
    };
    Ok(Some(PasswordHash::of(&plain)?))
}
