use super::account::parse_group;

/// Whether this user belongs to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// It does, in this login.
    Yes,
    /// /etc/group says so, but this login began before: a new login is needed.
    AfterNewLogin,
    /// It does not.
    No,
    /// There is no such group.
    NoGroup,
}

/// Whether this user belongs to the group `name`, such as "libvirt" or "kvm". Groups that don't stand in
/// /etc/group (LDAP) are [`Membership::NoGroup`].
pub fn membership(name: &str) -> Membership {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let mut gids: Vec<u32> =
        rustix::process::getgroups().unwrap_or_default().into_iter().map(|gid| gid.as_raw()).collect();
    gids.push(rustix::process::getegid().as_raw());
    let uid = rustix::process::getuid().as_raw();
    membership_in(&read("/etc/group"), &read("/etc/passwd"), name, uid, &gids)
}

fn membership_in(group: &str, passwd: &str, name: &str, uid: u32, gids: &[u32]) -> Membership {
    let Some((gid, members)) = parse_group(group, name) else {
        return Membership::NoGroup;
    };
    if gids.contains(&gid) {
        return Membership::Yes;
    }
    let uid = uid.to_string();
    let listed = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .filter(|fields| fields.get(2) == Some(&uid.as_str()))
        .filter_map(|fields| fields.first().copied())
        .any(|user| members.iter().any(|member| member == user));
    match listed {
        true => Membership::AfterNewLogin,
        false => Membership::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_may_be_older_than_the_file() {
        let group = "libvirt:x:106:ann,bob\nkvm:x:993:\n";
        let passwd = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n";
        let of = |name: &str, gids: &[u32]| membership_in(group, passwd, name, 1000, gids);
        assert_eq!(of("libvirt", &[1000, 106]), Membership::Yes);
        assert_eq!(of("libvirt", &[1000]), Membership::AfterNewLogin);
        assert_eq!(of("kvm", &[1000]), Membership::No);
        assert_eq!(of("wheel", &[1000]), Membership::NoGroup);
    }
}
