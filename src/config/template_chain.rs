use super::document::Document;
use super::element::check_template_name;
use super::error::Error;
use super::load::Loaded;
use super::paths::Paths;
use super::template::{Origin, Template};
use super::template_file::{Parsed, parse_template};
use crate::model::nearest;

/// The templates that are part of vmtools, with their text.
pub(super) const BUILT_IN: [(&str, &str); 26] = [
    ("alma", include_str!("builtin/alma.toml")),
    ("alma-9", include_str!("builtin/alma-9.toml")),
    ("alpine", include_str!("builtin/alpine.toml")),
    ("alpine-3.23", include_str!("builtin/alpine-3.23.toml")),
    ("amazon", include_str!("builtin/amazon.toml")),
    ("arch", include_str!("builtin/arch.toml")),
    ("centos-stream", include_str!("builtin/centos-stream.toml")),
    ("centos-stream-9", include_str!("builtin/centos-stream-9.toml")),
    ("cirros", include_str!("builtin/cirros.toml")),
    ("debian", include_str!("builtin/debian.toml")),
    ("debian-12", include_str!("builtin/debian-12.toml")),
    ("development", include_str!("builtin/development.toml")),
    ("fedora", include_str!("builtin/fedora.toml")),
    ("fedora-coreos", include_str!("builtin/fedora-coreos.toml")),
    ("flatcar", include_str!("builtin/flatcar.toml")),
    ("freebsd", include_str!("builtin/freebsd.toml")),
    ("freebsd-14", include_str!("builtin/freebsd-14.toml")),
    ("opensuse", include_str!("builtin/opensuse.toml")),
    ("oracle", include_str!("builtin/oracle.toml")),
    ("oracle-9", include_str!("builtin/oracle-9.toml")),
    ("rocky", include_str!("builtin/rocky.toml")),
    ("rocky-9", include_str!("builtin/rocky-9.toml")),
    ("ubuntu", include_str!("builtin/ubuntu.toml")),
    ("ubuntu-22.04", include_str!("builtin/ubuntu-22.04.toml")),
    ("ubuntu-24.04", include_str!("builtin/ubuntu-24.04.toml")),
    ("windows", include_str!("builtin/windows.toml")),
];

/// The template `name`, laid over those that it extends: the user's own if there is one, else the one
/// that is built in. A user's template that extends its own name extends the built-in one.
///
/// # Errors
/// [`Error::UnknownTemplate`], [`Error::TemplateName`], [`Error::Cycle`], and what is wrong in a file.
pub fn load_template(paths: &Paths, name: &str) -> Result<Loaded<Template>, Error> {
    merged(chain(paths, first(paths, name)?))
}

/// The template of that name alone.
pub(super) fn first(paths: &Paths, name: &str) -> Result<Parsed, Error> {
    check_template_name(name)?;
    resolve(paths, name)?.ok_or_else(|| Error::UnknownTemplate {
        name: name.to_owned(),
        nearest: nearest(name, names(paths).iter().map(String::as_str)),
    })
}

/// Whether there is a template of that name, be it a broken one.
pub fn has_template(paths: &Paths, name: &str) -> bool {
    names(paths).iter().any(|known| known == name)
}

/// The names of all templates, sorted; files with a name that none can have are left out.
pub(super) fn names(paths: &Paths) -> Vec<String> {
    let mut names: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
    for entry in std::fs::read_dir(paths.templates_folder()).into_iter().flatten().flatten() {
        let path = entry.path();
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        if path.extension().is_some_and(|end| end == "toml") && check_template_name(name).is_ok() {
            names.push(name.to_owned());
        }
    }
    names.sort();
    names.dedup();
    names
}

/// The template of that name alone: the user's own, else the one built in.
fn resolve(paths: &Paths, name: &str) -> Result<Option<Parsed>, Error> {
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

/// A template and those that it extends.
pub(super) struct Chain {
    /// The template itself first; each extends the one behind it.
    pub layers: Vec<Parsed>,
    /// Why it goes no further, though it should.
    pub broken: Option<Error>,
}

/// The chain that begins with that template.
pub(super) fn chain(paths: &Paths, first: Parsed) -> Chain {
    let mut chain = Chain { layers: Vec::new(), broken: None };
    let mut next = Some(first);
    while let Some(parsed) = next {
        let parent = parent(paths, &parsed);
        chain.layers.push(parsed);
        next = match parent {
            Ok(Some(parent)) if chain.holds(&parent) => {
                let names = chain.layers.iter().chain([&parent]).map(|layer| layer.template.name.clone());
                chain.broken = Some(Error::Cycle { chain: names.collect() });
                None
            }
            Ok(parent) => parent,
            Err(error) => {
                chain.broken = Some(error);
                None
            }
        };
    }
    chain
}

impl Chain {
    fn holds(&self, parsed: &Parsed) -> bool {
        let same = |a: &Template, b: &Template| a.name == b.name && a.origin == b.origin;
        self.layers.iter().any(|layer| same(&layer.template, &parsed.template))
    }
}

/// The chain's templates laid over each other.
pub(super) fn merged(chain: Chain) -> Result<Loaded<Template>, Error> {
    let mut value = Template::default();
    let mut warnings = Vec::new();
    for (depth, layer) in chain.layers.into_iter().enumerate() {
        if let Some(refused) = layer.refused.into_iter().next() {
            return Err(refused);
        }
        value = if depth == 0 { layer.template } else { value.over(&layer.template) };
        warnings.extend(layer.warnings);
    }
    match chain.broken {
        Some(error) => Err(error),
        None => Ok(Loaded { value, warnings }),
    }
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
