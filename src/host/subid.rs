use super::tool::{Tool, tool};

/// Whether this user has subordinate ids, of users and of groups (subuid(5)), and the program that gives them
/// out: virtiofsd has the guest's users take them when an ordinary user runs it.
pub fn has_subordinate_ids() -> bool {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let passwd = read("/etc/passwd");
    let uid = rustix::process::geteuid().as_raw();
    let listed = ["/etc/subuid", "/etc/subgid"].iter().all(|file| lists(&read(file), &passwd, uid));
    listed && tool(Tool::Newuidmap).is_some()
}

/// A line is `NAME-OR-UID:FIRST:COUNT`.
fn lists(subids: &str, passwd: &str, uid: u32) -> bool {
    let uid = uid.to_string();
    let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let name = fields
        .filter(|fields| fields.get(2) == Some(&uid.as_str()))
        .find_map(|fields| fields.first().map(|name| (*name).to_owned()));
    subids.lines().filter_map(|line| line.split_once(':')).any(|(owner, range)| {
        let counted = range.rsplit(':').next().and_then(|count| count.trim().parse::<u32>().ok());
        (owner == uid || Some(owner) == name.as_deref()) && counted.is_some_and(|count| count > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_listed_by_name_or_number() {
        let passwd = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n";
        for (subids, listed) in [
            ("ann:100000:65536\n", true),
            ("1000:100000:65536\n", true),
            ("bob:100000:65536\nann:165536:65536\n", true),
            ("ann:100000:0\n", false),
            ("anna:100000:65536\n", false),
            ("", false),
        ] {
            assert_eq!(lists(subids, passwd, 1000), listed, "{subids:?}");
        }
    }
}
