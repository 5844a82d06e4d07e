//! 40, 42, 44: cloud-init documents in all their shapes, and file names of every kind.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use serde_json::Value;

use super::super::nothing_is_left;
use super::super::support::{Run, Sandbox, sandbox_or_skip};
use super::{Faults, brief, case, output, shell, tiny_image};

/// A create with that user-data.
fn create_with(sandbox: &Sandbox, user_data: &str) -> Run {
    let image = tiny_image(sandbox);
    let args = ["create", "web", "--image", &image, "-m", "64", "-c", "1", "--user-data", "-", "--json"];
    sandbox.vmtools(&args).stdin(user_data).run()
}

/// The user-data of the VM's seed.
fn seed(sandbox: &Sandbox) -> String {
    let volumes = sandbox.volumes();
    let seed = volumes.iter().find(|path| path.ends_with("-seed.img")).expect("a seed");
    shell(sandbox, "mtype -i \"$0\" ::user-data", &[seed]).stdout
}

/// The parts of a MIME document that are no multipart themselves, as type and text, as Python's parser finds them.
fn parts(document: &str) -> Vec<(String, String)> {
    let document = document.replace("\r\n", "\n");
    let Some((head, body)) = document.split_once("\n\n") else { return Vec::new() };
    let head = head.replace("\n ", " ").replace("\n\t", " ");
    let header = |name: &str| {
        let of = |line: &str| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        head.lines().find_map(of).unwrap_or_default()
    };
    let kind = header("Content-Type");
    if !kind.starts_with("multipart/") {
        let text = if header("Content-Transfer-Encoding").eq_ignore_ascii_case("base64") {
            let packed: String = body.split_whitespace().collect();
            let bytes = base64::engine::general_purpose::STANDARD.decode(packed).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        } else {
            body.to_owned()
        };
        return vec![(kind.split(';').next().unwrap_or_default().trim().to_owned(), text)];
    }
    let boundary = kind.split("boundary=").nth(1).unwrap_or_default();
    let boundary = boundary.trim_start_matches('"').split(['"', ';']).next().unwrap_or_default();
    let (mut found, mut part): (Vec<String>, Option<String>) = (Vec::new(), None);
    for line in body.lines() {
        let delimiter = line.trim_end().strip_prefix("--").and_then(|rest| rest.strip_prefix(boundary));
        match delimiter {
            Some("") => found.extend(part.replace(String::new())),
            Some("--") => {
                found.extend(part.take());
                break;
            }
            _ => {
                if let Some(part) = &mut part {
                    part.push_str(line);
                    part.push('\n');
                }
            }
        }
    }
    found.extend(part);
    found.iter().flat_map(|part| parts(part)).collect()
}

/// How a part asks to be merged, such as `dict(no_replace,recurse_list)+list(append)`.
struct MergeHow(String);

impl MergeHow {
    /// By cloudinit/handlers/cloud_config.py: what a part says itself, else that it replaces what was before.
    fn of(config: &Value) -> Self {
        let said = config["merge_how"].as_str().or(config["merge_type"].as_str());
        Self(said.unwrap_or("dict(replace)+list()+str()").to_owned())
    }

    fn has(&self, kind: &str, option: &str) -> bool {
        let of_kind = |one: &&str| one.trim().split('(').next() == Some(kind);
        let options = self.0.split('+').find(of_kind).and_then(|one| one.trim().split_once('('));
        options.is_some_and(|(_, options)| {
            options.trim_end_matches(')').split(',').any(|one| one.trim() == option)
        })
    }

    /// By cloudinit/mergers/m_dict.py and m_list.py: what the older value is decides; a mapping is always merged
    /// into a mapping, a list only where that is asked for, and any other value stays as it was.
    fn merge(&self, old: Value, new: &Value) -> Value {
        match (old, new) {
            (Value::Object(mut old), Value::Object(new)) => {
                for (key, value) in new {
                    let merged = match old.remove(key) {
                        None => value.clone(),
                        Some(_) if value.is_null() && self.has("dict", "allow_delete") => continue,
                        Some(_) if self.has("dict", "replace") => value.clone(),
                        Some(old) if value.is_array() && !self.has("dict", "recurse_list") => old,
                        Some(old) if value.is_array() || value.is_object() => self.merge(old, value),
                        Some(old) => old,
                    };
                    old.insert(key.clone(), merged);
                }
                old.into()
            }
            (Value::Array(old), Value::Array(new)) if self.has("list", "append") => {
                [old, new.clone()].concat().into()
            }
            (Value::Array(old), Value::Array(new)) if self.has("list", "prepend") => {
                [new.clone(), old].concat().into()
            }
            (Value::Array(old), new) => match new {
                // Each replaces the one in its place.
                Value::Array(new) => {
                    let rest = old.into_iter().skip(new.len());
                    new.iter().cloned().chain(rest).collect::<Vec<_>>().into()
                }
                new => new.clone(),
            },
            (old, _) => old,
        }
    }
}

/// Whom cloud-init makes of these parts, each with what is said of it first: their cloud-configs merged, then read
/// as cloudinit/distros/ug_util.py does (`_normalize_users`).
fn users(parts: &[(String, String)]) -> Vec<(String, Value)> {
    let mut all = Value::Object(serde_json::Map::new());
    for (kind, text) in parts {
        if !kind.contains("cloud-config") && !text.starts_with("#cloud-config") {
            continue;
        }
        let Ok(config) = serde_saphyr::from_str::<Value>(text) else { continue };
        all = MergeHow::of(&config).merge(all, &config);
    }
    let named =
        |text: &str| text.split(',').map(|name| (name.trim().to_owned(), Value::Null)).collect::<Vec<_>>();
    let found: Vec<(String, Value)> = match &all["users"] {
        Value::String(text) => named(text),
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| {
                value.is_object() || ["true", "1", "\"yes\"", "\"on\""].contains(&value.to_string().as_str())
            })
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        Value::Array(items) => items
            .iter()
            .flat_map(|item| match item {
                Value::String(text) => named(text),
                Value::Array(names) => names.iter().filter_map(Value::as_str).flat_map(named).collect(),
                item => vec![(item["name"].as_str().unwrap_or("default").to_owned(), item.clone())],
            })
            .collect(),
        _ => Vec::new(),
    };
    let mut seen = Vec::new();
    found
        .into_iter()
        .filter(|(name, _)| {
            !seen.contains(name) && {
                seen.push(name.clone());
                true
            }
        })
        .collect()
}

#[test]
fn users_in_every_shape_leave_vmtools_its_own() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let mime = |part: &str| {
        format!(
            "Content-Type: multipart/mixed; boundary=\"BB\"\nMIME-Version: 1.0\n\n--BB\n\
             Content-Type: text/cloud-config\n\n{part}\n--BB--\n"
        )
    };
    let theirs = case("44-users-string.yaml");
    let documents = [
        ("a string", theirs.clone(), &["deploy", "ops"][..]),
        ("a string with blanks", "#cloud-config\nusers: \"deploy, ops\"\n".into(), &["deploy", "ops"]),
        ("one name", "#cloud-config\nusers: deploy\n".into(), &["deploy"]),
        ("the image's alone", "#cloud-config\nusers: default\n".into(), &[]),
        (
            "a mapping",
            "#cloud-config\nusers:\n  deploy: true\n  ops:\n    shell: /bin/sh\n".into(),
            &["deploy", "ops"],
        ),
        ("nothing", "#cloud-config\nusers:\n".into(), &[]),
        ("no users", "#cloud-config\nusers: []\n".into(), &[]),
        ("names in a list", "#cloud-config\nusers: [deploy, ops]\n".into(), &["deploy", "ops"]),
        ("a part of a message", mime(&theirs), &["deploy", "ops"]),
        (
            "with a way to merge",
            format!("{theirs}merge_how: 'dict(replace)+list()+str()'\n"),
            &["deploy", "ops"],
        ),
        ("the case with AllowUsers", case("44-allowusers.yaml"), &["myuser"]),
        ("a user beside them", "#cloud-config\nuser: chief\nusers: deploy\n".into(), &["deploy"]),
    ];
    let mut faults = Faults::default();
    for (what, document, names) in documents {
        let run = create_with(&sandbox, &document);
        if run.status.success() {
            let found = users(&parts(&seed(&sandbox)));
            let own = found.iter().find(|(name, _)| name == "vmtools").map(|(_, said)| said);
            let has_key =
                own.is_some_and(|user| !user["ssh_authorized_keys"].as_array().is_none_or(Vec::is_empty));
            faults.check(has_key, format_args!("{what}: nobody can log in: {found:?}"));
            let is_there = |wanted: &&&str| found.iter().any(|(name, _)| name == *wanted);
            faults.check(names.iter().all(|name| is_there(&name)), format_args!("{what}: lost: {found:?}"));
            // It is written before sshd starts, so vmtools could not log in as its user.
            let is_warned = run.stderr.contains("AllowUsers") == document.contains("AllowUsers");
            faults.check(is_warned, format_args!("{what}: warned or not: {}", run.stderr));
            sandbox.vmtools(&["delete", "--force", "web"]).run().success();
        } else {
            faults.check(run.status.code() == Some(2), format_args!("{what}: {}", brief(&run)));
        }
        nothing_is_left(&sandbox);
    }
    faults.none();
}

#[test]
fn a_message_is_taken_as_cloud_init_takes_it_or_refused_before_anything_is_made() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let head = "Content-Type: multipart/mixed; boundary=\"==BB==\"\nMIME-Version: 1.0\n\n";
    let zone =
        "Content-Type: text/cloud-config; charset=\"us-ascii\"\n\n#cloud-config\ntimezone: Europe/Rome\n";
    let echo = "Content-Type: text/x-shellscript\n\n#!/bin/sh\necho hi\n";
    let whole = format!("{head}--==BB==\n{zone}\n--==BB==\n{echo}\n--==BB==--\n");
    let documents = [
        ("whole", whole.clone(), true),
        ("with CRLF", whole.replace('\n', "\r\n"), true),
        ("without an end", format!("{head}--==BB==\n{zone}\n--==BB==\n{echo}\n"), true),
        ("with blanks behind boundaries", whole.replace("--==BB==\n", "--==BB==  \n"), true),
        ("with small letters", whole.replace("Content-Type: multipart", "content-type: multipart"), true),
        (
            "with text before and behind",
            whole.replacen("\n\n--==BB==\nContent", "\n\nsome text\n--==BB==\nContent", 1) + "and more\n",
            true,
        ),
        // What stands behind a part's header is its own: here YAML that cloud-init cannot load.
        ("with text in a part", whole.replacen("Rome\n\n--==BB==", "Rome\n\nsome text\n--==BB==", 1), false),
        (
            "with the version first",
            whole.replacen(
                head,
                "MIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=\"==BB==\"\n\n",
                1,
            ),
            true,
        ),
        ("a boundary without quotes", whole.replacen("\"==BB==\"", "BB", 1).replace("==BB==", "BB"), true),
        (
            "one in another",
            format!(
                "{head}--==BB==\nContent-Type: multipart/mixed; boundary=\"CC\"\n\n--CC\n{zone}\n--CC\n{echo}\n--CC--\n--==BB==--\n"
            ),
            true,
        ),
        ("the case", case("42-multipart-broken.txt"), false),
        ("a boundary that never comes", whole.replace("--==BB==", "--==XX=="), false),
        ("no boundary", whole.replacen("; boundary=\"==BB==\"", "", 1), false),
        ("an empty boundary", whole.replacen("\"==BB==\"", "\"\"", 1), false),
        ("no part", format!("{head}--==BB==--\n"), false),
        ("a head alone", head.to_owned(), false),
        ("a boundary of one dash", whole.replace("--==BB==", "-==BB=="), false),
    ];
    let mut faults = Faults::default();
    for (what, document, is_right) in documents {
        let run = create_with(&sandbox, &document);
        let code = if is_right { 0 } else { 2 };
        faults.check(run.status.code() == Some(code), format_args!("{what}: {}", brief(&run)));
        if run.status.success() {
            let found = parts(&seed(&sandbox));
            let has = |text: &str| found.iter().any(|(_, part)| part.contains(text));
            let all = has("Europe/Rome") && has("echo hi");
            faults.check(all || !is_right, format_args!("{what}: it is lost on the way: {found:?}"));
            sandbox.vmtools(&["delete", "--force", "web"]).run().success();
        } else {
            faults.check(sandbox.domains().is_empty(), format_args!("{what}: a VM is left"));
        }
        nothing_is_left(&sandbox);
    }
    faults.none();
}

/// The names of the case, each written there as a Python literal.
fn names() -> Vec<OsString> {
    let unquoted = |line: &str| {
        let quote = line.chars().next().unwrap();
        let mut rest = line.trim_matches(quote);
        let mut name = Vec::new();
        while let Some(next) = rest.chars().next() {
            let (bytes, length) = match (rest.strip_prefix("\\udc"), rest.strip_prefix('\\')) {
                (Some(code), _) => (vec![u8::from_str_radix(&code[..2], 16).unwrap()], 6),
                (_, Some(code)) => {
                    let byte = match code.as_bytes()[0] {
                        b'n' => b'\n',
                        b't' => b'\t',
                        other => other,
                    };
                    (vec![byte], 2)
                }
                _ => (next.to_string().into_bytes(), next.len_utf8()),
            };
            name.extend(bytes);
            rest = &rest[length..];
        }
        OsString::from_vec(name)
    };
    let listed = case("40-names.txt");
    let mut names: Vec<OsString> = listed.lines().filter(|line| !line.is_empty()).map(unquoted).collect();
    // What XML would make a blank of, or take away.
    for more in [
        "carriage\rreturn.x",
        "tab at the end\t",
        "two  blanks.x",
        "bell\u{7}.x",
        "&amp;.x",
        "<![CDATA[.x",
        "]]>.x",
        "\u{a0}.x",
        "\u{2028}.x",
        "\u{fffe}.x",
    ] {
        names.push(more.into());
    }
    names
}

/// Makes a file of that many MiB under each name, in a folder of its own, and gives their paths.
fn name_files(sandbox: &Sandbox, folder: &str) -> Vec<(PathBuf, u64)> {
    let folder = sandbox.root().join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let files = names().into_iter().zip(1..).map(|(name, size)| {
        let path = folder.join(name);
        std::fs::File::create(&path).unwrap().set_len(size << 20).unwrap();
        (path, size << 20)
    });
    files.collect()
}

/// The size that libvirt finds of the file that a VM's disk is.
fn capacity(sandbox: &Sandbox, vm: &str, target: &str) -> Option<u64> {
    let run = sandbox.virsh_command(&["domblkinfo", vm, target]).run();
    run.stdout
        .lines()
        .find_map(|line| line.strip_prefix("Capacity:"))
        .and_then(|size| size.trim().parse().ok())
}

fn with<'a>(before: &[&'a str], path: &'a Path, after: &[&'a str]) -> Vec<&'a OsStr> {
    let words = |words: &[&'a str]| words.iter().map(|word| OsStr::new(*word)).collect::<Vec<_>>();
    [words(before), vec![path.as_os_str()], words(after)].concat()
}

fn shown(path: &Path) -> String {
    format!("{:?}", path.file_name().unwrap_or_default().as_bytes().escape_ascii().to_string())
}

#[test]
fn a_disk_is_the_file_that_was_named() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    super::super::define_empty(&sandbox, &["other"]);
    let mut faults = Faults::default();
    for (path, size) in name_files(&sandbox, "names") {
        // In all the ways that a shell would give it.
        let name = Path::new(path.file_name().unwrap());
        for (given, folder) in [(path.as_path(), sandbox.home()), (name, path.parent().unwrap().to_owned())] {
            let args = with(&["disk", "add", "other", "--json", "--file"], given, &[]);
            let run = sandbox.vmtools(&args).cwd(folder).run();
            let target = sandbox.virsh(&["domblklist", "other"]).lines();
            let target = target.first().and_then(|line| line.split(' ').next().map(str::to_owned));
            match (run.status.code(), target) {
                (Some(0), Some(target)) => {
                    let found = capacity(&sandbox, "other", &target);
                    let is_it = found == Some(size);
                    faults.check(is_it, format_args!("{}: it is another file: {found:?}", shown(&path)));
                    let told = run.json()["path"].as_str().map(PathBuf::from);
                    faults.check(
                        told.as_deref() == Some(&path),
                        format_args!("{}: told as {told:?}", shown(&path)),
                    );
                    sandbox.virsh(&["detach-disk", "other", &target, "--config"]);
                }
                // A name that a definition cannot hold, or that begins like a flag.
                (Some(2 | 3 | 9), None) => {}
                (_, target) => {
                    faults.check(false, format_args!("{}: {target:?}: {}", shown(&path), brief(&run)))
                }
            }
        }
    }
    faults.none();
}

#[test]
fn an_image_an_iso_and_a_mount_are_what_was_named() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = tiny_image(&sandbox);
    let mut faults = Faults::default();
    let odd = |path: &Path| {
        let name = path.file_name().unwrap().as_bytes();
        name.iter().any(|byte| b"\t\n\r<,:\xff\x07".contains(byte))
            || name.starts_with(b" ")
            || name.starts_with(b"json")
    };
    let files: Vec<_> = name_files(&sandbox, "names").into_iter().filter(|(path, _)| odd(path)).collect();
    let folders = sandbox.root().join("folders");
    for (path, size) in files {
        let create = ["create", "web", "-m", "64", "-c", "1", "--json"];
        let made = |args: &[&OsStr]| sandbox.vmtools(args).run();
        let refused =
            |run: &Run| matches!(run.status.code(), Some(2 | 3 | 9 | 11)) && sandbox.domains().is_empty();
        let drop_it = || drop(sandbox.vmtools(&["delete", "--force", "--if-exists", "web"]).run());

        let run = made(&with(&[&create[..], &["--image"]].concat(), &path, &[]));
        if run.status.success() {
            let base = run.json()["disks"][0]["backing"].as_str().unwrap_or_default().to_owned();
            let info = sandbox.as_root("qemu-img", &["info", "--output=json", &base]).run();
            let found = info.json()["virtual-size"].as_u64();
            faults.check(found == Some(size), format_args!("{} as an image: {found:?}", shown(&path)));
        } else {
            faults.check(refused(&run), format_args!("{}: {}", shown(&path), brief(&run)));
        }
        drop_it();

        let run = made(&with(&[&create[..], &["--image", &image, "--iso"]].concat(), &path, &[]));
        if run.status.success() {
            let listed = sandbox.virsh(&["domblklist", "web", "--details"]).stdout;
            let drive = listed.lines().find(|line| line.contains("cdrom")).unwrap_or_default().to_owned();
            let target = drive.split_whitespace().nth(2).unwrap_or_default().to_owned();
            let found = capacity(&sandbox, "web", &target);
            faults.check(found == Some(size), format_args!("{} as an ISO: {found:?}", shown(&path)));
            // As any reader of the definition has it, libvirt when it starts again among them.
            let status = sandbox.vmtools(&["status", "web", "--json"]).run().success().json();
            let is_told =
                status["disks"].as_array().unwrap().iter().any(|disk| disk["path"].as_str() == path.to_str());
            faults.check(is_told, format_args!("{} as an ISO: told as {}", shown(&path), status["disks"]));
        } else {
            faults.check(refused(&run), format_args!("{}: {}", shown(&path), brief(&run)));
        }
        drop_it();

        let folder = folders.join(path.file_name().unwrap());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        let mut spec = folder.clone().into_os_string();
        spec.push(":/mnt");
        let run =
            made(&with(&[&create[..], &["--image", &image, "--mount"]].concat(), Path::new(&spec), &[]));
        if run.status.success() {
            let xml = sandbox.virsh(&["dumpxml", "--inactive", "web"]).stdout;
            let source = xml.split("<source dir='").nth(1).and_then(|rest| rest.split('\'').next());
            let source = source.map(|text| PathBuf::from(unescaped(text)));
            faults.check(
                source.as_deref() == Some(&folder),
                format_args!("{} as a mount: {source:?}", shown(&folder)),
            );
        } else {
            faults.check(refused(&run), format_args!("{}: {}", shown(&folder), brief(&run)));
        }
        drop_it();
    }
    faults.none();
}

/// The text of an attribute as libvirt prints it.
fn unescaped(text: &str) -> String {
    let named = [
        ("&#10;", "\n"),
        ("&#xA;", "\n"),
        ("&#9;", "\t"),
        ("&#x9;", "\t"),
        ("&#13;", "\r"),
        ("&#xD;", "\r"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    named.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A terminal is told what to do by such characters.
#[test]
fn control_characters_of_names_do_not_reach_the_terminal() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    // XML has no escape characters; these are what it can hold: the second set of controls, and marks that turn text.
    let name = "odd\u{9b}31m\u{85}\u{202e}name";
    super::super::define_empty(&sandbox, &[name, "plain"]);
    let describe = ["desc", "plain", "--config", "--title", "title\u{9b}31m"];
    sandbox.virsh(&describe);
    let mut faults = Faults::default();
    for args in [
        &["list", "--all"][..],
        &["status", name],
        &["disk", "list", name],
        &["delete", name, "--dry-run"],
        &["start", name, "--wait=port=9", "--timeout", "1s"],
        &["networks"],
        &["gc", "--dry-run"],
        &["delete", "--force", name],
    ] {
        let run = sandbox.vmtools(args).run();
        let is_odd = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        let odd: Vec<char> = output(&run).chars().filter(|c| is_odd(*c)).collect();
        faults.check(odd.is_empty(), format_args!("{}: {odd:?}", brief(&run)));
    }
    faults.none();
}
