use std::path::Path;

use crate::system::process::quoted;

const SCRIPT: &str = "install-qemu-kvm.sh";

/// The command that installs and sets up libvirt and QEMU: the script that was installed beside this
/// program, else the one of its sources.
pub fn installer() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    format!("sudo {}", quoted(&find(&program)))
}

fn find(program: &Path) -> String {
    let prefix = program.parent().and_then(Path::parent);
    let script =
        prefix.map(|prefix| prefix.join("share/vmtools").join(SCRIPT)).filter(|script| script.is_file());
    script.map_or_else(|| format!("./{SCRIPT}"), |script| script.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installed_one_is_preferred() {
        let prefix = tempfile::tempdir().expect("temporary folder");
        let program = prefix.path().join("bin/vmtools");
        assert_eq!(find(&program), "./install-qemu-kvm.sh");
        let script = prefix.path().join("share/vmtools/install-qemu-kvm.sh");
        std::fs::create_dir_all(script.parent().expect("a folder")).expect("makes it");
        std::fs::write(&script, "").expect("writes");
        assert_eq!(find(&program), script.display().to_string());
    }
}
