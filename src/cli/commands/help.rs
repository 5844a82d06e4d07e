use std::io::IsTerminal;
use std::process::ExitCode;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, Command, CommandFactory, Parser, Subcommand, ValueHint};

use crate::cli::args::{self, Cli};
use crate::cli::context::Context;
use crate::cli::guide::{TOPICS, Topic};
use crate::cli::report_clap;
use crate::model::nearest;
use crate::problem::Problem;

/// As wide as the help of commands gets.
const WIDEST: usize = 100;

/// Show help for a command, or a guide to a topic.
#[derive(Debug, Args)]
#[command(
    after_help = "Without an argument it lists commands and topics. If both have the same name, the guide is printed; `vmtools NAME --help` prints the command's help.\n\nExamples:\n  vmtools help create\n  vmtools help disk add\n  vmtools help networks"
)]
pub struct HelpArgs {
    /// A command or a topic
    #[arg(value_name = "COMMAND|TOPIC", value_parser = CommandOrTopic, hide_possible_values = true)]
    pub word: Option<String>,
    /// A subcommand of the command
    #[arg(value_name = "COMMAND", value_hint = ValueHint::Other)]
    pub subcommands: Vec<String>,
}

/// The same of a noun's verbs, `vmtools disk help add`, which people try too.
#[derive(Debug, Args)]
pub struct NounHelpArgs {
    /// The subcommand
    #[arg(value_name = "COMMAND")]
    pub subcommands: Vec<String>,
}

/// # Errors
/// When there is no such command or topic.
pub fn run(args: HelpArgs, context: &Context) -> Result<ExitCode, Problem> {
    let path: Vec<String> = args.word.into_iter().chain(args.subcommands).collect();
    if let [word] = path.as_slice()
        && let Some(topic) = Topic::find(word)
    {
        context.ui.data_bytes(topic.text(width(), is_bold()).as_bytes());
        return Ok(ExitCode::SUCCESS);
    }
    command_help(path)
}

/// # Errors
/// When the noun has no such verb.
pub fn run_of_noun(noun: &str, args: NounHelpArgs) -> Result<ExitCode, Problem> {
    command_help([noun.to_owned()].into_iter().chain(args.subcommands).collect())
}

fn command_help(path: Vec<String>) -> Result<ExitCode, Problem> {
    check(&path)?;
    let words = ["vmtools".to_owned()].into_iter().chain(path).chain(["--help".to_owned()]);
    // clap gives a command's help as an error, which is then no failure.
    match Cli::try_parse_from(words) {
        Err(help) if help.kind() == ErrorKind::DisplayHelp => Ok(report_clap(&help)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Fails for the first word that names no command, with those that look like it.
fn check(path: &[String]) -> Result<(), Problem> {
    let mut command = Cli::command();
    command.build();
    let mut command = &command;
    for (depth, word) in path.iter().enumerate() {
        let Some(next) = command.find_subcommand(word) else {
            return Err(unknown(command, &path[..=depth]));
        };
        command = next;
    }
    Ok(())
}

fn unknown(command: &Command, path: &[String]) -> Problem {
    let (word, before) = path.split_last().map_or(("", path), |(word, before)| (word.as_str(), before));
    let topics = TOPICS.iter().map(|topic| topic.name).filter(|_| before.is_empty());
    let known =
        command.get_subcommands().filter(|known| !known.is_hide_set()).map(Command::get_name).chain(topics);
    let nearest = nearest(word, known).into_iter().next();
    let what = if before.is_empty() { "command or topic" } else { "command" };
    let full = |word: &str| [before, &[word.to_owned()]].concat().join(" ");
    let hint = match nearest {
        Some(name) => format!("did you mean `vmtools help {}`?", full(&name)),
        None if before.is_empty() => "`vmtools help` lists commands and topics".to_owned(),
        None => format!("`vmtools help {}` lists its commands", before.join(" ")),
    };
    Problem::usage(format!("there is no {what} {:?}", full(word)), hint)
}

/// The terminal's width, within bounds.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    size.map_or(WIDEST, |size| usize::from(size.ws_col)).clamp(20, WIDEST)
}

/// On a terminal, or where colours are asked for.
fn is_bold() -> bool {
    colored::control::SHOULD_COLORIZE.should_colorize() && std::io::stdout().is_terminal()
}

/// Any word; completions offer those that there are.
#[derive(Debug, Clone)]
struct CommandOrTopic;

impl TypedValueParser for CommandOrTopic {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(words().into_iter()))
    }
}

/// What help is there for: each command and topic, with its summary.
pub fn words() -> Vec<PossibleValue> {
    let commands = args::Command::augment_subcommands(Command::new("vmtools"));
    let of_command = |command: &Command| {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        PossibleValue::new(command.get_name().to_owned()).help(about)
    };
    let commands = commands.get_subcommands().filter(|command| Topic::find(command.get_name()).is_none());
    let topics = TOPICS.iter().map(|topic| PossibleValue::new(topic.name).help(topic.summary));
    commands.map(of_command).chain(topics).collect()
}
