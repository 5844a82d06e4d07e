use std::fs::OpenOptions;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Whether guests can run on the CPU itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kvm {
    /// They can.
    Usable,
    /// They can't; QEMU has to emulate.
    Missing {
        /// Why.
        reason: KvmFault,
    },
}

/// Why KVM can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KvmFault {
    /// Something has put a file where the device should be. Beside it libvirt starts no guest at all.
    #[error("/dev/kvm is not a device")]
    NotADevice,
    /// The device opens, but no guest would boot.
    #[error("the CPU has no virtualization extensions (vmx or svm), though /dev/kvm exists")]
    NoExtensions,
    /// There is no device, and the CPU could not be used by it.
    #[error("the CPU has no virtualization extensions (vmx or svm)")]
    NoExtensionsNorDevice,
    /// There is no device, though the CPU could.
    #[error("there is no /dev/kvm: the kvm module is not loaded")]
    NoModule,
    /// This user may not open it.
    #[error("this user is not allowed to open /dev/kvm")]
    Denied,
    /// It doesn't open for another reason.
    #[error("/dev/kvm cannot be opened: {0}")]
    Unusable(std::io::ErrorKind),
}

impl Kvm {
    /// Whether it is [`Kvm::Usable`].
    pub fn is_usable(&self) -> bool {
        *self == Self::Usable
    }
}

/// Whether this user can use KVM here: /dev/kvm opens for reading and writing and, on x86, the CPU
/// has vmx or svm. There are hosts where the device opens, and even makes a VM, without these flags, but
/// no guest boots (measured: QEMU aborts with "failed to set MSR").
pub fn kvm() -> Kvm {
    let device = Path::new("/dev/kvm");
    let is_device = |data: std::fs::Metadata| data.file_type().is_char_device();
    if std::fs::metadata(device).is_ok_and(|data| !is_device(data)) {
        return Kvm::Missing { reason: KvmFault::NotADevice };
    }
    let opened = OpenOptions::new().read(true).write(true).open(device);
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    usability(opened.map(drop).map_err(|error| error.kind()), std::env::consts::ARCH, &cpuinfo)
}

fn usability(opened: Result<(), std::io::ErrorKind>, arch: &str, cpuinfo: &str) -> Kvm {
    let has_extensions = !matches!(arch, "x86_64" | "x86") || parse_virtualization(cpuinfo).is_some();
    let reason = match (opened, has_extensions) {
        (Ok(()), true) => return Kvm::Usable,
        (Ok(()), false) => KvmFault::NoExtensions,
        (Err(std::io::ErrorKind::NotFound), true) => KvmFault::NoModule,
        (Err(std::io::ErrorKind::NotFound), false) => KvmFault::NoExtensionsNorDevice,
        (Err(std::io::ErrorKind::PermissionDenied), _) => KvmFault::Denied,
        (Err(kind), _) => KvmFault::Unusable(kind),
    };
    Kvm::Missing { reason }
}

/// The flag in /proc/cpuinfo that says that the CPU can run guests: "vmx" or "svm".
fn parse_virtualization(cpuinfo: &str) -> Option<&'static str> {
    let mut flags = cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| key.trim() == "flags")
        .flat_map(|(_, flags)| flags.split_ascii_whitespace());
    flags.find_map(|flag| ["vmx", "svm"].into_iter().find(|known| *known == flag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    // Recorded, shortened: an AMD EPYC guest that has a paravirtual /dev/kvm and no svm.
    const WITHOUT: &str = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\n\
        flags\t\t: fpu vme de pse tsc msr sse4_2 x2apic hypervisor lahf_lm cmp_legacy vmmcall fsgsbase\n\
        bugs\t\t: sysret_ss_attrs null_seg spectre_v1\n\nprocessor\t: 1\n";
    // Written from documentation: Intel has a line of "vmx flags" too, which proves nothing alone.
    const INTEL: &str = "flags\t\t: fpu vme de pse vmx smx est\nvmx flags\t: vnmi preemption_timer\n";
    const VMX_FLAGS_ALONE: &str = "flags\t\t: fpu vme\nvmx flags\t: vnmi vmx\n";

    #[test]
    fn flags_are_whole_words() {
        assert_eq!(parse_virtualization(WITHOUT), None);
        assert_eq!(parse_virtualization(INTEL), Some("vmx"));
        assert_eq!(parse_virtualization(VMX_FLAGS_ALONE), None);
        assert_eq!(parse_virtualization("flags : a svm b\n"), Some("svm"));
        assert_eq!(parse_virtualization("flags : svm_lock xvmx\n"), None);
        assert_eq!(parse_virtualization(""), None);
    }

    #[test]
    fn both_are_needed_on_x86() {
        let usable = |opened, arch, cpuinfo| usability(opened, arch, cpuinfo).is_usable();
        assert!(usable(Ok(()), "x86_64", INTEL));
        assert!(!usable(Ok(()), "x86_64", WITHOUT));
        assert!(!usable(Err(ErrorKind::PermissionDenied), "x86_64", INTEL));
        assert!(!usable(Err(ErrorKind::NotFound), "aarch64", ""));
        assert!(usable(Ok(()), "aarch64", ""));
    }
}
