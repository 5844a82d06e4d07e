use super::account::Account;

/// What a file says about who may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// The permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// The entries of its POSIX ACL; none if it has no ACL.
    pub acl: Vec<Entry>,
}

/// An entry of a POSIX ACL (acl(5)): who, and the bits r=4, w=2, x=1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Owner(u32),
    User { uid: u32, bits: u32 },
    OwningGroup(u32),
    Group { gid: u32, bits: u32 },
    Mask(u32),
    Other(u32),
}

impl Node {
    /// Whether `account` has all of `bits` (r=4, w=2, x=1), by the algorithm of acl(5).
    pub(super) fn allows(&self, account: &Account, bits: u32) -> bool {
        let holds = |granted: u32| granted & bits == bits;
        if account.uid == 0 {
            return true;
        }
        if account.uid == self.uid {
            return holds(self.mode >> 6);
        }
        if self.acl.is_empty() {
            return match account.gids.contains(&self.gid) {
                true => holds(self.mode >> 3),
                false => holds(self.mode),
            };
        }
        self.acl_allows(account, holds)
    }

    fn acl_allows(&self, account: &Account, holds: impl Fn(u32) -> bool) -> bool {
        let mask = self.acl.iter().find_map(|entry| match entry {
            Entry::Mask(bits) => Some(*bits),
            _ => None,
        });
        let masked = |bits: u32| holds(bits & mask.unwrap_or(7));
        let named = self.acl.iter().find_map(|entry| match entry {
            Entry::User { uid, bits } if *uid == account.uid => Some(*bits),
            _ => None,
        });
        if let Some(bits) = named {
            return masked(bits);
        }
        // One group that has it is enough; groups that don't have it bar the way to "other".
        let groups: Vec<u32> = self
            .acl
            .iter()
            .filter_map(|entry| match entry {
                Entry::OwningGroup(bits) if account.gids.contains(&self.gid) => Some(*bits),
                Entry::Group { gid, bits } if account.gids.contains(gid) => Some(*bits),
                _ => None,
            })
            .collect();
        match groups.is_empty() {
            false => groups.into_iter().any(masked),
            true => holds(self.mode),
        }
    }
}

/// The value of the attribute `system.posix_acl_access`: a version, 2, then 8 bytes an entry, little
/// endian (include/uapi/linux/posix_acl_xattr.h). `None` when it is not of that form.
pub(super) fn parse_acl(bytes: &[u8]) -> Option<Vec<Entry>> {
    let (version, entries) = bytes.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*version) != 2 || entries.len() % 8 != 0 {
        return None;
    }
    entries
        .chunks_exact(8)
        .map(|entry| {
            let (tag, rest) = entry.split_first_chunk::<2>()?;
            let (bits, rest) = rest.split_first_chunk::<2>()?;
            let id = u32::from_le_bytes(*rest.first_chunk::<4>()?);
            let bits = u32::from(u16::from_le_bytes(*bits));
            match u16::from_le_bytes(*tag) {
                0x01 => Some(Entry::Owner(bits)),
                0x02 => Some(Entry::User { uid: id, bits }),
                0x04 => Some(Entry::OwningGroup(bits)),
                0x08 => Some(Entry::Group { gid: id, bits }),
                0x10 => Some(Entry::Mask(bits)),
                0x20 => Some(Entry::Other(bits)),
                _ => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qemu() -> Account {
        Account { name: "libvirt-qemu".into(), uid: 64055, gids: vec![993] }
    }

    fn node(mode: u32, gid: u32, acl: &[Entry]) -> Node {
        Node { mode, uid: 1000, gid, acl: acl.to_vec() }
    }

    #[test]
    fn mode_bits() {
        for (mode, gid, allowed) in [
            (0o700, 1000, false),
            (0o750, 1000, false),
            (0o711, 1000, true),
            (0o710, 993, true),
            // The group's lack is not made good by "other".
            (0o701, 993, false),
        ] {
            assert_eq!(node(mode, gid, &[]).allows(&qemu(), 1), allowed, "{mode:o} {gid}");
        }
    }

    #[test]
    fn acl_entries() {
        let user = |bits| Entry::User { uid: 64055, bits };
        let group = |bits| Entry::Group { gid: 993, bits };
        for (mode, acl, allowed) in [
            // setfacl -m u:libvirt-qemu:x on a folder with 0700.
            (
                0o710,
                vec![Entry::Owner(7), user(1), Entry::OwningGroup(0), Entry::Mask(1), Entry::Other(0)],
                true,
            ),
            // A later chmod g-x took it from the mask.
            (
                0o700,
                vec![Entry::Owner(7), user(1), Entry::OwningGroup(0), Entry::Mask(0), Entry::Other(0)],
                false,
            ),
            (0o711, vec![user(0), Entry::Mask(7), Entry::Other(1)], false),
            (0o710, vec![group(5), Entry::Mask(7), Entry::Other(0)], true),
            (0o711, vec![group(4), Entry::Mask(7), Entry::Other(1)], false),
            (0o711, vec![Entry::Group { gid: 5, bits: 0 }, Entry::Mask(7), Entry::Other(1)], true),
        ] {
            assert_eq!(node(mode, 1000, &acl).allows(&qemu(), 1), allowed, "{acl:?}");
        }
    }

    #[test]
    fn the_attribute_is_read() {
        // Built as the header describes it, for `setfacl -m u:64055:x DIR` on a folder with 0700.
        let mut bytes = vec![2, 0, 0, 0];
        for (tag, bits, id) in
            [(1u16, 7u16, u32::MAX), (2, 1, 64055), (4, 0, u32::MAX), (16, 1, u32::MAX), (32, 0, u32::MAX)]
        {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(bits.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        let entries = parse_acl(&bytes).expect("is one");
        assert_eq!(entries.get(1), Some(&Entry::User { uid: 64055, bits: 1 }));
        assert_eq!(entries.len(), 5);
        assert_eq!(parse_acl(&bytes[..10]), None);
        assert_eq!(parse_acl(&[3, 0, 0, 0]), None);
        assert_eq!(parse_acl(&[]), None);
    }
}
