use std::ffi::OsString;
use std::sync::Arc;

use super::args::{ColorChoice, Global};
use super::session::Session;
use super::signals;
use super::ui::Ui;
use crate::config::{self, Config, Paths};
use crate::manager::{
    self, Interrupt, Observer, Task, VmManager, interrupt_channel, run_again_in_background,
};
use crate::model::UriChoice;
use crate::problem::Problem;

/// What every verb has at hand.
pub struct Context {
    /// Where words go.
    pub ui: Arc<Ui>,
    /// Where vmtools' own files lie.
    pub paths: Paths,
    /// Whether questions are answered with yes ahead.
    pub yes: bool,
    connect: Option<UriChoice>,
}

impl Context {
    /// # Errors
    /// When there is no home directory.
    pub fn new(global: &Global, ui: Arc<Ui>) -> Result<Self, Problem> {
        let paths = Paths::from_environment()?;
        Ok(Self { ui, paths, yes: global.yes, connect: global.connect.clone() })
    }

    /// The configuration; its warnings are shown.
    pub fn config(&self) -> Result<Config, Problem> {
        let loaded = config::load_config(&self.paths)?;
        for warning in &loaded.warnings {
            self.ui.warn(&warning.to_string());
        }
        Ok(loaded.value)
    }

    /// A session on the connection that flag, environment or configuration choose. Ctrl-C and its kin are
    /// passed on to the verb, which rolls back what it did.
    pub async fn session(&self) -> Result<Session, Problem> {
        let (asked, interrupt) = interrupt_channel();
        signals::listen(asked);
        self.connect_with(interrupt).await
    }

    /// The same for a verb that only reads, and that Ctrl-C may end at any moment.
    pub async fn reader(&self) -> Result<Session, Problem> {
        self.connect_with(interrupt_channel().1).await
    }

    async fn connect_with(&self, interrupt: Interrupt) -> Result<Session, Problem> {
        let config = self.config()?;
        if let config::Color::Always | config::Color::Never = config.ui.color {
            ColorChoice::from_config(config.ui.color).apply_unless_set();
        }
        let choice = self.connect.clone().unwrap_or_else(|| config.libvirt.uri.clone());
        let observer: Arc<dyn Observer> = Arc::<Ui>::clone(&self.ui);
        let manager = VmManager::connect(&choice, config, self.paths.clone()).await;
        Ok(Session::new(manager, Task::new(observer, interrupt)))
    }

    /// Starts this program again with other arguments, to go on when this one has ended. What it prints goes to that file
    /// in the state directory.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn run_in_background(&self, log: &str, arguments: &[OsString]) -> Result<(), Problem> {
        let log = self.paths.state_folder().join(log);
        Ok(run_again_in_background(arguments, &log).map_err(manager::Error::from)?)
    }

    /// The task of a verb that needs no libvirt.
    pub fn task(&self) -> Task {
        let (asked, interrupt) = interrupt_channel();
        signals::listen(asked);
        Task::new(Arc::<Ui>::clone(&self.ui), interrupt)
    }
}
