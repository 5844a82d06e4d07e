//! One file per verb: its arguments and its `run`.

pub mod clone;
pub mod completions;
pub mod config;
pub mod console;
pub mod cp;
pub mod create;
pub mod delete;
pub mod disk;
pub mod doctor;
pub mod events;
pub mod exec;
pub mod fork;
pub mod gc;
pub mod help;
pub mod image;
pub mod ip;
pub mod list;
pub mod logs;
pub mod man;
pub mod monitor;
pub mod network;
pub mod networks;
pub mod overview;
pub mod pause;
pub mod protect;
pub mod rename;
pub mod restart;
pub mod resume;
pub mod set;
pub mod snapshot;
pub mod ssh;
pub mod ssh_config;
pub mod start;
pub mod status;
pub mod stop;
pub mod template;
pub mod unprotect;
pub mod vnc;
pub mod wait;

mod batch;
mod new_vms;
mod selection;

use std::process::ExitCode;

use super::args::Command;
use super::context::Context;
use crate::problem::Problem;

/// Runs the verb.
///
/// # Errors
/// The verb's failure.
pub async fn run(command: Command, context: &Context) -> Result<ExitCode, Problem> {
    match command {
        Command::List(args) => list::run(args, context).await,
        Command::Create(args) => create::run(*args, context).await,
        Command::Clone(args) => clone::run(args, context).await,
        Command::Fork(args) => fork::run(args, context).await,
        Command::Start(args) => start::run(args, context).await,
        Command::Stop(args) => stop::run(args, context).await,
        Command::Restart(args) => restart::run(args, context).await,
        Command::Pause(args) => pause::run(args, context).await,
        Command::Resume(args) => resume::run(args, context).await,
        Command::Rename(args) => rename::run(args, context).await,
        Command::Set(args) => set::run(args, context).await,
        Command::Protect(args) => protect::run(args, context).await,
        Command::Unprotect(args) => unprotect::run(args, context).await,
        Command::Status(args) => status::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
        Command::Wait(args) => wait::run(args, context).await,
        Command::Ip(args) => ip::run(args, context).await,
        Command::Ssh(args) => ssh::run(args, context).await,
        Command::Exec(args) => exec::run(args, context).await,
        Command::Cp(args) => cp::run(args, context).await,
        Command::Console(args) => console::run(args, context).await,
        Command::Vnc(args) => vnc::run(args, context).await,
        Command::SshConfig(args) => ssh_config::run(args, context).await,
        Command::Logs(args) => logs::run(args, context).await,
        Command::Monitor(args) => monitor::run(args, context).await,
        Command::Events(args) => events::run(args, context).await,
        Command::Disk(args) => disk::run(args, context).await,
        Command::Snapshot(args) => snapshot::run(args, context).await,
        Command::Image(args) => image::run(args, context).await,
        Command::Template(args) => template::run(args, context).await,
        Command::Network(args) => network::run(args, context).await,
        Command::Networks(args) => networks::run(args, context).await,
        Command::Config(args) => config::run(args, context),
        Command::Doctor(args) => doctor::run(args, context).await,
        Command::Gc(args) => gc::run(args, context).await,
        Command::Completions(args) => completions::run(args, context),
        Command::Man(args) => man::run(args),
        Command::Help(args) => help::run(args, context),
    }
}
