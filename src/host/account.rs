/// A user of this host with its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The user id.
    pub uid: u32,
    /// The primary group first, then the others of /etc/group.
    pub gids: Vec<u32>,
}

/// The user as which the system daemon runs QEMU: the one that /etc/libvirt/qemu.conf names, if this user
/// may read that; else `libvirt-qemu` (Debian's name) or `qemu` (Red Hat's). `None` when it is root or
/// there is no such user: then there is nothing to check.
pub fn qemu_account() -> Option<Account> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (passwd, group) = (read("/etc/passwd"), read("/etc/group"));
    let named = parse_qemu_conf_user(&read("/etc/libvirt/qemu.conf"));
    let account = match named {
        Some(name) => parse_account(&passwd, &group, &name),
        None => ["libvirt-qemu", "qemu"].iter().find_map(|name| parse_account(&passwd, &group, name)),
    };
    account.filter(|account| account.uid != 0)
}

/// The group id and the members of a group in /etc/group.
pub(super) fn parse_group(group: &str, name: &str) -> Option<(u32, Vec<String>)> {
    groups(group)
        .find(|(found, _, _)| *found == name)
        .map(|(_, gid, members)| (gid, members.map(str::to_owned).collect()))
}

/// `name`, or a number with a plus before it, as in qemu.conf.
fn parse_account(passwd: &str, group: &str, name: &str) -> Option<Account> {
    let by_uid = name.strip_prefix('+');
    let fields =
        passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| match by_uid {
            Some(uid) => fields.get(2) == Some(&uid),
            None => fields.first() == Some(&name),
        })?;
    let name = *fields.first()?;
    let primary: u32 = fields.get(3)?.parse().ok()?;
    let mut gids = vec![primary];
    gids.extend(
        groups(group)
            .filter_map(|(_, gid, mut members)| members.any(|member| member == name).then_some(gid))
            .filter(|gid| *gid != primary),
    );
    Some(Account { name: name.to_owned(), uid: fields.get(2)?.parse().ok()?, gids })
}

fn parse_qemu_conf_user(conf: &str) -> Option<String> {
    conf.lines()
        .filter_map(|line| line.trim().split_once('='))
        .find(|(key, _)| key.trim() == "user")
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
        .filter(|value| !value.is_empty())
}

fn groups(text: &str) -> impl Iterator<Item = (&str, u32, impl Iterator<Item = &str>)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let gid = fields.nth(1)?.parse().ok()?;
        let members = fields.next().unwrap_or_default().split(',').filter(|member| !member.is_empty());
        Some((name, gid, members))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Recorded on Debian 12, shortened.
    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        libvirt-qemu:x:64055:993:Libvirt Qemu,,,:/var/lib/libvirt:/usr/sbin/nologin\n";
    const GROUP: &str = "root:x:0:\nkvm:x:993:\nlibvirt:x:106:ann,bob\nlibvirt-qemu:x:64055:libvirt-qemu\n";

    #[test]
    fn debians_account() {
        let account = Account { name: "libvirt-qemu".into(), uid: 64055, gids: vec![993, 64055] };
        assert_eq!(parse_account(PASSWD, GROUP, "libvirt-qemu"), Some(account.clone()));
        assert_eq!(parse_account(PASSWD, GROUP, "+64055"), Some(account));
        assert_eq!(parse_account(PASSWD, GROUP, "qemu"), None);
        assert_eq!(parse_account("broken\nqemu:x\n", GROUP, "qemu"), None);
    }

    #[test]
    fn groups_and_their_members() {
        assert_eq!(parse_group(GROUP, "libvirt"), Some((106, vec!["ann".into(), "bob".into()])));
        assert_eq!(parse_group(GROUP, "kvm"), Some((993, vec![])));
        assert_eq!(parse_group(GROUP, "libv"), None);
    }

    #[test]
    fn qemu_conf_names_a_user() {
        assert_eq!(parse_qemu_conf_user("#user = \"a\"\nuser = \"root\"\n").as_deref(), Some("root"));
        assert_eq!(parse_qemu_conf_user("#user = \"libvirt-qemu\"\n"), None);
    }
}
