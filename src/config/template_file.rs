use std::collections::BTreeMap;
use std::path::Path;

use super::document::Document;
use super::error::{Error, Position, Warning};
use super::raw::{Places, Raw};
use super::template::{Origin, Template};
use super::template_key::{KEYS, template_key};

/// A template's own file, read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub template: Template,
    /// Where each key stands, a label's as `labels.KEY`.
    pub places: BTreeMap<String, Position>,
    /// Where the value of `extends` stands.
    pub extends_at: Option<Position>,
    /// The values that can't be taken, in the file's order.
    pub refused: Vec<Error>,
    /// The keys that mean nothing, in the file's order.
    pub warnings: Vec<Warning>,
}

/// The template that stands in `document`, alone. It has the values that can be taken.
///
/// # Errors
/// [`Error::Syntax`].
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
    let mut parsed = Parsed {
        template: Template { name: name.to_owned(), origin, ..Template::default() },
        places: BTreeMap::new(),
        extends_at: None,
        refused: Vec::new(),
        warnings: Vec::new(),
    };
    let table = document.parse()?;
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let name: &str = key.get_ref();
        let Some(known) = template_key(name) else {
            // A template may say its own name; the file's name is what counts.
            if name != "name" {
                let names = KEYS.iter().map(|key| key.name);
                parsed.warnings.push(document.unknown(name, key.span(), names));
            }
            continue;
        };
        if let Err(refusal) = (known.read)(&mut parsed.template, Raw::new(value, &places)) {
            parsed.refused.push(document.refused(name, refusal));
        }
        parsed.places.insert(name.to_owned(), document.position(key.span().start));
        if name == "extends" {
            parsed.extends_at = Some(document.position(value.span().start));
        }
        let labels = value.get_ref().as_table().filter(|_| name == "labels");
        for label in labels.into_iter().flat_map(|labels| labels.keys()) {
            let place = document.position(label.span().start);
            parsed.places.insert(format!("labels.{}", label.get_ref()), place);
        }
    }
    Ok(parsed)
}
