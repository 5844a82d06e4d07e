//! Commands in the shell lines of documents.

/// The commands of vmtools in lines of a shell, as words; other commands and what is printed are left out.
pub fn commands(code: &str) -> Vec<Vec<String>> {
    let parts = code.lines().flat_map(|line| parts(line.trim_start().trim_start_matches("$ ")));
    parts.filter(|words| words.first().is_some_and(|word| word == "vmtools")).collect()
}

/// The commands of a line, as words: as much of a shell's grammar as documents have.
fn parts(line: &str) -> Vec<Vec<String>> {
    let mut parts = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    // A file that output goes to.
    let mut is_target = false;
    for c in line.chars().chain([' ']) {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ' | '|' | '&' | ';' | '>' | '<') => {
                let ended = word.take();
                let is_for_target = is_target;
                is_target &= ended.is_none();
                parts.last_mut().unwrap().extend(ended.filter(|_| !is_for_target));
                match c {
                    '>' | '<' => is_target = true,
                    '|' | '&' | ';' => parts.push(Vec::new()),
                    _ => {}
                }
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    parts
}

#[test]
fn commands_are_found_in_shell_lines() {
    let found = commands(
        "$ vmtools a 'b c' # no\ntar c . | vmtools ssh x -- y \"z $V\" >f && vmtools b>c || vmtools d\n  vmtools e\nout\n",
    );
    let words = |line: &str| line.split('_').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        found,
        [
            words("vmtools_a_b c"),
            words("vmtools_ssh_x_--_y_z $V"),
            words("vmtools_b"),
            words("vmtools_d"),
            words("vmtools_e")
        ]
    );
}
