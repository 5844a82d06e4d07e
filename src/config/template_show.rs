use super::error::{Error, Position};
use super::load::{self, Loaded, Source};
use super::paths::Paths;
use super::template::Origin;
use super::template_chain::{chain, first, merged};
use super::value::Value;

/// A template as `create` uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownTemplate {
    /// Its name.
    pub name: String,
    /// The template and those that it extends, each with where it comes from.
    pub chain: Vec<(String, Origin)>,
    /// Its keys that have a value, and those that the configuration has one for.
    pub settings: Vec<ShownSetting>,
}

/// A key with the value that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSetting {
    /// The key; a label's is `labels.KEY`.
    pub key: String,
    /// The value that holds.
    pub value: Value,
    /// The template of the chain that says it; `None` if none does.
    pub template: Option<String>,
    /// Where it stands; `None` if it is a default that is built in.
    pub at: Option<Position>,
}

/// The keys that a template leaves to the configuration, if it doesn't have them.
const FROM_CONFIG: [(&str, &str); 7] = [
    ("memory", "defaults.memory"),
    ("cpus", "defaults.cpus"),
    ("disk_size", "defaults.disk_size"),
    ("firmware", "defaults.firmware"),
    ("accel", "defaults.accel"),
    ("networks", "defaults.network"),
    ("user", "defaults.user"),
];

/// The template of that name with where each of its values comes from, and what the configuration adds.
///
/// # Errors
/// Those of [`super::load_template`] and [`super::load_config`].
pub fn show_template(paths: &Paths, name: &str) -> Result<Loaded<ShownTemplate>, Error> {
    let found = chain(paths, first(paths, name)?);
    let layers: Vec<_> = found
        .layers
        .iter()
        .map(|layer| (layer.template.name.clone(), layer.template.origin.clone(), layer.places.clone()))
        .collect();
    let Loaded { value: template, mut warnings } = merged(found)?;
    let said = |key: &str| layers.iter().find_map(|(name, _, places)| Some((name, places.get(key)?)));
    let mut settings = Vec::new();
    for (key, value) in template.settings() {
        let single: Vec<(String, Value)> = match value {
            Value::Table(table) => {
                table.into_iter().map(|(label, text)| (format!("{key}.{label}"), Value::Text(text))).collect()
            }
            value => vec![(key.to_owned(), value)],
        };
        settings.extend(single.into_iter().map(|(key, value)| {
            let (template, at) = said(&key).map(|(name, at)| (name.clone(), at.clone())).unzip();
            ShownSetting { key, value, template, at }
        }));
    }
    let config = load::show(paths)?;
    for (key, in_config) in FROM_CONFIG {
        let setting = config.value.iter().find(|setting| setting.key == in_config);
        if let Some(setting) = setting
            && !setting.value.is_empty()
            && settings.iter().all(|known| known.key != key)
        {
            let at = match &setting.source {
                Source::Default => None,
                Source::File(at) => Some(at.clone()),
            };
            settings.push(ShownSetting { key: key.into(), value: setting.value.clone(), template: None, at });
        }
    }
    warnings.extend(config.warnings);
    let chain = layers.into_iter().map(|(name, origin, _)| (name, origin)).collect();
    Ok(Loaded { value: ShownTemplate { name: template.name, chain, settings }, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_its_source() {
        let home = tempfile::tempdir().expect("temporary folder");
        let paths = Paths::below(home.path());
        std::fs::create_dir_all(paths.templates_folder()).expect("makes the folder");
        let write = |path: std::path::PathBuf, text: &str| std::fs::write(path, text).expect("writes");
        write(paths.template_file("base"), "[labels]\na = '1'\nb = '1'\n");
        write(paths.template_file("web"), "extends = 'base'\ncpus = 3\n[labels]\nb = '2'\n");
        write(paths.config_file(), "[defaults]\nmemory = '3G'\n");
        let shown = show_template(&paths, "web").expect("loads").value;
        let row = |key: &str| {
            let setting = shown.settings.iter().find(|setting| setting.key == key).expect("is shown");
            let line = setting.at.as_ref().map(|at| at.line);
            (setting.value.to_string(), setting.template.as_deref(), line)
        };
        assert_eq!(row("cpus"), ("3".into(), Some("web"), Some(2)));
        assert_eq!(row("labels.a"), ("1".into(), Some("base"), Some(2)));
        assert_eq!(row("labels.b"), ("2".into(), Some("web"), Some(4)));
        assert_eq!(row("memory"), ("3G".into(), None, Some(2)));
        assert_eq!(row("disk_size"), ("20G".into(), None, None));
        assert_eq!(shown.chain.len(), 2);
    }
}
