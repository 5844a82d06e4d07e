use std::fs::OpenOptions;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Whether guests can run on the processor itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kvm {
    /// They can.
    Usable,
    /// They can't; QEMU has to emulate.
    Missing {
        /// Why, in words for a person.
        reason: String,
    },
}

impl Kvm {
    /// Whether it is [`Kvm::Usable`].
    pub fn is_usable(&self) -> bool {
        *self == Self::Usable
    }
}

/// Whether this user can use KVM here: /dev/kvm opens for reading and writing and, on x86, the processor
/// has vmx or svm. There are hosts where the device opens, and even makes a VM, without these flags, but
/// no guest boots (measured: QEMU aborts with "failed to set MSR").
pub fn kvm() -> Kvm {
    let device = Path::new("/dev/kvm");
    let is_device = |data: std::fs::Metadata| data.file_type().is_char_device();
    if std::fs::metadata(device).is_ok_and(|data| !is_device(data)) {
        // libvirt could start no guest at all beside it.
        return Kvm::Missing {
            reason: "/dev/kvm is no device, something made a file of it: sudo rm /dev/kvm".to_owned(),
        };
    }
    let opened = OpenOptions::new().read(true).write(true).open(device);
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    judge(opened.map(drop).map_err(|error| error.kind()), std::env::consts::ARCH, &cpuinfo)
}

fn judge(opened: Result<(), std::io::ErrorKind>, arch: &str, cpuinfo: &str) -> Kvm {
    let missing = |reason: &str| Kvm::Missing { reason: reason.to_owned() };
    let flags = match arch {
        "x86_64" | "x86" => parse_virtualization(cpuinfo),
        _ => Some("none needed"),
    };
    match (opened, flags) {
        (Ok(()), Some(_)) => Kvm::Usable,
        (Ok(()), None) => missing("/dev/kvm is there, but the processor flags hold neither vmx nor svm"),
        (Err(std::io::ErrorKind::NotFound), Some(_)) => {
            missing("there is no /dev/kvm, though the processor could: the kvm module is not loaded")
        }
        (Err(std::io::ErrorKind::NotFound), None) => {
            missing("there is no /dev/kvm, and the processor flags hold neither vmx nor svm")
        }
        (Err(std::io::ErrorKind::PermissionDenied), _) => {
            missing("this user may not open /dev/kvm for reading and writing")
        }
        (Err(kind), _) => missing(&format!("/dev/kvm does not open: {kind}")),
    }
}

/// The flag in /proc/cpuinfo that says that the processor can run guests: "vmx" or "svm".
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
        let usable = |opened, arch, cpuinfo| judge(opened, arch, cpuinfo).is_usable();
        assert!(usable(Ok(()), "x86_64", INTEL));
        assert!(!usable(Ok(()), "x86_64", WITHOUT));
        assert!(!usable(Err(ErrorKind::PermissionDenied), "x86_64", INTEL));
        assert!(!usable(Err(ErrorKind::NotFound), "aarch64", ""));
        assert!(usable(Ok(()), "aarch64", ""));
    }
}
