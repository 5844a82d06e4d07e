//! The guides: what `help` prints, the man pages, and whether what they and the README say to type can be typed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser as _;
use clap::error::ErrorKind;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::run;
use super::shell_lines::commands;
use super::support::{Terminal, TestEnv, find_program};

#[test]
fn a_topic_is_printed_as_plain_text() {
    let help = run(&["help", "networks"]).success().stdout_has("Networks\n").stdout_has("isolated");
    assert!(!help.stdout.contains('\x1b') && !help.stdout.contains("```"), "{help}");
    let prose = help.stdout.lines().filter(|line| !line.starts_with("      "));
    assert!(prose.map(str::len).max() <= Some(100), "{help}");
    assert_eq!(help.stderr, "", "{help}");
}

#[test]
fn on_a_terminal_headings_are_bold_and_text_fits() {
    let env = TestEnv::new();
    let program = ["--ctty", "--wait", env!("CARGO_BIN_EXE_vmtools"), "help", "connections"];
    let setsid = find_program("setsid").unwrap();
    let command =
        env.command(setsid.to_str().unwrap(), &program).env_remove("NO_COLOR").env("TERM", "xterm-256color");
    let mut screen = Terminal::start(&command, (62, 100));
    assert_eq!(screen.ends(Duration::from_secs(60)).code(), Some(0));
    screen.shows("See also");
    assert!(screen.svg("help").contains("font-weight=\"bold\">See also<"), "{}", screen.text());
    // Text that was wrapped for the terminal: each of its lines begins where the guide's text does.
    let wrapped = |line: &str| line.is_empty() || line.starts_with("  ") || line.len() < 40;
    assert!(screen.text().lines().all(wrapped), "{}", screen.text());
}

#[test]
fn help_lists_commands_and_topics_and_knows_both() {
    let help = run(&["help"]).success().stdout_has("\n  create ").stdout_has("\nTopics");
    assert_eq!(help.stdout, run(&["--help"]).success().stdout);
    for verb in [&["create"][..], &["disk", "add"], &["disk", "ls"], &["network"], &["help"]] {
        let help = run(&[&["help"], verb].concat()).success();
        assert_eq!(help.stdout, run(&[verb, &["--help"]].concat()).success().stdout);
    }
    assert_eq!(
        run(&["disk", "help", "add"]).success().stdout,
        run(&["disk", "add", "--help"]).success().stdout
    );
}

#[test]
fn an_unknown_topic_is_usage_and_the_nearest_is_named() {
    for (words, known) in [
        (&["netwroks"][..], "help networks`"),
        (&["creat"], "help create`"),
        (&["disk", "resise"], "help disk resize`"),
        (&["qwertz"], "`vmtools help` lists"),
        (&["networks", "add"], "`vmtools help networks`"),
    ] {
        let refused = run(&[&["help"], words].concat()).code(2).stderr_has("there is no ").stderr_has(known);
        assert_eq!(refused.stdout, "", "{refused}");
    }
}

#[test]
fn every_guide_is_a_topic_with_a_man_page_and_a_link_in_the_readme() {
    let topics: BTreeSet<String> = topics().into_iter().collect();
    let files: BTreeSet<String> = guides().iter().map(|path| stem(path)).collect();
    assert_eq!(topics, files);
    assert!(topics.len() >= 12, "{topics:?}");
    let env = TestEnv::new();
    let dir = env.root().join("share/man/man1");
    env.vmtools(&["man", dir.to_str().unwrap()]).run().success();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let main_page = fs::read_to_string(dir.join("vmtools.1")).unwrap();
    for topic in topics {
        assert!(run(&["help", &topic]).success().stdout.contains("\nSee also\n"), "{topic}");
        assert!(
            readme.contains(&format!("](src/cli/guide/{topic}.md)")),
            "the README has no link to {topic}"
        );
        let page = dir.with_file_name("man7").join(format!("vmtools-{topic}.7"));
        assert!(fs::read_to_string(page).unwrap().contains(&format!(".TH vmtools-{topic} 7 ")), "{topic}");
        let named = format!("vmtools\\-{}\\fR(7)", topic.replace('-', "\\-"));
        assert!(main_page.contains(&named), "vmtools.1 does not name {named}");
    }
}

/// In any other directory they lie beside those of the commands; groff has nothing to say against them.
#[test]
fn man_pages_are_good_roff() {
    let env = TestEnv::new();
    let dir = env.root().join("pages");
    env.vmtools(&["man", dir.to_str().unwrap()]).run().success();
    let groff =
        find_program("groff").expect("groff-base is among the packages that build.sh installs for tests");
    for topic in topics() {
        let page = dir.join(format!("vmtools-{topic}.7"));
        let args = ["-t", "-man", "-ww", "-Tutf8", page.to_str().unwrap()];
        let shown = env.command(groff.to_str().unwrap(), &args).run().success();
        assert!(shown.stderr.is_empty() && shown.stdout.len() > 1000, "{shown}");
    }
}

#[test]
fn the_first_screen_of_the_readme_says_what_why_and_how() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let screen = readme.lines().take(60).collect::<Vec<_>>().join("\n");
    for part in
        ["# vmtools", "monitor.svg)", "## Install", "## First command", "Multipass", "Lima", "Incus", "virsh"]
    {
        assert!(screen.contains(part), "{part:?} is not on the first screen");
    }
    assert!(
        readme.lines().any(|line| line.starts_with("    ./build.sh test ")),
        "what a CI runs is told there"
    );
    let picture = fs::read_to_string(root().join("src/cli/guide/monitor.svg")).unwrap();
    assert!(picture.starts_with("<svg ") && picture.len() < 40 << 10, "{} bytes", picture.len());
}

#[test]
fn links_lead_to_files() {
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            let (Event::Start(Tag::Link { dest_url, .. }) | Event::Start(Tag::Image { dest_url, .. })) =
                event
            else {
                continue;
            };
            let file = document.with_file_name(&*dest_url);
            assert!(dest_url.starts_with("https://") || file.is_file(), "{}: {dest_url}", document.display());
        }
    }
}

#[test]
fn what_the_guides_and_the_readme_say_to_type_can_be_typed() {
    let mut seen = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for (code, is_block) in code(&text) {
            // A digest that stands for any.
            for words in commands(&code.replace("sha256:HEX", &format!("sha256:{:064}", 0))) {
                seen += 1;
                let place = format!("{}: {}", document.display(), words.join(" "));
                if let Err(error) = vmtools::cli::Cli::try_parse_from(&words) {
                    // In a sentence a command may stand for itself, without what it takes.
                    let is_name = !is_block
                        && matches!(
                            error.kind(),
                            ErrorKind::MissingRequiredArgument
                                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                        );
                    assert!(error.kind() == ErrorKind::DisplayHelp || is_name, "{place}\n{error}");
                }
                if words[1..].first().is_some_and(|verb| verb == "help") && is_lowercase(&words) {
                    let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
                    assert_eq!(run(&args).status.code(), Some(0), "{place}");
                }
            }
        }
    }
    assert!(seen > 200, "only {seen} commands were found");
}

fn is_lowercase(words: &[String]) -> bool {
    words.iter().all(|word| word.chars().all(|c| !c.is_uppercase()))
}

/// The names that `vmtools help` lists as topics.
fn topics() -> Vec<String> {
    let help = run(&["help"]).success();
    let (_, list) = help.stdout.split_once("\nTopics").unwrap();
    let lines = list.lines().skip(1).take_while(|line| !line.is_empty());
    lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn guides() -> Vec<PathBuf> {
    let files = fs::read_dir(root().join("src/cli/guide")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ext| ext == "md")).collect()
}

fn documents() -> Vec<PathBuf> {
    [vec![root().join("README.md")], guides()].concat()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The code in a document, and whether it is a block.
fn code(text: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut block: Option<String> = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Code(code) => found.push((code.into_string(), false)),
            Event::Start(Tag::CodeBlock(_)) => block = Some(String::new()),
            Event::Text(text) => block.iter_mut().for_each(|block| block.push_str(&text)),
            Event::End(TagEnd::CodeBlock) => found.extend(block.take().map(|block| (block, true))),
            _ => {}
        }
    }
    found
}
