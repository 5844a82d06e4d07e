use std::process::ExitCode;
use std::task::Poll;

use crate::cli::context::Context;
use crate::manager::Error;
use crate::problem::{Doing, ErrorKind, Problem};

/// The results of a verb over several VMs: what was done, and what failed.
pub struct Batch<T> {
    done: Vec<T>,
    failed: Vec<Problem>,
    doing: Doing,
}

impl<T: serde::Serialize> Batch<T> {
    pub fn new() -> Self {
        Self::of(Doing::Other)
    }

    /// Those of a verb that decides what its failures' hints say.
    pub fn of(doing: Doing) -> Self {
        Self { done: Vec::new(), failed: Vec::new(), doing }
    }

    /// Takes one VM's result. After an interrupt the rest is not begun: then it is false.
    pub fn take(&mut self, vm: &str, result: Result<T, Error>) -> bool {
        match result {
            Ok(done) => self.done.push(done),
            Err(error) => {
                let problem = Problem::during(self.doing, error).about(vm);
                let interrupted = problem.kind == ErrorKind::Interrupted;
                self.fail(problem);
                return !interrupted;
            }
        }
        true
    }

    /// As [`Batch::take`], of something that is no VM.
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

    /// Does it for all of these VMs at once, and takes the results in the order of the names.
    pub async fn each<'a, W>(&mut self, vms: &'a [String], work: impl Fn(&'a str) -> W)
    where
        W: Future<Output = Result<T, Error>>,
    {
        let mut interrupted = None;
        let results = join_all(vms.iter().map(|vm| work(vm))).await;
        for (vm, result) in vms.iter().zip(results) {
            match result {
                // Said once, and as the last word.
                Err(Error::Interrupted) => interrupted = Some(vm),
                result => {
                    self.take(vm, result);
                }
            }
        }
        if let Some(vm) = interrupted {
            self.take(vm, Err(Error::Interrupted));
        }
    }

    /// Does it for all of these VMs, as many at a time as there are `lanes`, and takes the results in the order of the
    /// names. After an interrupt none is begun.
    pub async fn in_lanes<'a, I, L, W>(
        &mut self,
        items: &'a [I],
        name: impl Fn(&'a I) -> &'a str,
        lanes: &'a [L],
        work: impl Fn(&'a L, &'a I) -> W,
    ) where
        W: Future<Output = Result<T, Error>>,
    {
        let of_lane = |number: usize| (number..items.len()).step_by(lanes.len().max(1));
        let lane = async |(number, lane): (usize, &'a L)| {
            let mut results = Vec::new();
            for at in of_lane(number) {
                let result = work(lane, &items[at]).await;
                let interrupted = matches!(result, Err(Error::Interrupted));
                results.push((at, result));
                if interrupted {
                    break;
                }
            }
            results
        };
        let mut results: Vec<_> =
            join_all(lanes.iter().enumerate().map(lane)).await.into_iter().flatten().collect();
        results.sort_by_key(|(at, _)| *at);
        // Said once, and as the last word.
        let (interrupted, results): (Vec<_>, Vec<_>) =
            results.into_iter().partition(|(_, result)| matches!(result, Err(Error::Interrupted)));
        for (at, result) in results.into_iter().chain(interrupted.into_iter().take(1)) {
            self.take(name(&items[at]), result);
        }
    }

    /// Takes what was done.
    pub fn add(&mut self, done: T) {
        self.done.push(done);
    }

    /// Takes a failure.
    pub fn fail(&mut self, problem: Problem) {
        self.failed.push(problem);
    }

    /// Shows what was done and what failed. With one VM named the document is its object, else an array.
    pub fn finish(
        self,
        context: &Context,
        single: bool,
        show: impl Fn(&T) -> String,
    ) -> Result<ExitCode, Problem> {
        context.ui.show_all(&self.done, single, |all| all.iter().map(&show).collect());
        self.close(context)
    }

    /// Whether something failed so far.
    pub fn has_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    /// Shows what failed; the exit code is of all.
    pub fn close(self, context: &Context) -> Result<ExitCode, Problem> {
        let done = self.done.len();
        self.close_plans(context, done)
    }

    /// As [`Batch::close`], where as much as `planned` was not done but shown.
    pub fn close_plans(self, context: &Context, planned: usize) -> Result<ExitCode, Problem> {
        let mut failed = self.failed;
        let Some(last) = failed.pop() else { return Ok(ExitCode::SUCCESS) };
        let all_failed = planned == 0 && failed.iter().all(|problem| problem.kind == last.kind);
        for problem in &failed {
            context.ui.error(problem);
        }
        let kind =
            if all_failed || last.kind == ErrorKind::Interrupted { last.kind } else { ErrorKind::Partial };
        // Its own code is what one failure says; the exit code is of all.
        Err(Problem { kind, ..last })
    }
}

/// Runs all of them at once, in this task; the results in their order.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut all = Poll::Ready(());
        for (future, result) in running.iter_mut().filter(|(_, result)| result.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(done) => *result = Some(done),
                Poll::Pending => all = Poll::Pending,
            }
        }
        all
    })
    .await;
    running.into_iter().filter_map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lanes_share_the_work_and_stop_at_an_interrupt() {
        let names = ["a", "b", "c", "d", "e"];
        let seen = std::cell::RefCell::new(Vec::new());
        let mut batch = Batch::new();
        let work = |lane: &'static u32, name: &'static &'static str| {
            seen.borrow_mut().push((*lane, *name));
            async move { Ok((*name).to_owned()) }
        };
        static NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
        static LANES: [u32; 2] = [1, 2];
        batch.in_lanes(&NAMES, |name| name, &LANES, work).await;
        assert_eq!(batch.done, names);
        let of_first: Vec<_> = seen.borrow().iter().filter(|(lane, _)| *lane == 1).map(|(_, n)| *n).collect();
        assert_eq!(of_first, ["a", "c", "e"]);
        let mut batch = Batch::new();
        let count = std::cell::Cell::new(0);
        let work = |_: &u32, _: &&str| {
            count.set(count.get() + 1);
            async { Err::<String, _>(Error::Interrupted) }
        };
        batch.in_lanes(&NAMES, |name| name, &LANES, work).await;
        assert_eq!((count.get(), batch.failed.len()), (2, 1));
    }

    #[tokio::test]
    async fn all_run_at_once_and_keep_their_order() {
        let (sender, receiver) = tokio::sync::watch::channel(0);
        // Each waits for the one behind it.
        let work = |number: i32| {
            let (sender, mut receiver) = (sender.clone(), receiver.clone());
            async move {
                receiver.wait_for(|now| *now == 2 - number).await.expect("a sender is there");
                sender.send(3 - number).expect("a receiver is there");
                number
            }
        };
        assert_eq!(join_all((0..3).map(work)).await, [0, 1, 2]);
        assert!(join_all(std::iter::empty::<std::future::Ready<()>>()).await.is_empty());
    }
}
