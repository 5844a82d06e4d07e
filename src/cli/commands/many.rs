use crate::cli::context::Context;
use crate::cli::error::Complaint;
use crate::cli::exit_code::Code;
use crate::manager::Error;

/// The results of a verb over several VMs: what was done, and what failed.
pub struct Many<T> {
    done: Vec<T>,
    failed: Vec<Complaint>,
}

impl<T: serde::Serialize> Many<T> {
    pub fn new() -> Self {
        Self { done: Vec::new(), failed: Vec::new() }
    }

    /// Takes one VM's result. After an interrupt the rest is not begun: then it is false.
    pub fn take(&mut self, vm: &str, result: Result<T, Error>) -> bool {
        match result {
            Ok(done) => self.done.push(done),
            Err(error) => {
                let complaint = Complaint::from(error).about(vm);
                let interrupted = complaint.code == Code::Interrupted;
                self.fail(complaint);
                return !interrupted;
            }
        }
        true
    }

    /// As [`Many::take`], of something that is no VM.
    pub fn keep(&mut self, result: Result<T, Error>) -> bool {
        match result {
            Ok(done) => self.done.push(done),
            Err(error) => {
                let interrupted = matches!(error, Error::Interrupted);
                self.fail(error.into());
                return !interrupted;
            }
        }
        true
    }

    /// Takes what was done.
    pub fn add(&mut self, done: T) {
        self.done.push(done);
    }

    /// Takes a failure.
    pub fn fail(&mut self, complaint: Complaint) {
        self.failed.push(complaint);
    }

    /// Shows what was done and what failed. With one VM named the document is its object, else an array.
    pub fn finish(
        self,
        context: &Context,
        single: bool,
        show: impl Fn(&T) -> String,
    ) -> Result<Code, Complaint> {
        if context.ui.json() {
            match (single, self.done.as_slice()) {
                (true, [only]) => context.ui.data_json(only),
                (true, _) => {}
                (false, all) => context.ui.data_json(all),
            }
        } else {
            for done in &self.done {
                context.ui.data(&show(done));
            }
        }
        self.close(context)
    }

    /// Shows what failed; the exit code is of all.
    pub fn close(self, context: &Context) -> Result<Code, Complaint> {
        let mut failed = self.failed;
        let Some(last) = failed.pop() else { return Ok(Code::Ok) };
        let all_failed = self.done.is_empty() && failed.iter().all(|complaint| complaint.code == last.code);
        for complaint in &failed {
            context.ui.complain(complaint);
        }
        let code = if all_failed || last.code == Code::Interrupted { last.code } else { Code::Partial };
        // Its own code is what one failure says; the exit code is of all.
        Err(Complaint { code, ..last })
    }
}
