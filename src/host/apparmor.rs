use std::path::Path;

/// How AppArmor stands to QEMU's own monitor socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppArmor {
    /// The kernel has it off: nothing is in the way.
    Off,
    /// It is on, and the addition that lets QEMU make its socket is in place.
    Allows,
    /// It is on, and that addition is missing.
    AdditionMissing,
}

/// Where the addition to libvirt's profiles lies.
const ADDITION: &str = "/etc/apparmor.d/abstractions/libvirt-qemu.d/vmtools";

/// What AppArmor does here, by /sys/module/apparmor/parameters/enabled. Whether libvirt itself uses it
/// stands in its capabilities, not here.
pub fn apparmor() -> AppArmor {
    let enabled = std::fs::read_to_string("/sys/module/apparmor/parameters/enabled").unwrap_or_default();
    parse_state(&enabled, Path::new(ADDITION).exists())
}

fn parse_state(enabled: &str, addition: bool) -> AppArmor {
    match (enabled.trim(), addition) {
        ("Y", true) => AppArmor::Allows,
        ("Y", false) => AppArmor::AdditionMissing,
        _ => AppArmor::Off,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_y_is_on() {
        assert_eq!(parse_state("Y\n", false), AppArmor::AdditionMissing);
        assert_eq!(parse_state("Y\n", true), AppArmor::Allows);
        assert_eq!(parse_state("N\n", true), AppArmor::Off);
        assert_eq!(parse_state("", false), AppArmor::Off);
    }
}
