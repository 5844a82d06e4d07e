//! Looking over a user's `#cloud-config` before anything is made: cloud-init itself tells of its mistakes
//! only in a log inside the guest.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::mime;
use crate::seed::Error;

const FIRST_LINE: &str = "#cloud-config";
/// How alike a key has to be to one that is known, of 1, to be offered for it.
const LIKENESS: f64 = 0.8;

/// The keys at the top of a cloud-config (the schema of cloud-init 25.3, schema-cloud-config-v1.json, and
/// `datasource`, `debug`, `network`, which its modules read).
const KEYS: &[&str] = &[
    "allow_public_ssh_keys",
    "ansible",
    "apk_repos",
    "apt",
    "apt_pipelining",
    "apt_reboot_if_required",
    "apt_update",
    "apt_upgrade",
    "authkey_hash",
    "autoinstall",
    "bootcmd",
    "byobu_by_default",
    "ca-certs",
    "ca_certs",
    "chef",
    "chpasswd",
    "cloud_config_modules",
    "cloud_final_modules",
    "cloud_init_modules",
    "create_hostname_file",
    "datasource",
    "debug",
    "device_aliases",
    "disable_ec2_metadata",
    "disable_piwiz",
    "disable_root",
    "disable_root_opts",
    "disk_setup",
    "drivers",
    "enable_rpi_connect",
    "fan",
    "final_message",
    "fqdn",
    "fs_setup",
    "groups",
    "growpart",
    "grub-dpkg",
    "grub_dpkg",
    "hostname",
    "keyboard",
    "landscape",
    "launch-index",
    "locale",
    "locale_configfile",
    "lxd",
    "manage_etc_hosts",
    "manage_resolv_conf",
    "mcollective",
    "merge_how",
    "merge_type",
    "migrate",
    "mount_default_fields",
    "mounts",
    "network",
    "no_ssh_fingerprints",
    "ntp",
    "output",
    "package_reboot_if_required",
    "package_update",
    "package_upgrade",
    "packages",
    "password",
    "phone_home",
    "power_state",
    "prefer_fqdn_over_hostname",
    "preserve_hostname",
    "puppet",
    "random_seed",
    "reporting",
    "resize_rootfs",
    "resolv_conf",
    "rh_subscription",
    "rpi_interfaces",
    "rpi_userconf",
    "rsyslog",
    "runcmd",
    "salt_minion",
    "snap",
    "spacewalk",
    "ssh",
    "ssh_authorized_keys",
    "ssh_deletekeys",
    "ssh_fp_console_blacklist",
    "ssh_genkeytypes",
    "ssh_import_id",
    "ssh_key_console_blacklist",
    "ssh_keys",
    "ssh_publish_hostkeys",
    "ssh_pwauth",
    "ssh_quiet_keygen",
    "swap",
    "system_info",
    "timezone",
    "ubuntu_advantage",
    "ubuntu_pro",
    "updates",
    "user",
    "users",
    "vendor_data",
    "version",
    "wireguard",
    "write_files",
    "yum_repo_dir",
    "yum_repos",
    "zypper",
];
/// Keys whose value is a list, by the same schema.
const LISTS: [&str; 7] =
    ["bootcmd", "mounts", "packages", "runcmd", "ssh_authorized_keys", "ssh_import_id", "write_files"];

/// A key that cloud-init will pass over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// The key.
    pub key: String,
    /// Its line in the file, from 1; `None` when it is not written plainly.
    pub line: Option<usize>,
    /// A key that cloud-init knows and that looks like it.
    pub nearest: Option<&'static str>,
}

/// Looks a file of user-data over and gives the keys that cloud-init doesn't know. Only a cloud-config is
/// looked into: a script, a template or a multipart document is passed through as it is.
///
/// # Errors
/// [`Error::UserData`] when cloud-init would pass the whole over; [`Error::CloudConfig`], with line and
/// column: no YAML, not a mapping, a value of the wrong kind.
pub fn check_user_data(user_data: &[u8]) -> Result<Vec<UnknownKey>, Error> {
    mime::users_part(user_data)?;
    let Ok(text) = std::str::from_utf8(user_data) else { return Ok(Vec::new()) };
    // `#cloud-config-archive` and the like begin with the same letters.
    if text.lines().next().map(str::trim_end) != Some(FIRST_LINE) {
        return Ok(Vec::new());
    }
    let options = serde_saphyr::options! { with_snippet: false };
    let top: Top = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = |find: fn(&serde_saphyr::Location) -> u64| error.location().as_ref().map_or(0, find);
        let (line, column) = (at(serde_saphyr::Location::line), at(serde_saphyr::Location::column));
        let reason = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
        Error::CloudConfig { line, column, reason }
    })?;
    for (key, shape) in &top.0 {
        if LISTS.contains(&key.as_str()) && !matches!(shape, Shape::List | Shape::Nothing) {
            let line = line_of(text, key).unwrap_or(0) as u64;
            return Err(Error::CloudConfig { line, column: 1, reason: format!("`{key}` has to be a list") });
        }
    }
    let unknown = top.0.iter().map(|(key, _)| key).filter(|key| !KEYS.contains(&key.as_str()));
    Ok(unknown
        .map(|key| UnknownKey { key: key.clone(), line: line_of(text, key), nearest: nearest(key) })
        .collect())
}

fn nearest(key: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|known| (strsim::jaro_winkler(key, known), known))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| *known)
}

/// The line on which a key stands at the top level.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let plain = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
    text.lines().position(plain).map(|index| index + 1)
}

/// The top of a document: keys with the kinds of their values.
struct Top(Vec<(String, Shape)>);

enum Shape {
    Nothing,
    Scalar,
    List,
    Mapping,
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TopVisitor)
    }
}

struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Top;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of cloud-init's keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Top(entries))
    }

    /// Nothing below the first line is a cloud-config too.
    fn visit_unit<E>(self) -> Result<Top, E> {
        Ok(Top(Vec::new()))
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Shape::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Shape::Mapping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Vec<UnknownKey>, Error> {
        check_user_data(text.as_bytes())
    }

    #[track_caller]
    fn mistake(text: &str) -> (u64, String) {
        match check(text) {
            Err(Error::CloudConfig { line, reason, .. }) => (line, reason),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_right_passes() {
        for text in [
            "#cloud-config\n",
            "#cloud-config\npackages: [htop, {snap: [x]}]\nruncmd:\n  - [ls, -l]\n  - echo 'a: b'\n",
            "#cloud-config\nwrite_files:\n- path: /x\n  permissions: '0644'\n  content: |\n    a\n     b\n",
            "#cloud-config\nbase: &base {a: 1}\nntp:\n  <<: *base\nusers: [default]\n",
            "#!/bin/sh\n: [ not yaml\n",
            "## template: jinja\n#cloud-config\nhostname: {{ v1.name }}\n",
            "#cloud-config-archive\n- x\n",
        ] {
            let unknown = check(text).expect(text);
            assert!(unknown.iter().all(|key| key.key == "base"), "{text}: {unknown:?}");
        }
        assert!(check_user_data(&[0x1f, 0x8b, 0xff]).expect("passed over").is_empty());
    }

    #[test]
    fn mistakes_have_their_line() {
        assert_eq!(mistake("#cloud-config\nruncmd:\n  - a\n - b\n").0, 4);
        assert_eq!(mistake("#cloud-config\nusers: [a\nhostname: x\n").0, 3);
        assert_eq!(mistake("#cloud-config\nhostname: a\nhostname: b\n").0, 3);
        let (line, reason) = mistake("#cloud-config\nhostname: a\npackages: htop\n");
        assert_eq!((line, reason.contains("list")), (3, true));
        assert!(mistake("#cloud-config\n- a\n- b\n").0 > 0);
        assert!(mistake("#cloud-config\na: 1\n---\nb: 2\n").0 > 0);
    }

    #[test]
    fn unknown_keys_come_with_the_nearest_known_one() {
        let unknown = check("#cloud-config\nhostname: a\npackage: [htop]\nzzz: 1\n").expect("is YAML");
        assert_eq!(
            unknown,
            [
                UnknownKey { key: "package".into(), line: Some(3), nearest: Some("packages") },
                UnknownKey { key: "zzz".into(), line: Some(4), nearest: None },
            ]
        );
    }
}
