use std::path::{Path, PathBuf};

use super::document::Document;
use super::element::check_template_name;
use super::error::{Error, Position, Warning, nearest_text};
use super::paths::Paths;
use super::template::Origin;
use super::template_chain::{chain, first};
use super::template_file::{Parsed, parse_template};
use crate::system::fs;

/// A template that was looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedTemplate {
    /// Its name.
    pub name: String,
    /// What is wrong with it and with those that it extends; none: it can be used.
    pub problems: Vec<Problem>,
}

/// Something that is wrong in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, if it is at a place.
    pub at: Option<Position>,
    /// What, with what would be right.
    pub message: String,
}

/// Looks through the template of that name, or in that file: `what` is a file's if it has a slash or ends
/// in `.toml`. It finds all that `create` would stumble over, the keys that nobody knows, and files that
/// aren't there.
///
/// # Errors
/// [`Error::UnknownTemplate`], [`Error::NoTemplateFile`], [`Error::TemplateName`], and when a file can't be
/// read.
pub fn check_template(paths: &Paths, what: &str) -> Result<CheckedTemplate, Error> {
    let is_file = what.contains('/') || what.ends_with(".toml");
    let read = if is_file { from_file(paths, Path::new(what)) } else { first(paths, what) };
    let name = if is_file { name_of(Path::new(what)) } else { what.to_owned() };
    let parsed = match read {
        Err(error @ Error::Syntax { .. }) => {
            return Ok(CheckedTemplate { name, problems: vec![Problem::from(&error)] });
        }
        parsed => parsed?,
    };
    let chain = chain(paths, parsed);
    let mut problems: Vec<Problem> = chain.layers.iter().flat_map(problems_of).collect();
    problems.extend(chain.broken.as_ref().map(Problem::from));
    Ok(CheckedTemplate { name, problems })
}

fn from_file(paths: &Paths, file: &Path) -> Result<Parsed, Error> {
    let file = std::path::absolute(file).map_err(fs::Error::at("find", file))?;
    let name = name_of(&file);
    check_template_name(&name)?;
    let document = Document::load(&file)?.ok_or_else(|| Error::NoTemplateFile { path: file.clone() })?;
    parse_template(&document, &name, Origin::File(file), paths.home())
}

fn name_of(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn problems_of(layer: &Parsed) -> Vec<Problem> {
    let mut problems: Vec<Problem> = layer.refused.iter().map(Problem::from).collect();
    problems.extend(layer.warnings.iter().map(Problem::from));
    let template = &layer.template;
    // Names and URLs of images are for `create` to look up.
    let image = template.image.as_ref().filter(|image| image.starts_with('/')).map(PathBuf::from);
    let files: [(&str, &Option<PathBuf>); 4] = [
        ("image", &image),
        ("iso", &template.iso),
        ("virtio_win", &template.virtio_win),
        ("user_data", &template.user_data),
    ];
    for (key, path) in files {
        if let Some(path) = path
            && !path.is_file()
        {
            let message = format!("{key}: there is no file {}", path.display());
            problems.push(Problem { at: layer.places.get(key).cloned(), message });
        }
    }
    problems.sort_by_key(|problem| problem.at.as_ref().map(|at| (at.line, at.column)));
    problems
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::Syntax { at, message } => Self { at: Some(at.clone()), message: message.clone() },
            Error::Value { at, key, value, reason } => {
                Self { at: Some(at.clone()), message: format!("{key} cannot be {value}: {reason}") }
            }
            Error::UnknownTemplate { nearest, .. } | Error::UnknownKey { nearest, .. } => {
                Self { at: None, message: format!("{error}{}", nearest_text(nearest)) }
            }
            other => Self { at: None, message: other.to_string() },
        }
    }
}

impl From<&Warning> for Problem {
    fn from(warning: &Warning) -> Self {
        Self { at: Some(warning.at.clone()), message: warning.message() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_found_in_their_order() {
        let home = tempfile::tempdir().expect("temporary folder");
        let paths = Paths::below(home.path());
        let file = home.path().join("web.toml");
        let text = "cpus = 0\nmemry = 1\niso = 'none.iso'\nvideo = 'vag'\nextends = 'ubunut'\n";
        std::fs::write(&file, text).expect("writes");
        let checked = check_template(&paths, &file.to_string_lossy()).expect("reads");
        let lines: Vec<_> = checked.problems.iter().map(|p| p.at.as_ref().map(|at| at.line)).collect();
        assert_eq!(lines, [Some(1), Some(2), Some(3), Some(4), Some(5)], "{checked:?}");
        assert!(checked.problems[1].message.contains("did you mean memory?"), "{checked:?}");
        std::fs::write(&file, "cpus = [").expect("writes");
        assert_eq!(check_template(&paths, &file.to_string_lossy()).expect("reads").problems.len(), 1);
    }

    #[test]
    fn the_built_in_ones_have_none() {
        let home = tempfile::tempdir().expect("temporary folder");
        let paths = Paths::below(home.path());
        for (name, _) in super::super::template_chain::BUILT_IN {
            let checked = check_template(&paths, name).expect("reads");
            assert_eq!(checked.problems, [], "{name}");
        }
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        let home = tempfile::tempdir().expect("temporary folder");
        let paths = Paths::below(home.path());
        let error = check_template(&paths, "./x.toml").expect_err("is not there");
        assert!(matches!(error, Error::NoTemplateFile { .. }), "{error}");
        assert!(matches!(check_template(&paths, "x"), Err(Error::UnknownTemplate { .. })));
    }
}
