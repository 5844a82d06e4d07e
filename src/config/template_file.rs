use std::collections::BTreeMap;
use std::path::Path;

use super::document::Document;
use super::element::{Accel, Boot, Cpus, Disk, Element, Memory, TemplateName, User};
use super::error::{Error, Position, Warning};
use super::raw::{Places, Raw, Refusal};
use super::template::{Origin, Template};
use crate::model::Label;

/// A template's own file, read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub template: Template,
    /// Where `extends` stands.
    pub extends_at: Option<Position>,
    pub warnings: Vec<Warning>,
}

/// The template that stands in `document`, alone.
pub(super) fn parse_template(
    document: &Document,
    name: &str,
    origin: Origin,
    home: &Path,
) -> Result<Parsed, Error> {
    let folder = match &origin {
        Origin::BuiltIn => None,
        Origin::File(file) => file.parent().map(Path::to_owned),
    };
    let places = Places { home: home.to_owned(), folder };
    let mut parsed =
        Parsed { template: Template::empty(name, origin), extends_at: None, warnings: Vec::new() };
    for (key, value) in &document.parse()? {
        let name: &str = key.get_ref();
        let known = parsed
            .template
            .take(name, Raw::new(value, &places))
            .map_err(|refusal| document.refused(name, refusal))?;
        if name == "extends" {
            parsed.extends_at = Some(document.position(value.span().start));
        }
        // A template may say its own name; the file's name is what counts.
        if !known && name != "name" {
            parsed.warnings.push(document.unknown(name, key.span(), KEYS));
        }
    }
    parsed.warnings.sort_by_key(|warning| (warning.at.line, warning.at.column));
    Ok(parsed)
}

const KEYS: [&str; 14] = [
    "description",
    "extends",
    "memory",
    "cpus",
    "disk_size",
    "firmware",
    "accel",
    "image",
    "iso",
    "user",
    "networks",
    "user_data",
    "labels",
    "wait",
];

impl Template {
    fn empty(name: &str, origin: Origin) -> Self {
        Self {
            name: name.to_owned(),
            origin,
            description: None,
            extends: None,
            memory: None,
            cpus: None,
            disk_size: None,
            firmware: None,
            accel: None,
            image: None,
            iso: None,
            user: None,
            networks: None,
            user_data: None,
            labels: BTreeMap::new(),
            wait: None,
        }
    }

    /// Takes the value of `key`; whether there is such a key.
    fn take(&mut self, key: &str, raw: Raw<'_>) -> Result<bool, Refusal> {
        match key {
            "description" => self.description = Some(raw.text()?.to_owned()),
            "extends" => self.extends = TemplateName::read(raw)?,
            "memory" => self.memory = Some(Memory::read(raw)?),
            "cpus" => self.cpus = Some(Cpus::read(raw)?),
            "disk_size" => self.disk_size = Some(Disk::read(raw)?),
            "firmware" => self.firmware = Some(Boot::read(raw)?),
            "accel" => self.accel = Some(Accel::read(raw)?),
            "image" => self.image = Some(image(raw)?),
            "iso" => self.iso = Some(raw.path()?),
            "user" => self.user = User::read(raw)?,
            "networks" => {
                self.networks = Some(raw.list()?.into_iter().map(Raw::parsed).collect::<Result<_, _>>()?)
            }
            "user_data" => self.user_data = Some(raw.path()?),
            "labels" => self.labels = labels(raw)?,
            "wait" => self.wait = Some(raw.parsed()?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn image(raw: Raw<'_>) -> Result<String, Refusal> {
    let text = raw.text()?;
    // A file may be named too; a name of the catalogue has no slash.
    if text.starts_with("~/") || text.starts_with("./") || text.starts_with("../") {
        return raw.path().map(|path| path.display().to_string());
    }
    if text.is_empty() || text.starts_with('-') || text.chars().any(char::is_control) {
        return Err(raw.refuse("the name of an image, a URL or a file is needed"));
    }
    Ok(text.to_owned())
}

fn labels(raw: Raw<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    raw.entries()?
        .map(|(key, value)| {
            let label = format!("{key}={}", value.text()?);
            let label: Label =
                label.parse().map_err(|error: crate::model::Invalid| value.refuse(error.reason))?;
            Ok((label.key, label.value))
        })
        .collect()
}
