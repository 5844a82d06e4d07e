use clap::{Args, Parser, Subcommand, ValueEnum};

use super::commands::{
    clone, completions, config, console, cp, create, delete, disk, doctor, events, exec, fork, gc, help,
    image, ip, list, logs, man, monitor, network, networks, pause, protect, rename, restart, resume, set,
    snapshot, ssh, ssh_config, start, status, stop, template, unprotect, vnc, wait,
};
use super::guide;
use crate::config::Color;
use crate::model::UriChoice;

const EXAMPLE: &str = "Examples:\n  vmtools create web --template ubuntu --start --wait\n  vmtools ssh web";

/// Create and manage virtual machines on libvirt and QEMU/KVM.
#[derive(Debug, Parser)]
#[command(name = "vmtools", version, max_term_width = 100)]
// The verb `help` is ours: clap's knows no topics.
#[command(disable_help_subcommand = true)]
#[command(after_help = EXAMPLE, after_long_help = format!("{}\n{EXAMPLE}", guide::listing()))]
pub struct Cli {
    /// What holds for every verb.
    #[command(flatten)]
    pub global: Global,
    /// The verb; without one an overview is shown.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that every verb takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// libvirt connection: auto, qemu:///system, qemu:///session or qemu+ssh://HOST/system
    #[arg(long, global = true, value_name = "URI", env = "VMTOOLS_CONNECT")]
    pub connect: Option<UriChoice>,
    /// Print the result as one JSON document
    #[arg(long, global = true)]
    pub json: bool,
    /// Suppress progress and notes
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Log each external command and how long it took; -vv logs the output too
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
    /// Answer yes to all questions
    #[arg(short, long, global = true)]
    pub yes: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The verbs. The flags of each are only made when they are needed: all together are a fifth of what a start takes.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// List running VMs, or all VMs
    List(list::ListArgs),
    /// Create a VM
    Create(Box<create::CreateArgs>),
    /// Clone a VM
    Clone(clone::CloneArgs),
    /// Fork a running VM: copy its memory and disks into a new running VM
    Fork(fork::ForkArgs),
    /// Start VMs
    Start(start::StartArgs),
    /// Shut down VMs, or power them off
    Stop(stop::StopArgs),
    /// Restart VMs: shut them down, then start them
    Restart(restart::RestartArgs),
    /// Pause running VMs
    Pause(pause::PauseArgs),
    /// Resume paused VMs
    Resume(resume::ResumeArgs),
    /// Rename a shut-off VM
    Rename(rename::RenameArgs),
    /// Change a VM's memory, vCPUs, disk size, labels, time to live or autostart
    Set(set::SetArgs),
    /// Protect VMs from deletion
    Protect(protect::ProtectArgs),
    /// Remove the deletion protection of VMs
    Unprotect(unprotect::UnprotectArgs),
    /// Show detailed information about a VM
    Status(status::StatusArgs),
    /// Delete VMs and the disks created for them
    Delete(delete::DeleteArgs),
    /// Wait until a VM meets a condition
    Wait(wait::WaitArgs),
    /// Print a VM's IP addresses
    Ip(ip::IpArgs),
    /// Log in to a VM over ssh, or run a command in it
    Ssh(ssh::SshArgs),
    /// Run a command in a VM through the guest agent, without a network
    Exec(exec::ExecArgs),
    /// Copy files and directories to or from a VM
    Cp(cp::CpArgs),
    /// Attach to a VM's serial console
    Console(console::ConsoleArgs),
    /// Show the VNC address of a VM, open its screen, or forward a port to it
    Vnc(vnc::VncArgs),
    /// Print ssh_config entries for VMs
    SshConfig(ssh_config::SshConfigArgs),
    /// Print a VM's serial console log
    Logs(logs::LogsArgs),
    /// Monitor the CPU, memory, disk and network usage of VMs
    Monitor(monitor::MonitorArgs),
    /// Stream VM events
    Events(events::EventsArgs),
    /// Manage a VM's disks and CD-ROM drives
    Disk(disk::DiskArgs),
    /// Manage snapshots of VMs
    Snapshot(snapshot::SnapshotArgs),
    /// Manage images
    Image(image::ImageArgs),
    /// Manage templates
    Template(template::TemplateArgs),
    /// Manage networks
    Network(network::NetworkArgs),
    /// List networks
    Networks(networks::NetworksArgs),
    /// Show or change the configuration
    Config(config::ConfigArgs),
    /// Check that this host can run VMs, and show how to fix what is missing
    Doctor(doctor::DoctorArgs),
    /// Remove expired VMs and snapshots, and the leftovers of killed commands
    Gc(gc::GcArgs),
    /// Generate shell completions
    Completions(completions::CompletionsArgs),
    /// Generate man pages
    Man(man::ManArgs),
    /// Show help for a command, or a guide to a topic
    Help(help::HelpArgs),
}

impl ColorChoice {
    /// The configuration's word for it.
    pub fn from_config(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }

    /// As the user said. Without a word, on a terminal; NO_COLOR and CLICOLOR_FORCE count.
    pub fn apply(self) {
        use std::io::IsTerminal;
        match self {
            Self::Always => colored::control::set_override(true),
            Self::Never => colored::control::set_override(false),
            Self::Auto => {
                let set = |name: &str| {
                    std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0")
                };
                let on = !set("NO_COLOR") && (set("CLICOLOR_FORCE") || std::io::stderr().is_terminal());
                colored::control::set_override(on);
            }
        }
    }

    /// The configuration's choice, which gives way to the environment's and the flag's.
    pub fn apply_unless_set(self) {
        let flag = std::env::args_os().any(|word| word.to_string_lossy().starts_with("--color"));
        if !flag && std::env::var_os("NO_COLOR").is_none() && std::env::var_os("CLICOLOR_FORCE").is_none() {
            self.apply();
        }
    }
}
