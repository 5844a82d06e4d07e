//! Every help page, as the program prints it: one snapshot for each command, with the pages of its subcommands in it.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use vmtools::cli::Cli;

use super::run;

#[test]
fn every_help_page_is_reviewed() {
    let mut cli = Cli::command();
    cli.build();
    let top = page(&cli, &[]);
    let global = global_options(&top);
    let mut files = vec![("vmtools".to_owned(), top.clone())];
    files.extend(verbs(&cli).map(|verb| (verb.get_name().to_owned(), pages(verb, global))));
    assert!(files.len() > 30, "{}", files.len());
    // All of them are compared, so that one run shows each page that differs.
    let differ: Vec<&str> = files.iter().map(|(name, text)| (&**name, text)).filter_map(differs).collect();
    assert!(differ.is_empty(), "these differ: {differ:?}; INSTA_UPDATE=always accepts them");
    assert_eq!(stored(), files.into_iter().map(|(name, _)| format!("{name}.snap")).collect());
}

fn differs<'a>((name, text): (&'a str, &String)) -> Option<&'a str> {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/help");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| catch_unwind(|| insta::assert_snapshot!(name, text)).is_err().then_some(name))
}

/// The snapshots that there are, one of a command that is gone too.
fn stored() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/snapshots/help");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    files.map(|name| name.into_string().unwrap()).filter(|name| !name.ends_with(".new")).collect()
}

/// The page of a verb, or of a noun and then those of its verbs. What they all have is in the first page alone, so that
/// a change of it is reviewed once.
fn pages(verb: &Command, global: &str) -> String {
    let name = verb.get_name();
    let own = std::iter::once(page(verb, &[name]));
    let pages = own.chain(verbs(verb).map(|below| page(below, &[name, below.get_name()])));
    let shorter = pages.map(|page| {
        assert!(page.contains(global), "{page}");
        page.replace(global, "Global options: as of vmtools --help\n")
    });
    shorter.collect::<Vec<_>>().join("\n")
}

/// That section of a page, without the empty line that ends it.
fn global_options(page: &str) -> &str {
    let start = page.find("Global options:\n").unwrap();
    let is_next = |(at, _): &(usize, &str)| page[at + 2..].starts_with(|next: char| !next.is_whitespace());
    let (end, _) =
        page[start..].match_indices("\n\n").map(|(at, text)| (start + at, text)).find(is_next).unwrap();
    &page[start..=end]
}

fn verbs(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| !below.is_hide_set())
}

fn page(command: &Command, words: &[&str]) -> String {
    let args = [words, &["--help"]].concat();
    let help = run(&args).success();
    assert_eq!(help.stderr, "", "{help}");
    // The list of commands says the same of it.
    let does = command.get_about().unwrap().to_string();
    assert!(help.stdout.starts_with(&does) && !does.starts_with("The "), "{does:?}\n{help}");
    let name = words.join(" ");
    let (_, examples) =
        help.stdout.split_once("\nExamples:\n").unwrap_or_else(|| panic!("no example: {help}"));
    // `network list` is `networks`, and an address is of use within another command.
    let is_shown = examples.contains(&format!("vmtools {name}")) || ["ip", "network list"].contains(&&*name);
    assert!(is_shown, "{help}");
    let short = run(&[words, &["-h"]].concat()).success();
    // The line of the usage is clap's, which does not break it.
    let mut lines =
        short.stdout.lines().chain(help.stdout.lines()).filter(|line| !line.starts_with("Usage: "));
    let long = lines.find(|line| line.chars().count() > 100);
    assert_eq!(long, None, "{words:?}");
    format!("$ vmtools {}\n{}", args.join(" "), help.stdout)
}
