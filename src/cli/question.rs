//! Questions to whoever sits at the terminal.

use std::io::Write;

use super::render::{visible, visible_lines};
use super::ui::Ui;
use crate::manager::Interrupt;
use crate::problem::Problem;

impl Ui {
    /// Shows the plan, however quiet all else is to be, and asks whether to go on. The end of the input is a no.
    ///
    /// # Errors
    /// When the answer is no, in the words of `refusal`, or Ctrl-C.
    pub async fn confirm(
        &self,
        interrupt: &Interrupt,
        plan: &str,
        question: &str,
        refusal: &str,
    ) -> Result<(), Problem> {
        self.finish();
        let mut text = plan.trim_end().to_owned();
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = write!(std::io::stderr(), "{}{} [y/N] ", visible_lines(&text), visible(question));
        // In a thread: it goes on reading after Ctrl-C, and nobody waits for it.
        let answer = tokio::task::spawn_blocking(|| {
            let mut answer = String::new();
            let _ = std::io::stdin().read_line(&mut answer);
            answer
        });
        let answer = interrupt.race(async { Ok(answer.await.unwrap_or_default()) }).await;
        // Only Enter leaves the question's line.
        if !answer.as_ref().is_ok_and(|answer| answer.ends_with('\n')) {
            let _ = writeln!(std::io::stderr());
        }
        if is_yes(&answer?) { Ok(()) } else { Err(Problem::declined(refusal)) }
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_yes_is_yes() {
        for (answer, expected) in [
            ("y\n", true),
            (" YES\n", true),
            ("", false),
            ("\n", false),
            ("n\n", false),
            ("yy\n", false),
            ("y", true),
        ] {
            assert_eq!(is_yes(answer), expected, "{answer:?}");
        }
    }
}
