//! Words as a shell takes them.

/// `word` as a POSIX shell takes it, on one line: control characters are written as escapes, in the `$'..'` of
/// bash, zsh and POSIX.1-2024.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    // zsh takes a word that begins with "=" for the path of a program.
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(plain) {
        return word.to_owned();
    }
    if word.contains(char::is_control) {
        let escape = |c: char| match c {
            '\\' | '\'' => format!("\\{c}"),
            c if c.is_control() => {
                c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\{byte:03o}")).collect()
            }
            c => c.to_string(),
        };
        return format!("$'{}'", word.chars().map(escape).collect::<String>());
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::system::process::Invocation;

    #[test]
    fn quoting_is_a_shells() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a\t'\u{9b}"), r"$'a\011\'\302\233'");
        assert_eq!(quoted("--size=4G"), "--size=4G");
    }

    #[test]
    fn a_shell_reads_a_quoted_word_as_it_was() {
        let words = ["it's", "$(id)", "a  b", "\"`x`\"", "a\tb\\", "a\n'b", "=ls", "*", "~", "ä;b", "-x", ""];
        let script = format!("printf '%s|' -- {}", words.map(quoted).join(" "));
        let run = Invocation::new("bash", Duration::from_secs(20)).arg("-c").arg(script).output();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let output = runtime.block_on(run).expect("runs");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("--|{}", words.map(|word| format!("{word}|")).concat())
        );
    }
}
