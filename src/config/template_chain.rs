use std::path::Path;

use super::document::Document;
use super::element::checked_template_name;
use super::error::{Error, Warning};
use super::load::Loaded;
use super::nearest::nearest;
use super::paths::Paths;
use super::template::{Origin, Template};
use super::template_file::{Parsed, parse_template};

/// The templates that are part of vmtools, with their text.
pub(super) const BUILT_IN: [(&str, &str); 2] =
    [("debian", include_str!("builtin/debian.toml")), ("ubuntu", include_str!("builtin/ubuntu.toml"))];

/// The template `name`, laid over those that it extends: the user's own if there is one, else the one
/// that is built in. A user's template that extends its own name extends the built-in one.
///
/// # Errors
/// [`Error::UnknownTemplate`], [`Error::TemplateName`], [`Error::Cycle`], and what is wrong in a file.
pub fn load_template(paths: &Paths, name: &str) -> Result<Loaded<Template>, Error> {
    checked_template_name(name)?;
    let first = resolve(paths, name)?.ok_or_else(|| Error::UnknownTemplate {
        name: name.to_owned(),
        nearest: nearest(name, names(paths).iter().map(String::as_str)),
    })?;
    merged(paths, first)
}

/// The template in any file, laid over those that it extends, as it would be used from the templates
/// folder; for a check.
///
/// # Errors
/// Those of [`load_template`], and when the file isn't there.
pub fn check_template(paths: &Paths, file: &Path) -> Result<Loaded<Template>, Error> {
    let text = std::fs::read_to_string(file).map_err(crate::system::fs::Error::at("read", file))?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    checked_template_name(&name)?;
    let origin = Origin::File(file.to_owned());
    merged(paths, parse_template(&Document::new(file, text), &name, origin, paths.home())?)
}

/// The names of all templates, sorted; files with a name that none can have are left out.
pub(super) fn names(paths: &Paths) -> Vec<String> {
    let mut names: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
    for entry in std::fs::read_dir(paths.templates_folder()).into_iter().flatten().flatten() {
        let path = entry.path();
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        if path.extension().is_some_and(|end| end == "toml") && checked_template_name(name).is_ok() {
            names.push(name.to_owned());
        }
    }
    names.sort();
    names.dedup();
    names
}

/// The template of that name alone: the user's own, else the one built in.
pub(super) fn resolve(paths: &Paths, name: &str) -> Result<Option<Parsed>, Error> {
    let file = paths.template_file(name);
    match Document::load(&file)? {
        Some(document) => parse_template(&document, name, Origin::File(file), paths.home()).map(Some),
        None => built_in(paths, name),
    }
}

fn built_in(paths: &Paths, name: &str) -> Result<Option<Parsed>, Error> {
    BUILT_IN
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| {
            let document = Document::new(format!("(built-in template {name})"), *text);
            parse_template(&document, name, Origin::BuiltIn, paths.home())
        })
        .transpose()
}

fn merged(paths: &Paths, first: Parsed) -> Result<Loaded<Template>, Error> {
    let mut layers: Vec<Template> = Vec::new();
    let mut warnings: Vec<Warning> = Vec::new();
    let mut next = Some(first);
    while let Some(parsed) = next {
        next = parent(paths, &parsed)?;
        layers.push(parsed.template);
        warnings.extend(parsed.warnings);
        if let Some(parent) = &next
            && layers.iter().any(|l| l.name == parent.template.name && l.origin == parent.template.origin)
        {
            let mut chain: Vec<String> = layers.into_iter().map(|layer| layer.name).collect();
            chain.push(parent.template.name.clone());
            return Err(Error::Cycle { chain });
        }
    }
    let mut layers = layers.into_iter().rev();
    // There is at least the first.
    let base = layers.next().ok_or_else(|| Error::Cycle { chain: Vec::new() })?;
    Ok(Loaded { value: layers.fold(base, |below, layer| layer.over(below)), warnings })
}

/// The template that `child` extends.
fn parent(paths: &Paths, child: &Parsed) -> Result<Option<Parsed>, Error> {
    let (Some(name), Some(at)) = (&child.template.extends, &child.extends_at) else {
        return Ok(None);
    };
    let found = if *name == child.template.name { built_in(paths, name)? } else { resolve(paths, name)? };
    if found.is_some() {
        return Ok(found);
    }
    if *name == child.template.name {
        return Err(Error::Cycle { chain: vec![name.clone(), name.clone()] });
    }
    let near = nearest(name, names(paths).iter().map(String::as_str));
    Err(Error::Value {
        at: at.clone(),
        key: "extends".into(),
        value: format!("{name:?}"),
        reason: match near.is_empty() {
            true => "there is no such template".into(),
            false => format!("there is no such template (did you mean {}?)", near.join(", ")),
        },
    })
}

#[cfg(test)]
mod tests;
