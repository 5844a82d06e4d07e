//! What is shown and asked before networks are changed.

use std::process::ExitCode;

use serde::Serialize;

use super::Batch;
use crate::cli::context::Context;
use crate::cli::session::Session;
use crate::manager::Error;
use crate::problem::{ErrorKind, Problem};

/// A change of networks that is planned, shown and carried out once the user agrees.
pub(super) struct Change<'a, P> {
    /// The networks' names.
    pub(super) names: &'a [String],
    /// Whether the plans are only shown.
    pub(super) dry_run: bool,
    /// Whether networks that do not exist are no failure.
    pub(super) if_exists: bool,
    /// How plans are shown.
    pub(super) render: fn(&[P]) -> String,
    /// Whether a plan is not carried out without an answer.
    pub(super) needs_answer: fn(&P) -> bool,
    /// The question, what is said at a no, and what is wrong without a terminal, with the hint.
    pub(super) question: Question,
}

/// The words around a question.
pub(super) struct Question {
    pub(super) text: &'static str,
    pub(super) refusal: &'static str,
    pub(super) no_terminal: &'static str,
    pub(super) hint: &'static str,
}

impl<P: Serialize> Change<'_, P> {
    /// Plans, asks and carries out. A network that can't be planned for does not hold back the others.
    ///
    /// # Errors
    /// When a network can't be changed, or nobody may answer the question.
    pub(super) async fn run<T: Serialize>(
        self,
        session: &Session,
        context: &Context,
        plan: impl AsyncFn(&str) -> Result<P, Error>,
        carry_out: impl AsyncFn(P) -> Result<T, Error>,
        show: impl Fn(&T) -> String,
    ) -> Result<ExitCode, Problem> {
        let single = self.names.len() == 1;
        let mut plans = Vec::new();
        let mut batch = Batch::new();
        for (index, name) in self.names.iter().enumerate() {
            if self.names[..index].contains(name) {
                continue;
            }
            match plan(name).await.map_err(Problem::from) {
                Ok(plan) => plans.push(plan),
                Err(problem) if self.if_exists && problem.kind == ErrorKind::NotFound => {
                    context.ui.note(&format!("there is no network {name}"));
                }
                Err(problem) => batch.fail(problem),
            }
        }
        if self.dry_run {
            context.ui.show_all(&plans, single, self.render);
            return batch.close(context);
        }
        if !context.yes && plans.iter().any(self.needs_answer) {
            let Question { text, refusal, no_terminal, hint } = self.question;
            if !context.ui.can_ask() {
                return Err(Problem::usage(no_terminal, hint));
            }
            let shown = (self.render)(&plans);
            if let Err(no) = context.ui.confirm(session.interrupt(), &shown, text, refusal).await {
                batch.fail(no);
                return batch.close(context);
            }
        }
        for plan in plans {
            if !batch.keep(carry_out(plan).await) {
                break;
            }
        }
        batch.finish(context, single, show)
    }
}
