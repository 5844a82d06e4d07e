use std::time::Duration;

use crate::manager::{Screen, WaitObservation};
use crate::model::{Condition, ConnectionUri, ShutoffReason, VmState};

/// Why a wait for a VM ended without what it waited for.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The deadline passed.
    #[error("timed out after {} waiting for {}", humantime::format_duration(*.timeout), awaited(.vm, .condition))]
    TimedOut {
        /// The VM.
        vm: String,
        /// What was waited for.
        condition: Condition,
        /// How long.
        timeout: Duration,
        /// What was seen last.
        seen: WaitObservation,
        /// The end of the serial log.
        serial_log: Option<String>,
    },
    /// The VM stopped meanwhile.
    #[error("the VM {vm} stopped during the wait for {condition}: {}", .reason.map_or(.state.in_words(), ShutoffReason::in_words))]
    Stopped {
        /// The VM.
        vm: String,
        /// What was waited for.
        condition: Condition,
        /// Why, if libvirt knows.
        reason: Option<ShutoffReason>,
        /// The state that it is in.
        state: VmState,
        /// The end of the serial log.
        serial_log: Option<String>,
    },
    /// cloud-init reports errors.
    #[error("cloud-init failed in {vm}: {}", .errors.join("; "))]
    CloudInit {
        /// The VM.
        vm: String,
        /// Its error lines.
        errors: Vec<String>,
    },
    /// The guest has no cloud-init to wait for.
    #[error("{vm} has no cloud-init, or it is disabled")]
    NoCloudInit {
        /// The VM.
        vm: String,
    },
}

/// Why a guest can't be reached over the network.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The VM has no interface that could be reached.
    #[error("the VM {name} has no network that can be reached from here")]
    NoNetwork {
        /// The VM.
        name: String,
    },
    /// User-mode networking, which alone connects the VM, forwards no port to that one of the guest.
    #[error(
        "port {port} of the VM {name} is not published, and user-mode networking reaches only published ports"
    )]
    NotPublished {
        /// The VM.
        name: String,
        /// The port in the guest.
        port: u16,
    },
    /// No source knows an address of the VM.
    #[error("no address of the VM {name} is known yet")]
    NoAddress {
        /// The VM.
        name: String,
    },
}

/// Why a command was not run in a guest by its agent.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The program can't be started in the guest.
    #[error("{program:?} cannot be started in {vm}: {reason}")]
    NotStarted {
        /// The VM.
        vm: String,
        /// The program.
        program: String,
        /// The agent's words.
        reason: String,
        /// Whether there is no such program.
        missing: bool,
        /// Whether the command reads like one for a shell.
        is_for_shell: bool,
    },
    /// What the command has printed is lost.
    #[error(
        "the output of the command in {vm} exceeds libvirt's limit; the command ended, but its status is lost"
    )]
    OutputLost {
        /// The VM.
        vm: String,
    },
    /// What is to be given to the command is too much for the agent.
    #[error("the input of the command is longer than {} KiB", .limit >> 10)]
    InputTooLong {
        /// What it may be, in bytes.
        limit: usize,
    },
}

/// Why a guest's file systems were not frozen while its disks were copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FreezeFault {
    /// No agent answers.
    NoAgent,
    /// The agent did not freeze them.
    Failed {
        /// Why, in the words of the error.
        reason: String,
    },
    /// They were thawed before the copy had begun.
    TooShort {
        /// The longest that they are frozen.
        at_most: Duration,
    },
}

/// Why a VM's serial console or its log can't be had.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// Somebody else is attached to it.
    #[error("another console of the VM {name} is open")]
    InUse {
        /// The VM.
        name: String,
    },
    /// It can't be opened.
    #[error("the console of {name} cannot be opened: {message}")]
    Refused {
        /// The VM.
        name: String,
        /// libvirt's words.
        message: String,
    },
    /// What the VM prints on its serial console goes to no file.
    #[error("the serial console of the VM {name} is not logged")]
    NoLog {
        /// The VM.
        name: String,
    },
    /// The serial log can't be read, neither as a file nor through libvirt.
    #[error("cannot read the serial log {path}")]
    LogUnreadable {
        /// The log's file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Why a VM's screen can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// The VM has no VNC server.
    #[error("the VM {name} has no VNC server")]
    NoScreen {
        /// The VM.
        name: String,
    },
    /// It can be reached on the daemon's host only.
    #[error("the screen of the VM {} is on another host, that of {uri}", .screen.vm)]
    NotHere {
        /// Where it is there.
        screen: Screen,
        /// The connection.
        uri: ConnectionUri,
    },
    /// There is no graphical session that a window could open in.
    #[error("there is no display for a VNC viewer: neither DISPLAY nor WAYLAND_DISPLAY is set")]
    NoDisplay {
        /// The VM.
        name: String,
    },
    /// No program that could show it is installed.
    #[error("no VNC viewer is installed: neither virt-viewer, remote-viewer nor vncviewer")]
    NoViewer {
        /// The VM.
        name: String,
    },
    /// The VNC server can't be connected to.
    #[error("cannot connect to the screen of the VM {name} at {endpoint}")]
    Unreachable {
        /// The VM.
        name: String,
        /// Its socket, or its host and port.
        endpoint: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A port of the host can't be listened on.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    CannotListen {
        /// The port.
        port: u16,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

fn awaited(vm: &str, condition: &Condition) -> String {
    match condition {
        Condition::Ip => format!("an address of {vm}"),
        Condition::Ssh => format!("ssh on {vm}"),
        Condition::Agent => format!("the guest agent of {vm}"),
        Condition::CloudInit => format!("cloud-init on {vm}"),
        Condition::Stopped => format!("{vm} to shut down"),
        Condition::Port(port) => format!("port {port} of {vm}"),
    }
}
