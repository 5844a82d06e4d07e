//! Questions to whoever sits at the terminal.

use std::io::Write;

use super::render::{visible, visible_lines};
use super::ui::Ui;
use crate::manager::Interrupt;
use crate::model::nearest;
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

    /// Shows `menu`, whose lines are numbered as `names` are, and asks for one of them by number or name until the
    /// answer is one. Enter takes the `default`. For verbs that have not begun to listen for signals yet, so that
    /// Ctrl-C ends the program.
    ///
    /// # Errors
    /// At the end of the input, in the words of `refusal`.
    pub fn choose<'a>(
        &self,
        menu: &str,
        question: &str,
        names: &[&'a str],
        default: Option<&'a str>,
        refusal: &str,
    ) -> Result<&'a str, Problem> {
        self.finish();
        let mut stderr = std::io::stderr();
        let _ = write!(stderr, "{}", visible_lines(menu));
        let proposed = default.map_or_else(String::new, |name| format!(" [{}]", visible(name)));
        loop {
            let _ = write!(stderr, "{question}{proposed}: ");
            let mut answer = String::new();
            if !matches!(std::io::stdin().read_line(&mut answer), Ok(length) if length > 0) {
                let _ = writeln!(stderr);
                return Err(Problem::declined(refusal));
            }
            match chosen(answer.trim(), names, default) {
                Ok(name) => return Ok(name),
                Err(reason) => {
                    let _ = writeln!(stderr, "{}", visible_lines(&reason));
                }
            }
        }
    }
}

/// The name that an answer stands for, or why it stands for none.
fn chosen<'a>(answer: &str, names: &[&'a str], default: Option<&'a str>) -> Result<&'a str, String> {
    if let Some(name) = default.filter(|_| answer.is_empty()) {
        return Ok(name);
    }
    if let Some(name) = names.iter().find(|name| **name == answer) {
        return Ok(name);
    }
    let by_number = answer.parse().ok().and_then(|number: usize| names.get(number.checked_sub(1)?));
    by_number.copied().ok_or_else(|| {
        let similar = nearest(answer, names.iter().copied()).join(" or ");
        let question = if similar.is_empty() { String::new() } else { format!("; did you mean {similar}?") };
        format!("enter a number from 1 to {}, or a name{question}", names.len())
    })
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::{chosen, is_yes};

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
    #[test]
    fn a_choice_is_a_number_or_a_name() {
        let names = ["debian", "ubuntu", "24"];
        for (answer, default, expected) in [
            ("1", None, Ok("debian")),
            ("ubuntu", None, Ok("ubuntu")),
            ("", Some("ubuntu"), Ok("ubuntu")),
            // A name goes before a number.
            ("24", None, Ok("24")),
            ("0", None, Err("enter a number from 1 to 3, or a name")),
            ("9", None, Err("enter a number from 1 to 3, or a name")),
            ("-1", None, Err("enter a number from 1 to 3, or a name")),
            ("", None, Err("enter a number from 1 to 3, or a name")),
            ("ubunut", None, Err("enter a number from 1 to 3, or a name; did you mean ubuntu?")),
        ] {
            assert_eq!(chosen(answer, &names, default), expected.map_err(str::to_owned), "{answer:?}");
        }
    }
}
