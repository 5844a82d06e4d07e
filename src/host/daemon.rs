use std::path::Path;

/// Where systemd finds units, the administrator's first.
const UNITS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
/// By which libvirt's QEMU daemon is started: the modular one where it is enabled, else the older one that does all.
const MODULAR: (&str, &str) = ("virtqemud.socket", "sudo systemctl start virtqemud.socket");
const MONOLITHIC: (&str, &str) = ("libvirtd.service", "sudo systemctl start libvirtd");

/// The command that starts the system's libvirt; `None` where none is installed that systemd knows.
pub fn daemon_start() -> Option<&'static str> {
    unit_in(Path::new("/")).map(|(_, start)| start)
}

/// The unit, and the command that starts it.
fn unit_in(root: &Path) -> Option<(&'static str, &'static str)> {
    let inside = |folder: &str| root.join(folder.trim_start_matches('/'));
    let is_there = |(unit, _): (&str, _)| UNITS.iter().any(|folder| inside(folder).join(unit).is_file());
    let enabled = inside("/etc/systemd/system/sockets.target.wants").join(MODULAR.0);
    let is_enabled = enabled.symlink_metadata().is_ok();
    match (is_there(MONOLITHIC), is_there(MODULAR)) {
        // Fedora has both installed, and the modular one is enabled.
        (_, true) if is_enabled => Some(MODULAR),
        (true, _) => Some(MONOLITHIC),
        (false, true) => Some(MODULAR),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_that_is_installed_is_started() {
        let root = tempfile::tempdir().expect("temporary folder");
        let put = |file: &str| {
            let file = root.path().join(file);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("makes it");
            std::fs::write(&file, "").expect("writes");
        };
        assert_eq!(unit_in(root.path()), None);
        put("usr/lib/systemd/system/virtqemud.socket");
        assert_eq!(unit_in(root.path()), Some(MODULAR));
        put("usr/lib/systemd/system/libvirtd.service");
        assert_eq!(unit_in(root.path()), Some(MONOLITHIC));
        put("etc/systemd/system/sockets.target.wants/virtqemud.socket");
        assert_eq!(unit_in(root.path()), Some(MODULAR));
    }
}
