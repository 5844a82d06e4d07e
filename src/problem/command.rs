//! Commands as hints, warnings and notes show them.

use std::fmt::{self, Display, Write};
use std::path::Path;

use crate::system::process::quoted;

/// A command that somebody may type or paste as it stands, in backticks, or by `{:#}` without. What is fixed stands in it as it is;
/// names, paths and values, whoever chose them, each reach the program as one word of those very characters.
///
/// ```
/// use vmtools::problem::vmtools;
///
/// let hint = format!("start it: {}", vmtools("start").arg("a b").flag("--wait"));
/// assert_eq!(hint, "start it: `vmtools start 'a b' --wait`");
/// ```
#[derive(Debug, Clone)]
pub struct Command {
    program: String,
    words: Vec<Word>,
    after: String,
}

#[derive(Debug, Clone)]
enum Word {
    /// A name, path or value.
    Operand(String),
    /// What stands in an operand's place as it is.
    Fixed(&'static str),
    /// An option, with its value.
    Option(String),
}

/// A command of vmtools: its verb, with its noun before it.
pub fn vmtools(verb: &'static str) -> Command {
    Command::new(format!("vmtools {verb}"))
}

/// A command of virsh.
pub fn virsh(verb: &'static str) -> Command {
    Command::new(format!("virsh {verb}"))
}

/// Any other command, in fixed words.
pub fn command(words: &'static str) -> Command {
    Command::new(words.to_owned())
}

/// An option with its value, in backticks: for the middle of a sentence.
pub fn option(name: &'static str, value: impl Display) -> String {
    format!("`{}`", with_value(name, &value.to_string()))
}

impl Command {
    fn new(program: String) -> Self {
        Self { program, words: Vec::new(), after: String::new() }
    }

    /// A name or another value.
    #[must_use]
    pub fn arg(mut self, value: impl Display) -> Self {
        self.words.push(Word::Operand(value.to_string()));
        self
    }

    /// Several of them.
    #[must_use]
    pub fn args<T: Display>(self, values: impl IntoIterator<Item = T>) -> Self {
        values.into_iter().fold(self, Self::arg)
    }

    /// A file. One whose name begins like an option is kept from being one.
    #[must_use]
    pub fn path(self, path: &Path) -> Self {
        let text = path.to_string_lossy();
        let folder = if text.starts_with('-') { "./" } else { "" };
        self.arg(format_args!("{folder}{text}"))
    }

    /// What stands there as it is: a placeholder such as NAME, or a fixed value.
    #[must_use]
    pub fn fixed(mut self, words: &'static str) -> Self {
        self.words.push(Word::Fixed(words));
        self
    }

    /// An option without a value.
    #[must_use]
    pub fn flag(mut self, name: &'static str) -> Self {
        self.words.push(Word::Option(name.to_owned()));
        self
    }

    /// An option and its value.
    #[must_use]
    pub fn option(mut self, name: &'static str, value: impl Display) -> Self {
        self.words.push(Word::Option(with_value(name, &value.to_string())));
        self
    }

    /// Fixed words at the end, such as `-- CMD`.
    #[must_use]
    pub fn then(mut self, words: &'static str) -> Self {
        let _ = write!(self.after, " {words}");
        self
    }

    /// The file that its output goes to.
    #[must_use]
    pub fn into_file(mut self, name: &str) -> Self {
        let _ = write!(self.after, " >{}", quoted(name));
        self
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tick = if f.alternate() { "" } else { "`" };
        write!(f, "{tick}{}", self.program)?;
        let is_option = |word: &&Word| matches!(word, Word::Option(_));
        if self.words.iter().any(|word| matches!(word, Word::Operand(text) if text.starts_with('-'))) {
            // Behind `--` no word is taken for an option, so the options go before it.
            self.words.iter().filter(is_option).try_for_each(|word| write!(f, " {word}"))?;
            write!(f, " --")?;
            self.words.iter().filter(|word| !is_option(word)).try_for_each(|word| write!(f, " {word}"))?;
        } else {
            self.words.iter().try_for_each(|word| write!(f, " {word}"))?;
        }
        write!(f, "{}{tick}", self.after)
    }
}

impl Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operand(text) => f.write_str(&quoted(text)),
            Self::Fixed(text) => f.write_str(text),
            Self::Option(text) => f.write_str(text),
        }
    }
}

fn with_value(name: &str, value: &str) -> String {
    let between = if value.starts_with('-') { '=' } else { ' ' };
    format!("{name}{between}{}", quoted(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_stay_one_word() {
        for (name, expected) in [
            ("web", "`vmtools start web --wait`"),
            ("naïve", "`vmtools start naïve --wait`"),
            ("a b", "`vmtools start 'a b' --wait`"),
            ("it's", r"`vmtools start 'it'\''s' --wait`"),
            ("'", r"`vmtools start ''\''' --wait`"),
            ("$(id)", "`vmtools start '$(id)' --wait`"),
            ("-web", "`vmtools start --wait -- -web`"),
            // Parts of the hint's own words.
            ("start", "`vmtools start start --wait`"),
            ("m", "`vmtools start m --wait`"),
            ("a\nb", r"`vmtools start $'a\012b' --wait`"),
            ("", "`vmtools start '' --wait`"),
        ] {
            assert_eq!(vmtools("start").arg(name).flag("--wait").to_string(), expected);
        }
    }

    #[test]
    fn paths_and_values_are_quoted_too() {
        assert_eq!(
            vmtools("image import").path(Path::new("-my disk.vmdk")).fixed("NAME").to_string(),
            "`vmtools image import './-my disk.vmdk' NAME`"
        );
        let names = ["a b", "c"];
        assert_eq!(virsh("x").option("--to", "-1").args(names).to_string(), "`virsh x --to=-1 'a b' c`");
        assert_eq!(
            virsh("dumpxml").arg("a b").into_file("a b.xml").to_string(),
            "`virsh dumpxml 'a b' >'a b.xml'`"
        );
        assert_eq!(option("--target", "sd a"), "`--target 'sd a'`");
    }
}
