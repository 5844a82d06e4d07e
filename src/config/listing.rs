use super::error::Error;
use super::paths::Paths;
use super::template::{Origin, Template};
use super::template_chain::{load_template, names};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_own_and_the_broken_ones_are_listed_too() {
        let home = tempfile::tempdir().expect("temporary folder");
        let paths = Paths::below(home.path());
        std::fs::create_dir_all(paths.templates_folder()).expect("makes the folder");
        std::fs::write(paths.template_file("broken"), "cpus = 0").expect("writes");
        std::fs::write(paths.template_file("ubuntu"), "extends = 'ubuntu'").expect("writes");
        std::fs::write(paths.templates_folder().join("notes.txt"), "x").expect("writes");
        let all = list_templates(&paths);
        let of = |name: &str| all.iter().find(|listed| listed.name == name).expect("is listed");
        assert!(of("broken").template.is_err() && of("debian").template.is_ok());
        assert_eq!(of("ubuntu").origin, Origin::File(paths.template_file("ubuntu")));
        assert!(all.iter().all(|listed| listed.name != "notes"));
    }
}
