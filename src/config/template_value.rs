//! The values of a template that the configuration doesn't have too.

use std::collections::BTreeMap;

use super::raw::{Raw, Refusal};
use super::value::Value;
use crate::model::{DiskSize, GuestFile, Invalid, Label, NetworkSpec};

/// More than that is a slip. The letters of the devices would end at 26.
const MAX_DISKS: usize = 16;

pub(super) fn text(raw: Raw<'_>) -> Result<String, Refusal> {
    raw.text().map(str::to_owned)
}

pub(super) fn image(raw: Raw<'_>) -> Result<String, Refusal> {
    let text = raw.text()?;
    // A file may be named too; a name of the catalogue has no slash.
    if text.starts_with("~/") || text.starts_with("./") || text.starts_with("../") {
        return raw.path().map(|path| path.display().to_string());
    }
    if text.is_empty() || text.starts_with('-') || text.chars().any(char::is_control) {
        return Err(raw.refuse("expected an image name, a URL or a file"));
    }
    Ok(text.to_owned())
}

pub(super) fn disks(raw: Raw<'_>) -> Result<Vec<DiskSize>, Refusal> {
    let sizes = raw.list()?;
    if sizes.len() > MAX_DISKS {
        return Err(raw.refuse(format!("a VM can have at most {MAX_DISKS} additional disks")));
    }
    sizes.into_iter().map(Raw::measured).collect()
}

pub(super) fn networks(raw: Raw<'_>) -> Result<Vec<NetworkSpec>, Refusal> {
    raw.list()?.into_iter().map(Raw::parsed).collect()
}

pub(super) fn packages(raw: Raw<'_>) -> Result<Vec<String>, Refusal> {
    let package = |raw: Raw<'_>| {
        let name = raw.text()?;
        // A dash in front would be an option to the package manager.
        if name.is_empty() || name.starts_with('-') || name.chars().any(|c| c.is_control() || c == ' ') {
            return Err(raw.refuse("expected a package name"));
        }
        Ok(name.to_owned())
    };
    raw.list()?.into_iter().map(package).collect()
}

pub(super) fn commands(raw: Raw<'_>) -> Result<Vec<String>, Refusal> {
    let command = |raw: Raw<'_>| match raw.text()? {
        "" => Err(raw.refuse("expected a command")),
        command => Ok(command.to_owned()),
    };
    raw.list()?.into_iter().map(command).collect()
}

pub(super) fn write_files(raw: Raw<'_>) -> Result<Vec<GuestFile>, Refusal> {
    raw.list()?.into_iter().map(file).collect()
}

fn file(raw: Raw<'_>) -> Result<GuestFile, Refusal> {
    let mut path = None;
    let mut file = GuestFile { path: String::new(), content: String::new(), permissions: None, owner: None };
    for (key, value) in raw.entries()? {
        match key {
            "path" => path = Some(absolute(value)?),
            "content" => value.text()?.clone_into(&mut file.content),
            "permissions" => file.permissions = Some(permissions(value)?),
            "owner" => file.owner = Some(owner(value)?),
            _ => return Err(value.refuse(format!("{key} is not one of path, content, permissions, owner"))),
        }
    }
    match path {
        Some(path) => Ok(GuestFile { path, ..file }),
        None => Err(raw.refuse("it has no path")),
    }
}

fn absolute(raw: Raw<'_>) -> Result<String, Refusal> {
    let path = raw.text()?;
    if !path.starts_with('/') || path.ends_with('/') || path.chars().any(char::is_control) {
        return Err(raw.refuse("expected the absolute path of a file in the guest"));
    }
    Ok(path.to_owned())
}

fn permissions(raw: Raw<'_>) -> Result<String, Refusal> {
    let mode = raw.text()?;
    if !(3..=4).contains(&mode.len()) || !mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte)) {
        return Err(raw.refuse("expected an octal mode such as \"0644\""));
    }
    Ok(mode.to_owned())
}

fn owner(raw: Raw<'_>) -> Result<String, Refusal> {
    let owner = raw.text()?;
    let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
    if owner.is_empty() || owner.starts_with('-') || !owner.chars().all(taken) {
        return Err(raw.refuse("expected USER or USER:GROUP"));
    }
    Ok(owner.to_owned())
}

pub(super) fn show_files(files: &[GuestFile]) -> Value {
    let table = |file: &GuestFile| {
        let optional = [("permissions", &file.permissions), ("owner", &file.owner)];
        let given = optional.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)));
        let always = [("path", file.path.clone()), ("content", file.content.clone())];
        always.into_iter().chain(given).map(|(key, value)| (key.to_owned(), value)).collect()
    };
    Value::Tables(files.iter().map(table).collect())
}

pub(super) fn labels(raw: Raw<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    raw.entries()?
        .map(|(key, value)| {
            let label = format!("{key}={}", value.text()?);
            let label: Label = label.parse().map_err(|error: Invalid| value.refuse(error.reason))?;
            Ok((label.key, label.value))
        })
        .collect()
}
