//! Shell completion of what exists: VMs by their state, images, templates, networks, labels, keys of the configuration.
//!
//! The shell's script (`vmtools completions SHELL`) runs vmtools with [`VARIABLE`] set to complete a line. A key press
//! waits for the answer, so it takes one virsh and at most [`PATIENCE`]; what fails completes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use super::args::Cli;
use crate::config::{self, Paths};
use crate::manager::{self, Event, Observer, Task, VmManager, interrupt_channel};
use crate::model::{Label, UriChoice, VmState};
use crate::problem::Problem;

/// The variable that names the shell to complete for.
pub const VARIABLE: &str = "VMTOOLS_COMPLETE";

/// A daemon that hangs must not hold the shell back.
const PATIENCE: Duration = Duration::from_secs(1);

/// Labels are read from the VMs' definitions, up to half a millisecond each: of so many VMs they are offered.
const LABELED_VMS: usize = 30;

/// Answers the shell, if it is the shell that asks; false when this is a command to run.
///
/// # Errors
/// When the shell is not known, or does not read the answer.
pub fn answer() -> Result<bool, clap::Error> {
    if std::env::var_os(VARIABLE).is_none() {
        return Ok(false);
    }
    let folder = std::env::current_dir().ok();
    CompleteEnv::with_factory(Cli::command).var(VARIABLE).try_complete(std::env::args_os(), folder.as_deref())
}

/// Names of all VMs.
pub fn vms() -> ArgValueCandidates {
    ArgValueCandidates::new(|| vms_that(|_| true))
}

/// Names of the VMs whose state the verb in the line is for.
pub fn selected_vms() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let command = Cli::command();
        // A VM may be called as a verb is: the first word that names a command is the verb.
        let verb = words().find(|word| command.find_subcommand(word).is_some());
        vms_that(verb.and_then(|verb| states_of(&verb)).unwrap_or(|_| true))
    })
}

/// Names of VMs that are not shut off.
pub fn active_vms() -> ArgValueCandidates {
    ArgValueCandidates::new(|| vms_that(VmState::is_active))
}

/// `NAME:` of running VMs, which a path in the guest follows.
pub fn guest_paths() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = states().into_iter().filter(|(_, state)| state.is_active());
        candidates(names.map(|(name, _)| format!("{name}:")))
    })
}

/// Names of the snapshots of the VM in the line, or of all VMs where it names none.
pub fn snapshots() -> ArgValueCandidates {
    ArgValueCandidates::new(|| snapshots_of(vm_of_snapshots(words())))
}

/// The same where `--snapshot` may name the snapshot, of several VMs.
pub fn snapshots_or_vms() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let by_option = words().any(|word| word == "--snapshot" || word.starts_with("--snapshot="));
        if by_option { vms_that(|_| true) } else { snapshots_of(vm_of_snapshots(words())) }
    })
}

fn snapshots_of(vm: Option<String>) -> Vec<CompletionCandidate> {
    let names = ask(async |manager, task| match vm {
        Some(vm) => manager.snapshots(&task).names(&vm).await,
        None => manager.snapshots(&task).all_names().await,
    });
    candidates(names.unwrap_or_default())
}

/// Names of networks.
pub fn networks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = ask(async |manager, task| manager.networks(&task).names().await);
        candidates(names.unwrap_or_default())
    })
}

/// Names of the images on this host, and of warm states.
pub fn images() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let states = ask(async |manager, task| manager.warm_states(&task).names().await);
        candidates(local_images().into_iter().chain(states.unwrap_or_default()))
    })
}

/// Names of the catalog's images.
pub fn catalog() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(catalog_images()))
}

/// Names of images that a VM can be created from.
pub fn any_image() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(local_images().into_iter().chain(catalog_images())))
}

/// Names of templates.
pub fn templates() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let listed =
            Paths::from_environment().map(|paths| config::list_templates(&paths)).unwrap_or_default();
        candidates(listed.into_iter().map(|template| template.name))
    })
}

/// Keys of the configuration.
pub fn config_keys() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(keys()))
}

/// Keys of the configuration, each with `=` behind.
pub fn config_settings() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(keys().into_iter().map(|key| format!("{key}="))))
}

/// The labels that VMs have, as `KEY=VALUE`.
pub fn labels() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(known_labels(|label| format!("{}={}", label.key, label.value))))
}

/// The keys of the labels that VMs have.
pub fn label_keys() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(known_labels(|label| label.key.clone())))
}

fn known_labels(shown: fn(&Label) -> String) -> BTreeSet<String> {
    let labels = ask(async |manager, task| manager.vms(&task).labels(LABELED_VMS).await);
    labels.unwrap_or_default().iter().map(shown).collect()
}

fn vms_that(is_meant: impl Fn(VmState) -> bool) -> Vec<CompletionCandidate> {
    let meant = states().into_iter().filter(|(_, state)| is_meant(*state));
    meant.map(|(name, state)| CompletionCandidate::new(name).help(Some(state.to_string().into()))).collect()
}

fn states() -> Vec<(String, VmState)> {
    ask(async |manager, task| manager.vms(&task).states().await).unwrap_or_default()
}

fn candidates(names: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    names.into_iter().map(CompletionCandidate::new).collect()
}

fn local_images() -> Vec<String> {
    ask(async |manager, task| manager.images(&task).names().await).unwrap_or_default()
}

fn catalog_images() -> Vec<String> {
    let available =
        Paths::from_environment().ok().and_then(|paths| manager::available_images(&paths, None).ok());
    let entries = available.unwrap_or_default().into_iter();
    entries.flat_map(|entry| std::iter::once(entry.name).chain(entry.aliases)).collect()
}

fn keys() -> Vec<String> {
    let settings = Paths::from_environment().ok().and_then(|paths| config::show(&paths).ok());
    settings.map(|all| all.value.iter().map(|setting| setting.key.to_owned()).collect()).unwrap_or_default()
}

/// Asks on the connection that the line being completed, the environment or the configuration chooses.
fn ask<T>(question: impl AsyncFnOnce(VmManager, Task) -> Result<T, manager::Error>) -> Option<T> {
    let asked = async {
        let paths = Paths::from_environment().map_err(Problem::from)?;
        let config = config::load_config(&paths).map_err(Problem::from)?.value;
        let choice = connection(words());
        let choice = choice.or_else(|| std::env::var("VMTOOLS_CONNECT").ok()?.parse().ok());
        let choice = choice.unwrap_or_else(|| config.libvirt.uri.clone());
        let manager = VmManager::connect(&choice, config, paths).await;
        question(manager, Task::new(Arc::new(Silent), interrupt_channel().1)).await.map_err(Problem::from)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await });
    runtime.shutdown_background();
    answer.ok()?.ok()
}

/// The words of the line that is being completed, without the program's name.
fn words() -> impl Iterator<Item = String> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(2);
    words.map(|word| word.to_string_lossy().into_owned())
}

/// The first VM behind `snapshot VERB`, with options and their values left out.
fn vm_of_snapshots(words: impl Iterator<Item = String>) -> Option<String> {
    let mut behind = words.skip_while(|word| word != "snapshot").skip(1);
    let mut command = Cli::command();
    command.build();
    let verb = command.find_subcommand("snapshot")?.find_subcommand(behind.next()?)?;
    // Options are those with a value.
    let takes_next = |word: &str| {
        verb.get_opts().filter(|option| !option.is_require_equals_set()).any(|option| {
            option.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long))
                || option.get_short().is_some_and(|short| word == format!("-{short}"))
        })
    };
    while let Some(word) = behind.next() {
        if !word.starts_with('-') {
            return Some(word);
        }
        if takes_next(&word) {
            behind.next();
        }
    }
    None
}

/// What `--connect` says among the words.
fn connection(mut words: impl Iterator<Item = String>) -> Option<UriChoice> {
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--connect") {
            Some("") => words.next(),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        if let Some(uri) = value.and_then(|value| value.parse().ok()) {
            return Some(uri);
        }
    }
    None
}

/// The states that a verb is for, where it is not for all.
fn states_of(verb: &str) -> Option<fn(VmState) -> bool> {
    match verb {
        "start" => Some(|state| !state.is_active()),
        "stop" => Some(VmState::is_active),
        "pause" => Some(|state| state == VmState::Running),
        "resume" => Some(|state| state == VmState::Paused),
        _ => None,
    }
}

/// Nothing may be printed into the line that is being typed.
struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_the_vm_of_a_snapshot() {
        let of = |line: &str| vm_of_snapshots(line.split(' ').map(str::to_owned));
        assert_eq!(of("--json snapshot delete --force web s1").as_deref(), Some("web"));
        assert_eq!(of("snapshot show web ").as_deref(), Some("web"));
        assert_eq!(of("snapshot delete web db --snapshot s1").as_deref(), Some("web"));
        assert_eq!(of("snapshot delete --snapshot s1 web").as_deref(), Some("web"));
        assert_eq!(
            of("snapshot delete --connect test:///default -l a=b --snapshot=s1 --before 7d "),
            Some(String::new())
        );
        assert_eq!(of("snapshot revert --save-first web").as_deref(), Some("web"));
        assert_eq!(of("snapshot set -l a=b --snapshot "), None);
        assert_eq!(of("snapshot show"), None);
        assert_eq!(of("status web"), None);
    }

    #[test]
    fn the_line_tells_its_connection() {
        let of = |line: &str| connection(line.split(' ').map(str::to_owned)).map(|uri| uri.to_string());
        assert_eq!(of("--connect qemu:///session start").as_deref(), Some("qemu:///session"));
        assert_eq!(of("start --connect=qemu:///system we").as_deref(), Some("qemu:///system"));
        assert_eq!(of("start --connection qemu:///system"), None);
        assert_eq!(of("start --connect"), None);
    }
}
