use clap::{Args, Parser, Subcommand, ValueEnum};

use super::commands::{
    clone, completions, config, console, cp, create, delete, disk, doctor, events, exec, gc, image, ip, list,
    logs, man, monitor, network, networks, pause, protect, rename, restart, resume, set, ssh, ssh_config,
    start, status, stop, template, unprotect, vnc, wait,
};
use crate::config::Color;
use crate::model::UriChoice;

/// From nothing to a virtual machine that answers ssh, on libvirt and QEMU/KVM.
#[derive(Debug, Parser)]
#[command(name = "vmtools", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Example:\n  vmtools create web --template ubuntu --start --wait\n  vmtools ssh web")]
pub struct Cli {
    /// What holds for every verb.
    #[command(flatten)]
    pub global: Global,
    /// The verb.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every verb takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The libvirt connection: auto, qemu:///system, qemu:///session, qemu+ssh://HOST/system
    #[arg(long, global = true, value_name = "URI", env = "VMTOOLS_CONNECT")]
    pub connect: Option<UriChoice>,
    /// Print the result as one JSON document
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress and no notes
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Show each call to virsh and ssh with its time; twice: their output too
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
    /// Answer every question with yes
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
    /// List VMs: the running ones, or all
    List(list::ListArgs),
    /// Make a VM
    Create(Box<create::CreateArgs>),
    /// Make a VM of another
    Clone(clone::CloneArgs),
    /// Start VMs
    Start(start::StartArgs),
    /// Stop VMs: ask the guest and wait until it is off
    Stop(stop::StopArgs),
    /// Restart VMs: stop them, and start them anew
    Restart(restart::RestartArgs),
    /// Hold VMs where they are, with their memory
    Pause(pause::PauseArgs),
    /// Let VMs that are paused go on
    Resume(resume::ResumeArgs),
    /// Give a VM that is off another name
    Rename(rename::RenameArgs),
    /// Change a VM: memory, processors, disk, labels, time to live, autostart
    Set(set::SetArgs),
    /// Keep VMs from being deleted
    Protect(protect::ProtectArgs),
    /// Let VMs be deleted again
    Unprotect(unprotect::UnprotectArgs),
    /// Show all there is to know of a VM
    Status(status::StatusArgs),
    /// Delete VMs and the disks that were made for them
    Delete(delete::DeleteArgs),
    /// Wait until a VM is as far as you need it
    Wait(wait::WaitArgs),
    /// Print a VM's addresses
    Ip(ip::IpArgs),
    /// Log in to a VM, or run a command there
    Ssh(ssh::SshArgs),
    /// Run a command in a VM by its guest agent, without any network
    Exec(exec::ExecArgs),
    /// Copy files and folders into a VM, or out of it
    Cp(cp::CpArgs),
    /// Be at a VM's serial console
    Console(console::ConsoleArgs),
    /// Print where a VM's screen is, or forward a local port to it
    Vnc(vnc::VncArgs),
    /// Print what plain ssh needs to know of VMs, for ~/.ssh/config
    SshConfig(ssh_config::SshConfigArgs),
    /// Print what a VM's guest prints on its serial console
    Logs(logs::LogsArgs),
    /// Watch what VMs do: processors, memory, disks, network
    Monitor(monitor::MonitorArgs),
    /// Print what happens to VMs, as it happens
    Events(events::EventsArgs),
    /// Disks and CD-ROM drives of a VM
    Disk(disk::DiskArgs),
    /// Images that VMs are made from
    Image(image::ImageArgs),
    /// Templates that VMs are made by
    Template(template::TemplateArgs),
    /// Networks that VMs are plugged into
    Network(network::NetworkArgs),
    /// List networks
    Networks(networks::NetworksArgs),
    /// Show or change the configuration
    Config(config::ConfigArgs),
    /// Check what create needs, and say how to fix what is missing
    Doctor(doctor::DoctorArgs),
    /// Remove what killed creates left, and VMs whose time to live is over
    Gc(gc::GcArgs),
    /// Print a shell's completion script
    Completions(completions::CompletionsArgs),
    /// Write the manual pages into a folder
    Man(man::ManArgs),
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
