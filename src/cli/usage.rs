//! What was probably meant by arguments that clap refuses: it compares spellings, and does not know which words other
//! tools use for what vmtools does.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};

use super::args::Cli;
use crate::model::nearest;
use crate::problem::{Problem, command, vmtools};

/// Words for the same thing, vmtools' own among them. A command may have one name at the top and another below a noun,
/// as in `delete`, `image rm` and `disk remove`: the one that exists where the word was typed is meant.
const SYNONYMS: &[&[&str]] = &[
    &["delete", "remove", "rm", "destroy", "undefine", "del", "erase", "purge"],
    &["list", "ls", "ps", "dir"],
    &["create", "new", "add", "launch", "run", "make", "init", "define", "install"],
    &["start", "up", "boot", "poweron"],
    &["stop", "down", "halt", "shutdown", "poweroff", "kill", "off"],
    &["restart", "reboot", "reset"],
    &["pause", "suspend"],
    &["resume", "unpause", "continue"],
    &["status", "info", "show", "inspect", "describe", "dominfo"],
    &["set", "edit", "modify", "update", "change"],
    &["monitor", "top", "stats"],
    &["rename", "mv", "move"],
    &["clone", "duplicate"],
    &["fork", "branch"],
    &["cp", "copy", "scp", "push", "transfer"],
    &["ssh", "shell", "enter", "login", "connect"],
    &["exec", "execute"],
    &["console", "serial"],
    &["vnc", "screen", "display", "view", "viewer"],
    &["logs", "log"],
    &["pull", "download", "fetch"],
    &["attach", "plug", "join"],
    &["detach", "unplug", "leave"],
];

/// The error in vmtools' own words, where they say more than clap's. `words` are the arguments, without the program.
pub(super) fn problem(error: &clap::Error, words: &[String]) -> Option<Problem> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let wrong = context(error, ContextKind::InvalidSubcommand)?;
    let mut top = Cli::command();
    top.build();
    let (at, commands) = path(&top, words);
    let names = commands.iter().map(|command| command.get_name());
    let full: Vec<&str> = names.clone().chain([wrong]).collect();
    let meant = meant(commands.last().copied().unwrap_or(&top), wrong);
    let hint = match meant {
        Some(meant) => {
            // All that followed, if it is operands only: options may not be the same there.
            let rest = words.get(at + 1..).unwrap_or_default();
            let rest = rest.iter().filter(|_| rest.iter().all(|word| !word.starts_with('-')));
            format!("did you mean {}?", command("vmtools").args(names).args(meant).args(rest))
        }
        None if commands.is_empty() => format!("{} lists the commands", vmtools("help")),
        None => format!("{} lists its commands", command("vmtools").args(names).flag("--help")),
    };
    Some(Problem::usage(format!("there is no command {:?}", full.join(" ")), hint))
}

/// The command to use for an argument that the one typed does not take.
pub(super) fn hint(error: &clap::Error, words: &[String]) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let stray = context(error, ContextKind::InvalidArg)?;
    let mut top = Cli::command();
    top.build();
    let (at, commands) = path(&top, words);
    let first = words.get(at).map_or("NAME", String::as_str);
    let meant = match commands.last()?.get_name() {
        "exec" => vmtools("exec").arg(first).then("-- CMD"),
        _ if stray.starts_with('-') => return None,
        "create" if commands.len() == 1 => vmtools("create").arg(first).option("--template", stray),
        "list" if commands.len() == 1 => vmtools("status").arg(stray),
        "config" => match stray {
            "get" | "unset" | "show" | "path" | "set" => vmtools("config").flag("--help"),
            key => vmtools("config").option("--get", key),
        },
        _ => return None,
    };
    Some(format!("did you mean {meant}?"))
}

/// The commands that the words name, and how many words they are.
fn path<'a>(top: &'a Command, words: &[String]) -> (usize, Vec<&'a Command>) {
    let mut commands: Vec<&Command> = Vec::new();
    let mut options = 0;
    for word in words {
        match commands.last().copied().unwrap_or(top).find_subcommand(word) {
            Some(next) => commands.push(next),
            None if word.starts_with('-') && commands.is_empty() => options += 1,
            None => break,
        }
    }
    (options + commands.len(), commands)
}

/// The command below this one that was meant by a word, in one word or two.
fn meant(command: &Command, wrong: &str) -> Option<Vec<String>> {
    let below = || command.get_subcommands().filter(|known| !known.is_hide_set());
    let exists = |name: &str| below().any(|known| known.get_name() == name);
    let group = SYNONYMS.iter().find(|group| group.contains(&wrong));
    if let Some(name) = group.and_then(|group| group.iter().find(|name| exists(name))) {
        return Some(vec![(*name).to_owned()]);
    }
    // `images` for `image list`.
    let noun = wrong.strip_suffix('s').filter(|noun| exists(noun));
    if let Some(noun) =
        noun.filter(|noun| command.find_subcommand(noun).is_some_and(Command::has_subcommands))
    {
        return Some(vec![noun.to_owned(), "list".to_owned()]);
    }
    nearest(wrong, below().map(Command::get_name)).into_iter().next().map(|name| vec![name])
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn refused(line: &str) -> (clap::Error, Vec<String>) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let error = Cli::try_parse_from(std::iter::once("vmtools".to_owned()).chain(words.clone()));
        (error.expect_err("is refused"), words)
    }

    #[test]
    fn words_of_other_tools_find_their_command() {
        for (line, expected) in [
            ("lst", "did you mean `vmtools list`?"),
            ("strat web", "did you mean `vmtools start web`?"),
            ("rm web db", "did you mean `vmtools delete web db`?"),
            ("destroy web", "did you mean `vmtools delete web`?"),
            ("destroy --force web", "did you mean `vmtools delete`?"),
            ("--json ps", "did you mean `vmtools list`?"),
            ("images", "did you mean `vmtools image list`?"),
            ("image ls", "did you mean `vmtools image list`?"),
            ("image delete old", "did you mean `vmtools image rm old`?"),
            ("disk destroy web vdb", "did you mean `vmtools disk remove web vdb`?"),
            ("network show lab", "did you mean `vmtools network info lab`?"),
            ("completion bash", "did you mean `vmtools completions bash`?"),
            ("template xyzzy", "`vmtools template --help` lists its commands"),
            ("xyzzy", "`vmtools help` lists the commands"),
        ] {
            let (error, words) = refused(line);
            let problem = problem(&error, &words).expect("says more than clap");
            assert_eq!(problem.hint.as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn every_group_of_synonyms_has_a_command_of_ours() {
        let mut top = Cli::command();
        top.build();
        let nouns = top.get_subcommands().flat_map(Command::get_subcommands);
        let names: Vec<&str> = top.get_subcommands().chain(nouns).map(Command::get_name).collect();
        for group in SYNONYMS {
            assert!(group.iter().any(|name| names.contains(name)), "{group:?}");
        }
    }

    #[test]
    fn an_argument_too_many_is_told_where_it_belongs() {
        for (line, expected) in [
            ("create app ubuntu", Some("did you mean `vmtools create app --template ubuntu`?")),
            ("list web", Some("did you mean `vmtools status web`?")),
            ("exec web ls", Some("did you mean `vmtools exec web -- CMD`?")),
            ("exec web ls -l", Some("did you mean `vmtools exec web -- CMD`?")),
            ("config defaults.memory", Some("did you mean `vmtools config --get defaults.memory`?")),
            ("config set defaults.memory 4G", Some("did you mean `vmtools config --help`?")),
            ("gc now", None),
            ("create app --disk 20G", None),
        ] {
            let (error, words) = refused(line);
            assert_eq!(hint(&error, &words).as_deref(), expected, "{line}");
            assert!(problem(&error, &words).is_none(), "{line}");
        }
    }
}
