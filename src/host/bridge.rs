use std::path::Path;

/// What this host has by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// A bridge that guests can be plugged into.
    Bridge,
    /// A network device of another kind.
    Other,
    /// Nothing.
    Missing,
}

/// What kind of network device this host has by the name.
pub fn network_device(name: &str) -> Device {
    let plain = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
    let folder = Path::new("/sys/class/net").join(name);
    match plain && folder.exists() {
        true if folder.join("bridge").is_dir() => Device::Bridge,
        true => Device::Other,
        false => Device::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_no_bridge() {
        assert_eq!(network_device("lo"), Device::Other);
        for name in ["", "..", "../net/lo", "no-such-device"] {
            assert_eq!(network_device(name), Device::Missing, "{name:?}");
        }
    }
}
