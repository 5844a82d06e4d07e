/// Why a definition gives no copy as things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The element, by its path from `<domain>`; siblings are numbered from 1: `devices[1]/serial[2]`.
    pub element: String,
    /// What of the host or the machine it names.
    pub resource: String,
    /// Why the copy can't have that.
    pub conflict: Conflict,
}

/// Why two machines can't have the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Conflict {
    /// Both would write to the disk; another image has to take its place.
    Disk {
        /// The disk's target.
        target: String,
    },
    /// Both would write to the file; another has to take its place.
    File,
    /// The firmware of both would write to it, and it is no file; [`DomainCopy::nvram`](super::DomainCopy) takes
    /// its place.
    FirmwareVariables,
    /// Both would listen on the port; another has to take its place.
    Port(HostPort),
    /// Only one machine at a time can have it, as a device of the host that is passed through.
    Exclusive,
    /// What is at the other end of it expects one machine.
    SinglePeer,
    /// It tells the machine from others, and is known elsewhere.
    Identity,
    /// The disk is encrypted with a key that libvirt alone has.
    Encrypted,
    /// The disk is only a part of the file that would be copied.
    Slice,
    /// It is a path of the host, and this version does not know what for.
    Unknown,
}

/// A port of the host that a machine listens on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The port.
    pub port: u16,
}

/// A definition that gives no copy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the copy would share what only one VM can use: {}", listed(.obstacles))]
pub struct NotCopyable {
    /// All that forbids it; never empty.
    pub obstacles: Vec<Obstacle>,
}

impl NotCopyable {
    /// Whether the two would write to the same disk or file.
    pub fn would_lose_data(&self) -> bool {
        self.obstacles
            .iter()
            .any(|obstacle| matches!(obstacle.conflict, Conflict::Disk { .. } | Conflict::File))
    }
}

/// What has to be there, or to be settled, before a domain can be copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyNeeds {
    /// The targets of the disks that need an image of the copy's own.
    pub disks: Vec<String>,
    /// The other files that need one of the copy's own in their place.
    pub files: Vec<String>,
    /// The ports of the host that need another in their place.
    pub ports: Vec<HostPort>,
    /// What forbids a copy, whatever is given for the others.
    pub refused: Vec<Obstacle>,
}

impl CopyNeeds {
    pub(super) fn from_obstacles(obstacles: Vec<Obstacle>) -> Self {
        let mut needs = Self::default();
        for obstacle in obstacles {
            match &obstacle.conflict {
                Conflict::Disk { target } => needs.disks.push(target.clone()),
                Conflict::File => needs.files.push(obstacle.resource),
                Conflict::Port(port) => needs.ports.push(port.clone()),
                _ => needs.refused.push(obstacle),
            }
        }
        needs
    }
}

fn listed(obstacles: &[Obstacle]) -> String {
    let each = obstacles.iter().map(|obstacle| format!("{} ({})", obstacle.resource, obstacle.element));
    each.collect::<Vec<_>>().join(", ")
}
