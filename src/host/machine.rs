//! What of this host a running guest depends on.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The lines of /proc/cpuinfo that tell one kind of CPU from another: those of x86, and of ARM.
const OF_CPU: [&str; 13] = [
    "vendor_id",
    "cpu family",
    "model",
    "model name",
    "stepping",
    "microcode",
    "flags",
    "Features",
    "CPU implementer",
    "CPU architecture",
    "CPU variant",
    "CPU part",
    "CPU revision",
];

/// This host's CPU, kernel and QEMU, as text: a guest's memory is of use only where all of it is the same. The
/// CPU is the first one; the QEMU is what runs this host's own architecture, by its file.
pub fn machine_identity() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let uname = rustix::system::uname();
    let mut identity = cpu_identity(&cpuinfo);
    for word in [uname.sysname(), uname.release(), uname.version(), uname.machine()] {
        identity.push_str(&format!("{}\n", word.to_string_lossy()));
    }
    let qemu = format!("/usr/bin/qemu-system-{}", std::env::consts::ARCH);
    for program in [qemu.as_str(), "/usr/libexec/qemu-kvm"] {
        if let Ok(file) = Path::new(program).metadata() {
            identity.push_str(&format!("{program} {} {}\n", file.size(), file.mtime()));
        }
    }
    identity
}

fn cpu_identity(cpuinfo: &str) -> String {
    let first = cpuinfo.split("\n\n").next().unwrap_or_default();
    let is_of_cpu = |line: &&str| line.split_once(':').is_some_and(|(key, _)| OF_CPU.contains(&key.trim()));
    first.lines().filter(is_of_cpu).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_from_moment_to_moment_is_no_part_of_it() {
        let one = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 85\nmicrocode\t: 0x1\ncpu MHz\t\t: 2500.1\nbogomips\t: 5\nflags\t\t: fpu vme\n\nprocessor\t: 1\nmodel\t\t: 1\n";
        assert_eq!(
            cpu_identity(one),
            "vendor_id\t: GenuineIntel\nmodel\t\t: 85\nmicrocode\t: 0x1\nflags\t\t: fpu vme\n"
        );
        assert_eq!(cpu_identity(&one.replace("2500.1", "999.0")), cpu_identity(one));
        assert_ne!(cpu_identity(&one.replace("0x1", "0x2")), cpu_identity(one));
        let identity = machine_identity();
        assert!(identity == machine_identity() && identity.contains("Linux\n"), "{identity}");
    }
}
