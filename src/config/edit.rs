use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use toml::de::DeTable;
use toml_edit::{DocumentMut, Item, Table};

use super::document::Document;
use super::element::{Form, Key};
use super::error::Error;
use super::load::{known_key, places};
use super::paths::Paths;
use super::raw::Raw;
use super::settings::Config;
use crate::system::fs;

/// Sets `key`, such as "defaults.memory", to what `value` says, in config.toml, which is made if it isn't
/// there. A list is given with commas between, or as TOML. Comments, order and layout stay.
///
/// # Errors
/// [`Error::UnknownKey`]; [`Error::Refused`] when the program couldn't use the value; when config.toml is
/// not TOML, or can't be written.
pub fn set(paths: &Paths, key: &str, value: &str) -> Result<(), Error> {
    let known = known_key(key)?;
    edit(paths, |document| {
        let edited = with_value(document, known, value)?;
        checked(paths, known, &edited, value)?;
        Ok(Some(edited))
    })?;
    Ok(())
}

/// Takes `key` out of config.toml, so that the default holds; whether it was there. Comments stay.
///
/// # Errors
/// [`Error::UnknownKey`]; when config.toml is not TOML, or can't be written.
pub fn unset(paths: &Paths, key: &str) -> Result<bool, Error> {
    let known = known_key(key)?;
    edit(paths, |document| without_key(document, known))
}

/// Writes what `change` makes of config.toml; whether it made something.
fn edit(
    paths: &Paths,
    change: impl FnOnce(&Document) -> Result<Option<String>, Error>,
) -> Result<bool, Error> {
    let folder = paths.config_folder();
    fs::create_private_folder(folder)?;
    // Two edits at the same time must not lose one. Where the file system knows no locks, go on.
    let guard = std::fs::File::open(folder).map_err(fs::Error::at("open", folder))?;
    let _ = guard.lock();
    let file = paths.config_file();
    let document = Document::load(&file)?.unwrap_or_else(|| Document::new(&file, ""));
    let Some(text) = change(&document)? else {
        return Ok(false);
    };
    // Who keeps config.toml elsewhere, behind a link, keeps the link.
    let target: PathBuf = std::fs::canonicalize(&file).unwrap_or(file);
    let mode = std::fs::metadata(&target).map_or(0o600, |data| data.permissions().mode() & 0o777);
    fs::write_atomically(&target, text.as_bytes(), mode)?;
    Ok(true)
}

fn with_value(document: &Document, key: &Key, typed: &str) -> Result<String, Error> {
    let mut tree = editable(document)?;
    let (section, name) = key.name.split_once('.').unwrap_or(("", key.name));
    let refused = |reason: &str| Error::Refused {
        key: key.name.to_owned(),
        value: typed.to_owned(),
        reason: reason.to_owned(),
    };
    let mut value = to_toml(key.form, typed).ok_or_else(|| refused("it is not TOML"))?;
    let table = tree
        .entry(section)
        .or_insert(Item::Table(Table::new()))
        .as_table_like_mut()
        .ok_or_else(|| refused(&format!("{section} is not a table in config.toml")))?;
    match table.get_mut(name) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => {
            table.insert(name, Item::Value(value));
        }
    }
    Ok(tree.to_string())
}

/// What was typed as a TOML value: it may be TOML already (quoted, or in brackets), else `form` says.
fn to_toml(form: Form, typed: &str) -> Option<toml_edit::Value> {
    let trimmed = typed.trim();
    if trimmed.starts_with(['"', '\'']) || (form == Form::List && trimmed.starts_with('[')) {
        return trimmed.parse().ok();
    }
    Some(match form {
        Form::Number => match trimmed.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => trimmed.into(),
        },
        Form::Text => typed.into(),
        Form::List => trimmed
            .split(',')
            .map(str::trim)
            .filter(|element| !element.is_empty())
            .collect::<toml_edit::Array>()
            .into(),
    })
}

/// Reads `key` back from `text` as the program will.
fn checked(paths: &Paths, key: &Key, text: &str, typed: &str) -> Result<(), Error> {
    let document = Document::new(paths.config_file(), text);
    let tree = document.parse()?;
    let Some(value) = key.name.split_once('.').and_then(|(section, name)| {
        let table: &DeTable<'_> = tree.get(section)?.get_ref().as_table()?;
        table.get(name)
    }) else {
        return Ok(());
    };
    (key.read)(&mut Config::default(), Raw::new(value, &places(paths))).map_err(|refusal| Error::Refused {
        key: key.name.to_owned(),
        value: typed.to_owned(),
        reason: refusal.reason,
    })
}

fn without_key(document: &Document, key: &Key) -> Result<Option<String>, Error> {
    let mut tree = editable(document)?;
    let (section, name) = key.name.split_once('.').unwrap_or(("", key.name));
    let removed =
        tree.get_mut(section).and_then(Item::as_table_like_mut).and_then(|table| table.remove(name));
    if removed.is_none() {
        return Ok(None);
    }
    let edited = tree.to_string();
    // Taking the lines out keeps the comment above the key, if that has the same meaning.
    let meaning = |text: &str| text.parse::<toml::Table>().ok();
    let kept = without_lines(document, section, name).filter(|text| meaning(text) == meaning(&edited));
    Ok(Some(kept.unwrap_or(edited)))
}

/// The text without the lines of the key and its value.
fn without_lines(document: &Document, section: &str, name: &str) -> Option<String> {
    let text = document.text();
    let tree = document.parse().ok()?;
    let (key, value) = tree.get(section)?.get_ref().as_table()?.get_key_value(name)?;
    let start = text.get(..key.span().start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let end = value.span().end;
    let end = text.get(end..)?.find('\n').map_or(text.len(), |newline| end + newline + 1);
    Some(format!("{}{}", text.get(..start)?, text.get(end..)?))
}

fn editable(document: &Document) -> Result<DocumentMut, Error> {
    // The reader's own parser goes first: its errors have a place.
    document.parse()?;
    document.text().parse::<DocumentMut>().map_err(|error| Error::Syntax {
        at: document.position(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })
}

#[cfg(test)]
mod tests;
