use std::io::Write;
use std::path::PathBuf;

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table};

use super::element::check_template_name;
use super::error::Error;
use super::paths::Paths;
use super::template::Template;
use super::template_chain::load_template;
use super::value::Value;
use crate::system::fs;

/// What a new template begins with.
#[derive(Debug, Clone, Copy)]
pub enum NewTemplate<'a> {
    /// Nothing but examples.
    Empty,
    /// Another template, which it extends.
    Extending(&'a str),
    /// The values of this template.
    WithSettings(&'a Template),
}

/// Makes a file for a new template of the user's own, to be edited; its path.
///
/// # Errors
/// [`Error::TemplateExists`], [`Error::TemplateName`]; [`Error::UnknownTemplate`] when the template to
/// extend is none; when the file can't be written.
pub fn new_template(paths: &Paths, name: &str, content: NewTemplate<'_>) -> Result<PathBuf, Error> {
    check_template_name(name)?;
    let text = match content {
        NewTemplate::Empty => STARTER.to_owned(),
        NewTemplate::Extending(parent) => extending(&load_template(paths, parent)?.value),
        NewTemplate::WithSettings(template) => to_toml(template),
    };
    let path = paths.template_file(name);
    fs::create_private_folder(&paths.templates_folder())?;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = match made {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Error::TemplateExists { path });
        }
        Err(error) => return Err(fs::Error::at("make", &path)(error).into()),
    };
    file.write_all(text.as_bytes()).map_err(fs::Error::at("write", &path))?;
    Ok(path)
}

/// The parent's values as comments, to be changed where one wants another.
fn extending(parent: &Template) -> String {
    let values = to_toml(&Template { extends: None, description: None, ..parent.clone() });
    let comments =
        values.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("# {line}\n") });
    let first = format!("extends = \"{}\"\n# description = \"what it is for\"\n\n", parent.name);
    std::iter::once(first).chain(comments).collect()
}

fn to_toml(template: &Template) -> String {
    let mut document = DocumentMut::new();
    for (key, value) in template.settings() {
        document.insert(key, item(value));
    }
    document.to_string()
}

fn item(value: Value) -> Item {
    let table = |entries: std::collections::BTreeMap<String, String>| {
        entries.into_iter().map(|(key, text)| (key, toml_edit::value(text))).collect::<Table>()
    };
    match value {
        Value::Unset => Item::None,
        Value::Text(text) => toml_edit::value(text),
        Value::Number(number) => toml_edit::value(i64::try_from(number).unwrap_or(i64::MAX)),
        Value::Flag(flag) => toml_edit::value(flag),
        Value::List(texts) => toml_edit::value(texts.into_iter().collect::<Array>()),
        Value::Table(entries) => Item::Table(table(entries)),
        Value::Tables(tables) => {
            Item::ArrayOfTables(tables.into_iter().map(table).collect::<ArrayOfTables>())
        }
    }
}

const STARTER: &str = r#"# extends = "ubuntu"
# description = "what it is for"
# image = "ubuntu-26.04"
# iso = "NAME.iso"           # next to this file
# virtio_win = "NAME.iso"    # virtio drivers for Windows
# os_variant = "ubuntu26.04"
# memory = "2G"
# max_memory = "4G"          # most that `set` can give the running VM
# cpus = 2
# max_cpus = 4
# disk_size = "20G"
# disks = ["10G"]            # additional empty disks
# firmware = "bios"          # bios, efi, efi-secure
# accel = "auto"             # auto, kvm, tcg
# machine = "q35"
# cpu_model = "host-model"   # host-passthrough, host-model, maximum, or a model's name
# disk_bus = "virtio"        # virtio, sata
# nic_model = "virtio"       # virtio, e1000e, e1000, rtl8139
# video = "vga"              # vga, virtio, qxl, bochs, none
# clock = "utc"              # utc, localtime
# hyperv = false             # for Windows
# tpm = false
# networks = ["default"]     # NAME, bridge:NAME, user, none
# user = "ubuntu"
# cloud_init = true
# packages = ["git"]
# runcmd = ["echo hello >/etc/motd"]
# user_data = "NAME.yaml"
# wait = "ssh"               # ip, ssh, agent, cloud-init, port=N
# warm = false               # start VMs from a saved running state
# [labels]
# team = "web"
# [[write_files]]
# path = "/etc/motd"
# content = "hello\n"
# permissions = "0644"
"#;

#[cfg(test)]
mod tests {
    use super::super::template_key::KEYS;
    use super::*;

    fn paths() -> (tempfile::TempDir, Paths) {
        let home = tempfile::tempdir().expect("temporary folder");
        let paths = Paths::below(home.path());
        (home, paths)
    }

    fn uncommented(text: &str) -> String {
        text.lines().map(|line| format!("{}\n", line.trim_start_matches("# "))).collect()
    }

    #[test]
    fn it_is_made_once() {
        let (_home, paths) = paths();
        let path = new_template(&paths, "web", NewTemplate::Extending("ubuntu")).expect("makes it");
        assert_eq!(path, paths.template_file("web"));
        let again = new_template(&paths, "web", NewTemplate::Empty);
        assert!(matches!(again, Err(Error::TemplateExists { .. })));
        let unknown = new_template(&paths, "x", NewTemplate::Extending("nope"));
        assert!(matches!(unknown, Err(Error::UnknownTemplate { .. })));
    }

    #[test]
    fn the_starter_names_every_key_and_its_lines_are_valid() {
        let (_home, paths) = paths();
        let path = new_template(&paths, "x", NewTemplate::Empty).expect("makes it");
        std::fs::write(path, uncommented(STARTER)).expect("writes");
        let loaded = load_template(&paths, "x").expect("loads");
        assert_eq!(loaded.warnings, []);
        assert_eq!(loaded.value.settings().len(), KEYS.len());
    }

    #[test]
    fn values_are_read_back_and_a_parents_are_comments() {
        let (_home, paths) = paths();
        let whole = new_template(&paths, "whole", NewTemplate::Empty).expect("makes it");
        std::fs::write(whole, uncommented(STARTER)).expect("writes");
        let whole = load_template(&paths, "whole").expect("loads").value;
        new_template(&paths, "copy", NewTemplate::WithSettings(&whole)).expect("makes it");
        let copy = load_template(&paths, "copy").expect("loads").value;
        assert_eq!(copy.settings(), whole.settings());

        let child = new_template(&paths, "child", NewTemplate::Extending("whole")).expect("makes it");
        let text = std::fs::read_to_string(&child).expect("reads");
        assert!(text.contains("\n# memory = \"2G\"\n"), "{text}");
        std::fs::write(&child, uncommented(&text)).expect("writes");
        assert_eq!(load_template(&paths, "child").expect("loads").warnings, []);
    }
}
