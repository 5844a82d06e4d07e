use std::process::ExitCode;

use clap::Args;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::{self, SettingRow};
use crate::config::{self, Source};
use crate::problem::Problem;

/// Show or change the configuration.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools config --set defaults.memory=4G\
                  \n  vmtools config --get defaults.memory")]
#[group(required = true, multiple = false)]
pub struct ConfigArgs {
    /// Show every key, its value and where it is set
    #[arg(long)]
    pub show: bool,
    /// Print the value of a key
    #[arg(long, value_name = "KEY", add = complete::config_keys())]
    pub get: Option<String>,
    /// Set a key; comments in the file are kept
    #[arg(long, value_name = "KEY=VALUE", add = complete::config_settings())]
    pub set: Option<String>,
    /// Remove a key from the file
    #[arg(long, value_name = "KEY", add = complete::config_keys())]
    pub unset: Option<String>,
    /// Print the path of the configuration file
    #[arg(long)]
    pub path: bool,
}

/// # Errors
/// When a key or value can't be taken, or the file can't be read or written.
pub fn run(args: ConfigArgs, context: &Context) -> Result<ExitCode, Problem> {
    let paths = &context.paths;
    if let Some(key) = &args.get {
        let value = config::value_of(paths, key)?;
        context.ui.show(&render::KeyValue { key, value }, |setting| format!("{}\n", setting.value));
    } else if let Some(pair) = &args.set {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Problem::usage(
                format!("{pair:?} is not KEY=VALUE"),
                "for example `vmtools config --set defaults.memory=4G`",
            ));
        };
        config::set(paths, key.trim(), value)?;
        said(context, key.trim())?;
    } else if let Some(key) = &args.unset {
        if !config::unset(paths, key)? {
            context.ui.note(&format!("{key} was not set"));
        }
        said(context, key)?;
    } else if args.path {
        let path = paths.config_file().display().to_string();
        context.ui.show(&serde_json::json!({ "path": path }), |_| format!("{path}\n"));
    } else {
        show(context)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// After a change, JSON tells the value that counts now.
fn said(context: &Context, key: &str) -> Result<(), Problem> {
    let value = config::value_of(&context.paths, key)?;
    context.ui.show(&render::KeyValue { key, value }, |_| String::new());
    Ok(())
}

fn show(context: &Context) -> Result<(), Problem> {
    let loaded = config::show(&context.paths)?;
    for warning in &loaded.warnings {
        context.ui.warn(&warning.to_string());
    }
    let rows = loaded.value.iter().map(|setting| SettingRow {
        key: setting.key,
        value: &setting.value,
        source: match &setting.source {
            Source::Default => "default".to_owned(),
            Source::File(at) => at.to_string(),
        },
    });
    context.ui.show(rows.collect::<Vec<_>>().as_slice(), render::settings);
    Ok(())
}
