use std::io::Write;
use std::path::PathBuf;

use super::element::checked_template_name;
use super::error::Error;
use super::paths::Paths;
use super::template::{Origin, Template};
use super::template_chain::{load_template, names};
use crate::system::fs;

/// A template in the list of all.
#[derive(Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// The template, or what is wrong with it.
    pub template: Result<Template, Error>,
}

/// All templates by name. One that is broken is listed with its error.
pub fn list_templates(paths: &Paths) -> Vec<Listed> {
    let listed = |name: String| {
        let file = paths.template_file(&name);
        let origin = if file.exists() { Origin::File(file) } else { Origin::BuiltIn };
        let template = load_template(paths, &name).map(|loaded| loaded.value);
        Listed { name, origin, template }
    };
    names(paths).into_iter().map(listed).collect()
}

/// Makes a file for a new template of the user's own, to be edited; its path.
///
/// # Errors
/// [`Error::TemplateExists`], [`Error::TemplateName`]; [`Error::UnknownTemplate`] when `extends` is none;
/// when the file can't be written.
pub fn new_template(paths: &Paths, name: &str, extends: Option<&str>) -> Result<PathBuf, Error> {
    checked_template_name(name)?;
    if let Some(parent) = extends {
        load_template(paths, parent)?;
    }
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
    let first = extends.map_or("# extends = \"ubuntu\"".into(), |parent| format!("extends = \"{parent}\""));
    file.write_all(format!("{first}\n{STARTER}").as_bytes()).map_err(fs::Error::at("write", &path))?;
    Ok(path)
}

const STARTER: &str = r#"# description = "what it is for"
# image = "ubuntu-24.04"
# user = "ubuntu"
# memory = "2G"
# cpus = 2
# disk_size = "20G"
# firmware = "bios"          # bios, efi, efi-secure
# accel = "auto"             # auto, kvm, tcg
# networks = ["default"]     # NAME, bridge:NAME, user, none
# user_data = "NAME.yaml"    # beside this file
# wait = "ssh"               # ip, ssh, agent, cloud-init, port=N
# [labels]
# team = "web"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_one_is_made_once_and_listed() {
        let home = tempfile::tempdir().expect("temporary folder");
        let paths = Paths::below(home.path());
        let path = new_template(&paths, "web", Some("ubuntu")).expect("makes it");
        assert_eq!(path, paths.template_file("web"));
        assert!(matches!(new_template(&paths, "web", None), Err(Error::TemplateExists { .. })));
        assert!(matches!(new_template(&paths, "x", Some("nope")), Err(Error::UnknownTemplate { .. })));
        std::fs::write(paths.template_file("broken"), "cpus = 0").expect("writes");
        std::fs::write(paths.templates_folder().join("notes.txt"), "x").expect("writes");
        let all: Vec<_> =
            list_templates(&paths).into_iter().map(|listed| (listed.name, listed.template.is_ok())).collect();
        let expected = [("broken", false), ("debian", true), ("ubuntu", true), ("web", true)];
        assert_eq!(all, expected.map(|(name, ok)| (name.to_owned(), ok)));
    }

    #[test]
    fn every_line_of_the_starter_is_valid() {
        let home = tempfile::tempdir().expect("temporary folder");
        let paths = Paths::below(home.path());
        let text: String = STARTER.lines().map(|l| format!("{}\n", l.trim_start_matches("# "))).collect();
        std::fs::create_dir_all(paths.templates_folder()).expect("makes the folder");
        std::fs::write(paths.template_file("x"), text).expect("writes");
        assert_eq!(load_template(&paths, "x").expect("loads").warnings, []);
    }
}
