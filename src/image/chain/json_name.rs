//! Names of the form `json:{..}`: QEMU's options for a node of its block graph, nested or with dots.

use std::collections::BTreeMap;

use serde_json::Value;

use super::name::{Below, Name};
use crate::image::header::Driver;

/// More levels of nodes than anybody writes.
const MAX_DEPTH: usize = 32;
/// Drivers that read a file or a device of this host.
const LOCAL_DRIVERS: [&str; 3] = ["file", "host_device", "host_cdrom"];
/// Drivers that read something over a network, or by a protocol of their own.
const REMOTE_DRIVERS: [&str; 13] = [
    "nbd", "rbd", "iscsi", "iser", "ssh", "http", "https", "ftp", "ftps", "gluster", "nfs", "nvme",
    "sheepdog",
];
/// Drivers that pass on what is below them.
const FILTERS: [&str; 4] = ["copy-on-read", "throttle", "preallocate", "compress"];

/// Understands what stands behind `json:`.
pub(super) fn parse(json: &[u8]) -> Name {
    let mut options = BTreeMap::new();
    match serde_json::from_slice(json) {
        Ok(value @ Value::Object(_)) => flatten("", &value, &mut options),
        _ => return Name::Unknown,
    }
    node(&options, "", 0)
}

/// `{"file": {"filename": "/x"}}` and `{"file.filename": "/x"}` are the same to QEMU.
fn flatten(prefix: &str, value: &Value, options: &mut BTreeMap<String, Option<String>>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&key, value, options);
            }
        }
        Value::Null => {
            options.insert(prefix.to_owned(), None);
        }
        Value::String(text) => {
            options.insert(prefix.to_owned(), Some(text.clone()));
        }
        other => {
            options.insert(prefix.to_owned(), Some(other.to_string()));
        }
    }
}

/// The node whose options begin with `prefix`, which is empty or ends in a dot.
fn node(options: &BTreeMap<String, Option<String>>, prefix: &str, depth: usize) -> Name {
    if depth > MAX_DEPTH {
        return Name::Unknown;
    }
    let text = |key: &str| options.get(&format!("{prefix}{key}")).cloned().flatten();
    let has = |key: &str| {
        let start = format!("{prefix}{key}.");
        options.keys().any(|name| name.starts_with(&start))
    };
    let driver = text("driver");
    if let Some(filename) = text("filename") {
        return match driver.as_deref() {
            None => Name::parse_absolute(filename.as_bytes()),
            Some(driver) if LOCAL_DRIVERS.contains(&driver) => {
                match Name::parse_absolute(filename.as_bytes()) {
                    Name::File { path, below, .. } => Name::File { path, driver: None, below },
                    _ => Name::Unknown,
                }
            }
            // A form's driver with a file's name, which QEMU takes too.
            Some(driver) if Driver::from_name(driver).is_some() => {
                with_driver(Name::parse_absolute(filename.as_bytes()), driver)
            }
            Some(driver) => remote(driver),
        };
    }
    if has("file") {
        let inner = node(options, &format!("{prefix}file."), depth + 1);
        let inner = match driver.as_deref() {
            Some(driver) if FILTERS.contains(&driver) => inner,
            Some(driver) if Driver::from_name(driver).is_some() => with_driver(inner, driver),
            Some(_) => return Name::Unknown,
            None => inner,
        };
        return with_backing(inner, options, prefix, depth);
    }
    driver.map_or(Name::Unknown, |driver| remote(&driver))
}

/// Others may read several files, as quorum and blkverify do.
fn remote(driver: &str) -> Name {
    match REMOTE_DRIVERS.contains(&driver) {
        true => Name::Remote { protocol: driver.to_owned() },
        false => Name::Unknown,
    }
}

fn with_driver(name: Name, driver: &str) -> Name {
    match name {
        // An inner form that is not raw says more: raw around it passes it on.
        Name::File { path, driver: Some(inner), below } if inner != Driver::Raw => {
            Name::File { path, driver: Some(inner), below }
        }
        Name::File { path, below, .. } => Name::File { path, driver: Driver::from_name(driver), below },
        other => other,
    }
}

/// `"backing": null` and a node of its own go before what the file's header says.
fn with_backing(name: Name, options: &BTreeMap<String, Option<String>>, prefix: &str, depth: usize) -> Name {
    let Name::File { path, driver, below } = name else { return name };
    let key = format!("{prefix}backing");
    let start = format!("{key}.");
    let below = match options.get(&key) {
        Some(None) => Below::Nothing,
        // A node's name, which means something to one QEMU only.
        Some(Some(_)) => Below::Given(Box::new(Name::Unknown)),
        None if options.keys().any(|name| name.starts_with(&start)) => {
            Below::Given(Box::new(node(options, &start, depth + 1)))
        }
        None => below,
    };
    Name::File { path, driver, below }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, driver: Option<Driver>) -> Name {
        Name::File { path: path.into(), driver, below: Below::ByHeader }
    }

    #[test]
    fn files_in_all_spellings() {
        for (json, expected) in [
            (
                r#"{"driver":"qcow2","file":{"driver":"file","filename":"/a b"}}"#,
                file("/a b", Some(Driver::Qcow2)),
            ),
            (r#"{"file.filename":"/a","driver":"raw"}"#, file("/a", Some(Driver::Raw))),
            (r#"{"file":{"driver":"file","filename":"/a"}}"#, file("/a", None)),
            (r#"{"driver":"file","filename":"/a"}"#, file("/a", None)),
            (r#"{"filename":"file:/a"}"#, file("/a", None)),
            (
                r#"{"driver":"qcow2","file.driver":"host_device","file.filename":"/dev/x"}"#,
                file("/dev/x", Some(Driver::Qcow2)),
            ),
            (
                r#"{"driver":"throttle","throttle-group":"g","file":{"driver":"qcow2","file.filename":"/a"}}"#,
                file("/a", Some(Driver::Qcow2)),
            ),
            (
                r#"{"driver":"raw","offset":512,"file":{"driver":"qcow2","file":{"filename":"/a"}}}"#,
                file("/a", Some(Driver::Qcow2)),
            ),
        ] {
            assert_eq!(parse(json.as_bytes()), expected, "{json}");
        }
    }

    #[test]
    fn what_stands_below_can_be_given() {
        let below = |json: &str| match parse(json.as_bytes()) {
            Name::File { below, .. } => below,
            other => panic!("{other:?}"),
        };
        assert_eq!(below(r#"{"driver":"qcow2","file.filename":"/a","backing":null}"#), Below::Nothing);
        assert_eq!(
            below(
                r#"{"driver":"qcow2","file.filename":"/a","backing":{"driver":"raw","file.filename":"/b"}}"#
            ),
            Below::Given(Box::new(file("/b", Some(Driver::Raw))))
        );
        assert_eq!(
            below(r#"{"driver":"qcow2","file.filename":"/a","backing":"node1"}"#),
            Below::Given(Box::new(Name::Unknown))
        );
    }

    #[test]
    fn what_is_no_file_of_this_host() {
        let remote = |protocol: &str| Name::Remote { protocol: protocol.into() };
        for (json, expected) in [
            (r#"{"driver":"nbd","server.type":"unix","server.path":"/x"}"#, remote("nbd")),
            (r#"{"driver":"qcow2","file":{"driver":"rbd","pool":"p","image":"i"}}"#, remote("rbd")),
            (r#"{"file.filename":"https://example.org/a"}"#, remote("https")),
            (r#"{"driver":"quorum","children":[]}"#, Name::Unknown),
            (r#"{"driver":"qcow2","file":"node"}"#, Name::Unknown),
            (r#"{"driver":"file","filename":"relative"}"#, Name::Unknown),
            (r#"{"driver":"blkverify","file":{"filename":"/a"},"raw":{"filename":"/b"}}"#, Name::Unknown),
            ("[]", Name::Unknown),
            ("{", Name::Unknown),
            ("{'driver':'file'}", Name::Unknown),
        ] {
            assert_eq!(parse(json.as_bytes()), expected, "{json}");
        }
    }
}
