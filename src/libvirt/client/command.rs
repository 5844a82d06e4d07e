use std::time::Duration;

use super::document::without_paths;
use crate::libvirt::Error;
use crate::model::Uuid;

/// How long an ordinary question to libvirt may take.
pub(in crate::libvirt) const QUESTION: Duration = Duration::from_secs(30);

/// What stands in a message for a file that vmtools made for virsh alone.
const FILE: &str = "FILE";

/// One command line for an open virsh, in the making. Each value is quoted: in an open virsh
/// everything is script (`;`, `#`, quotes and backslashes mean something).
#[derive(Debug, Clone)]
pub(in crate::libvirt) struct Command {
    line: String,
    deadline: Duration,
    unquotable: Option<String>,
    secret: bool,
    /// How much of the line may be shown.
    shown: Option<usize>,
}

impl Command {
    /// The command `name`, with fixed words (options) that need no quoting.
    pub(in crate::libvirt) fn new(name_and_options: &str) -> Self {
        Self {
            line: name_and_options.to_owned(),
            deadline: QUESTION,
            unquotable: None,
            secret: false,
            shown: None,
        }
    }

    /// With an option that takes a value.
    pub(in crate::libvirt) fn option(mut self, name: &str, value: &str) -> Self {
        // virsh reads its script by lines, so a line break can't be quoted.
        if value.chars().any(char::is_control) {
            self.unquotable = Some(value.to_owned());
            return self;
        }
        self.line.push_str(&format!(" {name} '{}'", value.replace('\'', r"'\''")));
        self
    }

    /// On the domain of this UUID.
    pub(in crate::libvirt) fn domain(self, uuid: Uuid) -> Self {
        self.option("--domain", &uuid.to_string())
    }

    /// On the network of this UUID.
    pub(in crate::libvirt) fn network(self, uuid: Uuid) -> Self {
        self.option("--network", &uuid.to_string())
    }

    /// With a bare UUID, which needs no quotes: virsh takes longer for a line than for most commands.
    pub(in crate::libvirt) fn uuid(self, uuid: Uuid) -> Self {
        self.flag(&uuid.to_string())
    }

    /// With more fixed words.
    pub(in crate::libvirt) fn flag(mut self, words: &str) -> Self {
        self.line.push(' ');
        self.line.push_str(words);
        self
    }

    /// With another deadline than that of a question.
    pub(in crate::libvirt) fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Its output has secrets: it is not logged.
    pub(in crate::libvirt) fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// What comes after this in its line is a secret, too.
    pub(in crate::libvirt) fn hidden_from_here(mut self) -> Self {
        self.shown = Some(self.line.len());
        self.secret()
    }

    pub(in crate::libvirt) fn is_secret(&self) -> bool {
        self.secret
    }

    pub(in crate::libvirt) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The line, as virsh gets it.
    pub(in crate::libvirt) fn line(&self) -> Result<&str, Error> {
        match &self.unquotable {
            Some(text) => Err(Error::Unquotable { text: text.clone() }),
            None => Ok(&self.line),
        }
    }

    /// The line for messages.
    pub(in crate::libvirt) fn display(&self) -> String {
        let shown = self.shown.and_then(|length| self.line.get(..length));
        let hidden = if shown.is_some() { " .." } else { "" };
        let line = without_paths(shown.unwrap_or(&self.line), FILE).replace("'FILE'", FILE);
        format!("virsh {line}{hidden}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted() {
        let command = Command::new("domstate").option("--domain", "a'b;c\"\\#");
        assert_eq!(command.line().expect("quotable"), r#"domstate --domain 'a'\''b;c"\#'"#);
    }

    #[test]
    fn a_bare_uuid_goes_without_quotes() {
        let command = Command::new("dumpxml").uuid(Uuid::nil());
        assert_eq!(command.line().expect("quotable"), "dumpxml 00000000-0000-0000-0000-000000000000");
    }

    #[test]
    fn a_secret_is_sent_and_not_shown() {
        let command = Command::new("x").option("--domain", "a").hidden_from_here().option("--cmd", "secret");
        assert_eq!(command.line().expect("quotable"), "x --domain 'a' --cmd 'secret'");
        assert_eq!(command.display(), "virsh x --domain 'a' ..");
        assert!(command.is_secret());
    }

    #[test]
    fn a_line_break_is_refused() {
        let command = Command::new("domstate").option("--domain", "a\nquit");
        assert!(matches!(command.line(), Err(Error::Unquotable { .. })));
    }
}
