//! What a template has the guest do, as cloud-config.

use serde_json::{Map, Value, json};

use crate::model::{GuestFile, GuestSetup};

/// The keys of a cloud-config, none of them empty.
pub(super) fn setup_keys(setup: &GuestSetup) -> Map<String, Value> {
    let files: Vec<Value> = setup.write_files.iter().map(file).collect();
    let lists: [(&str, Value); 3] = [
        ("packages", setup.packages.as_slice().into()),
        ("write_files", files.into()),
        ("runcmd", setup.runcmd.as_slice().into()),
    ];
    lists
        .into_iter()
        .filter(|(_, list)| list.as_array().is_some_and(|list| !list.is_empty()))
        .map(|(key, list)| (key.to_owned(), list))
        .collect()
}

fn file(file: &GuestFile) -> Value {
    let mut entry = json!({ "path": file.path, "content": file.content });
    if let Some(permissions) = &file.permissions {
        entry["permissions"] = permissions.as_str().into();
    }
    if let Some(owner) = &file.owner {
        entry["owner"] = owner.as_str().into();
        // Else cloud-init looks for a user that it makes later.
        entry["defer"] = true.into();
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_is_said() {
        assert_eq!(setup_keys(&GuestSetup::default()), Map::new());
        let setup = GuestSetup {
            packages: vec!["git".into()],
            write_files: vec![GuestFile {
                path: "/etc/motd".into(),
                content: "a\"\n".into(),
                permissions: Some("0600".into()),
                owner: None,
            }],
            runcmd: Vec::new(),
        };
        let expected = json!({
            "packages": ["git"],
            "write_files": [{"path": "/etc/motd", "content": "a\"\n", "permissions": "0600"}],
        });
        assert_eq!(Value::Object(setup_keys(&setup)), expected);
    }
}
