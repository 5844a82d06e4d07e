//! Every layer's error in a person's words: a message, its causes, a hint that says what to do next, and
//! the exit code. The one file that knows all of them.

mod disk;
mod network;

use std::error::Error as StdError;
use std::io::ErrorKind;

use super::exit_code::Code;
use crate::manager::{Error as ManagerError, installer};
use crate::model::Invalid;
use crate::{config, guest, image, libvirt, seed};

/// A failure as the user gets it.
#[derive(Debug, Clone)]
pub struct Complaint {
    /// The exit code.
    pub code: Code,
    /// What failed, in one line.
    pub message: String,
    /// Why, the nearest cause first.
    pub cause: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// The VM it is about.
    pub vm: Option<String>,
    /// The end of its serial log.
    pub serial_log: Option<String>,
}

impl Complaint {
    /// A wrong use of the command line.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..Self::plain(Code::Usage, message) }
    }

    /// A name that is neither a template's nor a VM's.
    pub fn neither_template_nor_vm(name: &str) -> Self {
        let hint = "`vmtools template list` and `vmtools list --all` show what there is";
        let message = format!("there is neither a template nor a VM {name:?}");
        Self { hint: Some(hint.into()), ..Self::plain(Code::NotFound, message) }
    }

    /// A complaint that is all message.
    pub fn plain(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), cause: Vec::new(), hint: None, vm: None, serial_log: None }
    }

    /// As it is about this VM.
    #[must_use]
    pub fn about(mut self, vm: &str) -> Self {
        self.vm.get_or_insert_with(|| vm.to_owned());
        self.hint = self.hint.map(|hint| with_word(&hint, vm));
        self
    }

    /// The object of the JSON error.
    pub fn to_json(&self) -> serde_json::Value {
        let mut error = serde_json::json!({
            "code": self.code.name(),
            "exit_code": self.code.number(),
            "message": self.message,
            "cause": self.cause,
            "hint": self.hint,
            "vm": self.vm,
        });
        if let (Some(log), Some(object)) = (&self.serial_log, error.as_object_mut()) {
            object.insert("serial_log".into(), log.clone().into());
        }
        serde_json::json!({ "error": error })
    }
}

impl From<ManagerError> for Complaint {
    fn from(error: ManagerError) -> Self {
        let (code, hint) = judge(&error);
        let mut complaint = Self { hint, cause: causes(&error), ..Self::plain(code, error.to_string()) };
        if let ManagerError::TimedOut { vm, serial_log, .. } | ManagerError::WentOff { vm, serial_log, .. } =
            error
        {
            complaint.vm = Some(vm);
            complaint.serial_log = serial_log;
        }
        complaint
    }
}

impl From<config::Error> for Complaint {
    fn from(error: config::Error) -> Self {
        ManagerError::from(error).into()
    }
}

impl From<Invalid> for Complaint {
    fn from(error: Invalid) -> Self {
        Self::plain(Code::Usage, error.to_string())
    }
}

/// The hint with the VM's name as a shell takes it, which matters for those that others gave.
fn with_word(hint: &str, vm: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-._".contains(c);
    // What is not a word of its own may stand in the hint's other words too.
    if vm.chars().all(plain) || !vm.chars().any(char::is_alphanumeric) {
        return hint.to_owned();
    }
    hint.replace(vm, &format!("'{}'", vm.replace('\'', r"'\''")))
}

/// The chain below an error; a cause that the message already tells is left out.
fn causes(error: &dyn StdError) -> Vec<String> {
    let message = error.to_string();
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !causes.contains(&text) && !message.contains(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

fn judge(error: &ManagerError) -> (Code, Option<String>) {
    use ManagerError as E;
    let hint = |text: &str| Some(text.to_owned());
    match error {
        E::Libvirt(error) => of_libvirt(error),
        E::Config(error) => of_config(error),
        E::Image(error) => of_image(error),
        E::Seed(error) => (of_seed(error), None),
        E::Host(_) => (Code::Failed, hint("vmtools doctor")),
        E::Guest(error) => of_guest(error),
        E::Network(error) => network::judge(error),
        E::Disk(error) => disk::judge(error),
        E::Invalid(_) => (Code::Usage, None),
        E::Exists { name } => (
            Code::Exists,
            Some(format!(
                "take another name, see it with `vmtools status {name}`, or add --if-not-exists or --replace"
            )),
        ),
        E::NameTaken { name } => {
            (Code::Exists, Some(format!("take another name, or see it with `vmtools status {name}`")))
        }
        E::NothingToBoot { .. } => {
            (Code::Usage, hint("name a template (--template ubuntu), an --image or an --iso"))
        }
        E::FolderMissing { .. } => (Code::NotFound, None),
        E::NotHere { .. } => (Code::Usage, None),
        E::TooMuchMemory { .. } => (Code::Incapable, hint("ask for less with --memory")),
        E::DiskTooSmall { needed, .. } => {
            (Code::Usage, Some(format!("--disk-size {} or more", to_flag(*needed))))
        }
        E::NoRoom { .. } => (Code::Failed, hint("make room, or see what can go with `vmtools gc --dry-run`")),
        E::NoKvm { .. } => {
            (Code::Incapable, hint("--accel tcg emulates; `vmtools doctor` says how KVM is mended"))
        }
        E::PathBlocked { blocker, .. } => (Code::Denied, Some(blocker.fix.clone())),
        E::CannotPublish { .. } => (
            Code::Incapable,
            hint(
                "this host reaches the VM at its own address, `vmtools ip NAME`, without any forward. Others do by \
                 `ssh -L 8080:ADDRESS:80 THIS-HOST`, or on a network of --mode routed or bridge; ports of 127.0.0.1 \
                 are forwarded by user-mode networking: --network user, or a session's VM (--connect qemu:///session)",
            ),
        ),
        E::PublishedTwice { .. } => (Code::Usage, None),
        E::PortTaken { .. } => (Code::Exists, hint("publish another port of the host")),
        E::Paused { name } => (
            Code::WrongState,
            Some(format!("`vmtools resume {name}`, or pull the plug: `vmtools stop {name} --force`")),
        ),
        E::TooManyCpus { .. } => (Code::Incapable, hint("ask for fewer with --cpus")),
        E::NotRunning { name } => (Code::WrongState, Some(format!("vmtools start {name} --wait"))),
        E::NoNetwork { .. } => (Code::WrongState, None),
        E::NoAddress { name } => (Code::Timeout, Some(format!("vmtools wait {name} --for ip"))),
        E::TimedOut { vm, condition, .. } => {
            (Code::Timeout, Some(format!("wait on with `vmtools wait {vm} --for {condition} --timeout 10m`")))
        }
        E::WentOff { vm, .. } => (
            Code::WrongState,
            Some(format!(
                "`vmtools start {vm} --wait`; QEMU's own log is {vm}.log in /var/log/libvirt/qemu, of a session's VM in ~/.cache/libvirt/qemu/log"
            )),
        ),
        E::CloudInit { vm, .. } => {
            (Code::Failed, Some(format!("vmtools ssh {vm} -- sudo cat /var/log/cloud-init-output.log")))
        }
        E::NoCloudInit { .. } => (Code::Incapable, hint("wait for ssh instead: --for ssh")),
        E::StillRunning { name, .. } => {
            (Code::Timeout, Some(format!("`vmtools stop {name} --force` pulls the plug")))
        }
        E::NotRestarted { name, .. } => {
            (Code::Timeout, Some(format!("`vmtools restart {name} --force` pulls the plug")))
        }
        E::Transient { name } => (Code::WrongState, Some(format!("virsh reboot {name}"))),
        E::OtherState { name, .. } => (
            Code::Timeout,
            Some(format!(
                "QEMU stops a VM by itself when its disk fails or is full: `virsh domstate {name} --reason`"
            )),
        ),
        E::BeingMade { .. } => (
            Code::WrongState,
            hint("wait until that is done; if it was killed, `vmtools gc` removes what it left"),
        ),
        E::Unfinished { name } => (
            Code::WrongState,
            Some(format!("`vmtools gc` removes what is there; `vmtools create {name} ..` begins anew")),
        ),
        E::NoImage { nearest, .. } => (
            Code::NotFound,
            Some(nearest.as_ref().map_or_else(
                || "`vmtools image list` shows what there is".to_owned(),
                |nearest| format!("did you mean {nearest}?"),
            )),
        ),
        E::ImageAmbiguous { digests, .. } => {
            (Code::Usage, Some(format!("name one by its digest: {}", digests.join(", "))))
        }
        // As with a VM's disk that another needs: to remove it would lose data.
        E::ImageInUse { .. } => (Code::Integrity, hint("delete what needs it first")),
        E::Taken { name } => {
            (Code::Exists, Some(format!("take another name, or see it with `vmtools status {name}`")))
        }
        E::SourceRuns { name } => {
            (Code::WrongState, Some(format!("`vmtools stop {name}` first, or copy it as it runs: --live")))
        }
        E::SourceChanged { .. } => (Code::WrongState, hint("nothing was kept; try again")),
        E::CopyFailed { name, .. } => {
            (Code::Failed, Some(format!("try again, or `vmtools stop {name}` and copy it when it is off")))
        }
        E::NotCopyable { .. } => (Code::Incapable, None),
        E::Forged { name, .. } => (
            Code::Integrity,
            Some(format!(
                "its guest may have written that to get at other files; if it is yours, name its format: virsh edit {name}"
            )),
        ),
        E::HasChildren { name, children } => (
            Code::WrongState,
            Some(format!(
                "what it writes would damage them: delete them first (vmtools delete {}), or start a copy of it: \
                 `vmtools clone {name} COPY --start`",
                children.join(" ")
            )),
        ),
        E::Hangs { name } => (Code::Timeout, Some(format!("end it first: vmtools stop {name} --force"))),
        E::Running { name } => (
            Code::WrongState,
            Some(format!("`vmtools stop {name}` first, or delete it with --force, which pulls the plug")),
        ),
        E::NotOff { name } => (Code::WrongState, Some(format!("vmtools stop {name}"))),
        E::WouldShrink { has, .. } => {
            (Code::Integrity, Some(format!("disks only grow: ask for {} or more", to_flag(*has))))
        }
        E::Saved { name } => (
            Code::WrongState,
            Some(format!(
                "`vmtools start {name}` first; `virsh managedsave-remove {name}` gives up what was saved"
            )),
        ),
        E::SizeUnknown { .. } => (Code::Failed, hint("is the file there, and does libvirt reach it?")),
        E::NotManaged { .. } => (Code::WrongState, None),
        E::Protected { name } => (Code::WrongState, Some(format!("vmtools unprotect {name}"))),
        E::NoDisk { .. } => (Code::Incapable, None),
        E::NotInPool { path, .. } => (
            Code::Incapable,
            Some(format!(
                "make a pool of its folder: virsh pool-create-as NAME dir --target {}",
                std::path::Path::new(path).parent().unwrap_or(std::path::Path::new("/")).display()
            )),
        ),
        E::NoRoomHere { .. } => {
            (Code::Failed, hint("make room, or see what can go with `vmtools image prune --dry-run`"))
        }
        E::InUse { .. } => (Code::Integrity, hint("delete what needs it first")),
        E::NotRemoved { .. } => (Code::Failed, hint("try again, or `vmtools gc`")),
        E::ExecNotStarted { missing, .. } => (
            if *missing { Code::NotFound } else { Code::Denied },
            hint("a shell's words need one: sh -c '..'"),
        ),
        E::ExecOutputLost { vm } => (
            Code::Failed,
            Some(format!(
                "write it to a file there, and fetch that: vmtools cp {vm}:FILE .; or vmtools ssh {vm}"
            )),
        ),
        E::ExecInputTooLong { .. } => {
            (Code::Usage, hint("copy it into the guest first: vmtools cp FILE NAME:FILE"))
        }
        E::CopySides => (Code::Usage, None),
        E::CopyNotFound { .. } => (Code::NotFound, None),
        E::CopyIsFolder { .. } => (Code::Usage, hint("-r copies it with all that is in it")),
        E::CopyWrongKind { .. } => (Code::Exists, hint("name another place")),
        E::CopyRefused { message, .. } if message.contains("Permission denied") => {
            (Code::Denied, hint("--by agent copies as root, where the guest has an agent"))
        }
        E::CopyRefused { message, .. } if message.contains("not found") => {
            (Code::Incapable, hint("the guest needs sh, tar, base64 and stat"))
        }
        E::CopyRefused { .. } | E::CopyCutOff | E::CopyStream(_) => (Code::Failed, None),
        E::CopyHost { source, .. } => match source.kind() {
            ErrorKind::NotFound => (Code::NotFound, None),
            ErrorKind::PermissionDenied => (Code::Denied, None),
            _ => (Code::Failed, None),
        },
        E::ConsoleTaken { .. } => {
            (Code::WrongState, hint("--force ends the other one; `vmtools logs -f` only looks on"))
        }
        E::ConsoleRefused { name, .. } => (
            Code::Failed,
            Some(format!("has it a serial console? `virsh ttyconsole {name}`; else `vmtools ssh {name}`")),
        ),
        E::NoSerialLog { name } => (
            Code::Incapable,
            Some(format!(
                "`virsh edit {name}`: put <log file='/var/log/libvirt/qemu/{name}-serial.log'/> into <serial>, then start it anew"
            )),
        ),
        E::LogUnreadable { source, .. } if source.kind() == ErrorKind::PermissionDenied => (
            Code::Denied,
            hint(
                "read it as root; where a storage pool of libvirt holds it, members of the group libvirt may",
            ),
        ),
        E::LogUnreadable { .. } => (Code::Failed, None),
        E::NoQmpFolder { .. } => (
            Code::Incapable,
            hint("`vmtools doctor` says what is missing; by libvirt it is monitored all the same"),
        ),
        E::Unkept { name } => {
            (Code::WrongState, Some(format!("virsh dumpxml {name} >{name}.xml; virsh define {name}.xml")))
        }
        E::Interrupted => (Code::Interrupted, None),
        E::LeftBehind { cause, left } if left.iter().any(|what| what.starts_with(".vmtools-")) => {
            (judge(cause).0, hint("remove it in the guest"))
        }
        E::LeftBehind { cause, .. } => {
            (judge(cause).0, hint("`vmtools gc` removes it, once libvirt answers"))
        }
    }
}

fn of_libvirt(error: &libvirt::Error) -> (Code, Option<String>) {
    use libvirt::{Error as E, Object};
    let hint = |text: &str| Some(text.to_owned());
    match error {
        E::NotFound { object: Object::Domain, .. } => {
            (Code::NotFound, hint("`vmtools list --all` shows what there is"))
        }
        E::NotFound { object: Object::Network, name } if name == "default" => (
            Code::NotFound,
            Some(format!(
                "`{}` defines it, or: virsh net-define /usr/share/libvirt/networks/default.xml",
                installer()
            )),
        ),
        E::NotFound { object: Object::Network, .. } => {
            (Code::NotFound, hint("`vmtools networks` shows what there is"))
        }
        E::NotFound { .. } => (Code::NotFound, None),
        E::Exists { object: Object::Network, name } => {
            (Code::Exists, Some(format!("take another name, or see it with `vmtools network info {name}`")))
        }
        E::Exists { .. } => (Code::Exists, None),
        E::WrongState { .. } => (Code::WrongState, None),
        E::Unreachable { uri, .. } if uri.starts_with("qemu:///s") => (
            Code::Unreachable,
            Some(format!(
                "start libvirt (`sudo systemctl start libvirtd`), or install it: {}; `vmtools doctor` checks all",
                installer()
            )),
        ),
        E::Unreachable { uri, .. } => (
            Code::Unreachable,
            Some(format!(
                "is the URI right, and does libvirt run there? `virsh -c {uri} version` tells more"
            )),
        ),
        E::Denied { .. } => (
            Code::Denied,
            hint(
                "sudo usermod -aG libvirt \"$USER\" and log in again, or use your own: --connect qemu:///session",
            ),
        ),
        E::Busy { .. } => (Code::Failed, hint("another operation is under way: try again")),
        E::Agent { .. } => (
            Code::Incapable,
            hint("install and start qemu-guest-agent in the guest; without it there is `vmtools ssh`"),
        ),
        E::AgentSilent { .. } => (
            Code::Timeout,
            hint("is the guest busy or still starting? Without the agent there is `vmtools ssh`"),
        ),
        E::AgentRefused { .. } => (
            Code::Incapable,
            hint("the guest's own settings may forbid it (/etc/sysconfig/qemu-ga); there is `vmtools ssh`"),
        ),
        E::AgentAnswerTooLong => (Code::Incapable, None),
        E::NoSpace { .. } => {
            (Code::Failed, hint("make room, or see what can go with `vmtools gc --dry-run`"))
        }
        E::Unsupported { .. } => (Code::Incapable, hint("`vmtools doctor` shows the versions")),
        E::NoTpm { .. } => {
            (Code::Incapable, hint("install swtpm and swtpm-tools: sudo ./install-qemu-kvm.sh"))
        }
        E::NoFirmware { .. } => (Code::Incapable, hint("install ovmf (edk2): sudo ./install-qemu-kvm.sh")),
        E::TimedOut { .. } => {
            (Code::Timeout, hint("the daemon hangs: see its log, `journalctl -u libvirtd`"))
        }
        E::Lost { .. } => (Code::Unreachable, hint("the daemon went away: `vmtools doctor`")),
        E::Refused { message, .. } if message.contains("Permission denied") => (
            Code::Denied,
            hint(
                "the user that QEMU runs as cannot read the file: `vmtools doctor`, and see dmesg for DENIED by AppArmor",
            ),
        ),
        E::Refused { message, .. } if message.contains("virtlogd") => (
            Code::Failed,
            hint("start the daemon that writes guests' logs: sudo systemctl start virtlogd.socket"),
        ),
        E::Refused { message, .. } if message.contains("No more available PCI slots") => (
            Code::Incapable,
            hint(
                "the running machine has no place left for a device: off, it is given one (`vmtools stop VM`)",
            ),
        ),
        E::Refused { message, .. } if message.contains("dnsmasq") => (
            Code::Failed,
            hint(
                "dnsmasq gives addresses and names on it: is it installed (dnsmasq-base), and does another server \
                 hold port 53 or 67 there? The daemon's log says more: journalctl -u libvirtd",
            ),
        ),
        E::Refused { .. } => (Code::Failed, None),
        E::Unquotable { .. } => (Code::Usage, None),
        E::Unexpected { .. } | E::Handover(_) => (Code::Failed, None),
        E::Process(error) => of_process(error),
    }
}

fn of_process(error: &crate::system::process::Error) -> (Code, Option<String>) {
    use crate::system::process::Error as E;
    match error {
        E::Missing { .. } => (Code::Incapable, Some(installer())),
        E::TimedOut { .. } => (Code::Timeout, None),
        E::Io { .. } | E::TooMuchOutput { .. } | E::Failed(_) => (Code::Failed, None),
    }
}

fn of_config(error: &config::Error) -> (Code, Option<String>) {
    use config::Error as E;
    let nearest = |names: &[String]| names.first().map(|name| format!("did you mean {name}?"));
    match error {
        // There is something, but no file of text.
        E::File(error) if matches!(error.source.kind(), ErrorKind::InvalidData | ErrorKind::IsADirectory) => {
            (Code::Usage, None)
        }
        E::NoHome | E::File(_) => (Code::Failed, None),
        E::UnknownKey { nearest: names, .. } => {
            (Code::NotFound, nearest(names).or_else(|| Some("`vmtools config --show` lists the keys".into())))
        }
        E::UnknownTemplate { nearest: names, .. } => (
            Code::NotFound,
            nearest(names).or_else(|| Some("`vmtools template list` shows what there is".into())),
        ),
        E::NoTemplateFile { .. } => (Code::NotFound, None),
        E::TemplateExists { .. } => (Code::Exists, None),
        E::Syntax { .. } | E::Value { .. } | E::Refused { .. } | E::TemplateName(_) | E::Cycle { .. } => {
            (Code::Usage, None)
        }
    }
}

const RESUMES: &str = "try again: a download goes on where it broke off";

fn of_image(error: &image::Error) -> (Code, Option<String>) {
    use image::Error as E;
    match error {
        E::Header { name, source } => (Code::Integrity, of_header(name, source)),
        E::InUse { .. } => (
            Code::Integrity,
            Some(
                "stop that VM first; the disk of a VM of libvirt's becomes an image by `vmtools image commit VM NAME`"
                    .into(),
            ),
        ),
        E::Changed { .. } => (Code::Integrity, Some("try again once nothing writes to it".into())),
        error if error.is_integrity() => (Code::Integrity, None),
        E::NameTaken { name } => (
            Code::Exists,
            Some(format!("take another name, or remove that one: vmtools image rm {name}; import and commit can --replace it")),
        ),
        E::Convert { source, .. } => of_process(source),
        E::DiskFull { .. } => {
            (Code::Failed, Some("make room, or see what can go with `vmtools image prune --dry-run`".into()))
        }
        E::UnknownImage { name, nearest } => {
            let meant = nearest.first().map(|nearest| format!("did you mean {nearest}? "));
            (Code::NotFound, Some(format!("{}A file needs a path: ./{name}", meant.unwrap_or_default())))
        }
        E::FileMissing { .. } => {
            (Code::NotFound, Some("check the path: relative ones start at the current directory".into()))
        }
        E::NotAFile { .. } => (Code::Usage, None),
        E::NotFound { .. } => (Code::NotFound, None),
        E::Unreachable { .. } => {
            (Code::Unreachable, Some("with a file instead of a download: --image FILE".into()))
        }
        E::Stalled { .. } => (Code::Unreachable, Some(RESUMES.into())),
        E::Transfer { .. } => (Code::Failed, Some(RESUMES.into())),
        E::Unvouched { is_plaintext: false, .. } => (
            Code::Usage,
            Some(
                "give its digest behind the URL, #sha256:HEX, or take it as it is: --insecure-no-checksum"
                    .into(),
            ),
        ),
        E::Unvouched { is_plaintext: true, .. } => {
            (Code::Usage, Some("give its digest behind the URL, #sha256:HEX, or an https URL".into()))
        }
        E::NothingToPull { path } => {
            (Code::Usage, Some(format!("vmtools image import {} NAME", path.display())))
        }
        E::Iso { .. } => (Code::Usage, Some("an ISO to install from is named by --iso".into())),
        E::Invalid(_) | E::Catalog { .. } => (Code::Usage, None),
        _ => (Code::Failed, None),
    }
}

/// What to do with a file or URL that is no image as it is.
fn of_header(name: &str, error: &image::header::Error) -> Option<String> {
    use image::header::{Error as E, Foreign, NamedFile};
    let file = if name.contains("://") { "FILE" } else { name };
    match error {
        E::Foreign(Foreign::Importable(_)) => Some(format!("vmtools image import {file} NAME")),
        E::Foreign(Foreign::Disk(_, driver)) => Some(to_qcow2(file, *driver)),
        E::NamesFile(NamedFile::Extent) => Some(to_qcow2(file, image::Driver::Vmdk)),
        E::Foreign(Foreign::Packed(_)) => Some("unpack it first".to_owned()),
        E::Corrupt => Some(format!("qemu-img check {file}")),
        _ => None,
    }
}

fn to_qcow2(file: &str, driver: image::Driver) -> String {
    let form = driver.name();
    format!("make a qcow2 of it, if you trust it: qemu-img convert -f {form} -O qcow2 {file} disk.qcow2")
}

fn of_seed(error: &seed::Error) -> Code {
    use seed::Error as E;
    match error {
        E::Invalid(_)
        | E::UserData { .. }
        | E::CloudConfig { .. }
        | E::Ignition { .. }
        | E::AuthorizedKey { .. }
        | E::TooLarge { .. } => Code::Usage,
        E::Volume(_) | E::Document { .. } => Code::Failed,
    }
}

fn of_guest(error: &guest::Error) -> (Code, Option<String>) {
    use guest::Error as E;
    match error {
        E::Denied { .. } => (Code::Denied, None),
        E::Unreachable { .. } => (Code::Unreachable, None),
        E::HostKeyChanged { .. } => (Code::Denied, None),
        E::PrivateKeyGiven { .. } => (Code::Usage, Some("name the public key: it ends in .pub".into())),
        E::NotAPublicKey { .. } => (Code::Usage, None),
        E::Process(error) => of_process(error),
        E::File(error) if error.source.kind() == ErrorKind::NotFound => (Code::NotFound, None),
        _ => (Code::Failed, None),
    }
}

fn to_flag(size: crate::model::DiskSize) -> String {
    format!("{}G", size.bytes().div_ceil(1 << 30))
}

#[cfg(test)]
mod tests {
    use super::with_word;

    #[test]
    fn names_of_others_are_quoted_in_hints() {
        for (name, expected) in [
            ("web", "vmtools start web --wait"),
            ("naïve", "vmtools start naïve --wait"),
            ("a b", "vmtools start 'a b' --wait"),
            ("it's", r"vmtools start 'it'\''s' --wait"),
            ("$(x)", "vmtools start '$(x)' --wait"),
            ("'", "vmtools start ' --wait"),
        ] {
            assert_eq!(with_word(&format!("vmtools start {name} --wait"), name), expected);
        }
    }
}
