//! `monitor --prometheus` and `--textfile`.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until};

use super::{MonitorArgs, ticks};
use crate::cli::context::Context;
use crate::cli::exporter::{self, ListenAddress, Scrape};
use crate::cli::render;
use crate::manager::{Error, Monitor, Reading};
use crate::problem::{ErrorKind, Problem};

/// How long a poll may take before whoever waits for it gets the previous one's result: Prometheus waits 10 s for all of its
/// targets unless configured otherwise, and a daemon or a QEMU that hangs takes longer.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Serves the metrics of the moment when they are asked for.
pub async fn serve(
    address: ListenAddress,
    monitor: &mut Monitor<'_>,
    context: &Context,
) -> Result<(), Problem> {
    // Who starts it without libvirt is told so at once.
    let mut last = Metrics::take(monitor).await?;
    let (local, mut scrapes) = exporter::listen(address).await.map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::AddrInUse => ErrorKind::Exists,
            std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            _ => ErrorKind::Failed,
        };
        Problem {
            cause: vec![error.to_string()],
            ..Problem::new(kind, format!("cannot listen on {}", address.0))
        }
    })?;
    context.ui.note(&format!("serving metrics at http://{local}/metrics"));
    while let Some(scrape) = scrapes.recv().await {
        last = answer(scrape, &mut scrapes, Metrics::take(monitor), &last, PATIENCE).await?;
    }
    Ok(())
}

/// Answers scrapes with the result of `poll`, those that arrive meanwhile too; after `patience` with the previous
/// result. The poll is completed and its result returned.
async fn answer(
    first: Scrape,
    scrapes: &mut Receiver<Scrape>,
    poll: impl Future<Output = Result<Metrics, Error>>,
    last: &Metrics,
    patience: Duration,
) -> Result<Metrics, Error> {
    let overdue = Instant::now() + patience;
    let mut waiting = vec![first];
    // A client that has gone meanwhile needs none.
    let send = |waiting: &mut Vec<Scrape>, text: String| {
        waiting.drain(..).for_each(|scrape| drop(scrape.send(text.clone())));
    };
    tokio::pin!(poll);
    loop {
        tokio::select! {
            biased;
            seen = &mut poll => {
                let seen = seen?;
                send(&mut waiting, seen.text(false));
                return Ok(seen);
            }
            Some(scrape) = scrapes.recv() => waiting.push(scrape),
            () = sleep_until(overdue), if !waiting.is_empty() => send(&mut waiting, last.text(true)),
        }
    }
}

/// Writes the metrics at each interval, for node_exporter's textfile collector.
pub async fn write(file: &Path, args: &MonitorArgs, monitor: &mut Monitor<'_>) -> Result<(), Problem> {
    let mut ticks = ticks(args, super::TEXTFILE_INTERVAL);
    let mut left = args.samples();
    while left != Some(0) {
        ticks.tick().await;
        let text = Metrics::take(monitor).await?.text(false);
        put(file, &text).map_err(|error| Problem {
            cause: vec![error.to_string()],
            ..Problem::new(ErrorKind::Failed, format!("cannot write {}", file.display()))
        })?;
        left = left.map(|left| left - 1);
    }
    Ok(())
}

/// The result of a poll.
#[derive(Default)]
struct Metrics {
    readings: Vec<Reading>,
    up: bool,
}

impl Metrics {
    async fn take(monitor: &mut Monitor<'_>) -> Result<Self, Error> {
        let readings = match monitor.poll().await {
            Ok(readings) => readings,
            // The one VM that was named is gone; it may come back.
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { readings, up: !monitor.is_away() })
    }

    fn text(&self, stale: bool) -> String {
        render::exposition(&self.readings, self.up, stale)
    }
}

/// In one step, so that nobody reads half of it. The collector reads only files that end in `.prom`.
fn put(file: &Path, text: &str) -> std::io::Result<()> {
    // The file that a link leads to; a device or a pipe is not to be replaced.
    let (file, mode) = match std::fs::metadata(file) {
        Ok(there) if there.is_file() => (file.canonicalize()?, there.permissions()),
        Ok(_) => {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            (file.to_owned(), Permissions::from_mode(0o644))
        }
        Err(error) => return Err(error),
    };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new().prefix(".vmtools-").suffix(".tmp").tempfile_in(folder)?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().set_permissions(mode)?;
    temporary.persist(&file).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::sync::{mpsc, oneshot};

    use super::*;

    fn wait<F: Future>(work: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime").block_on(work)
    }

    #[test]
    fn a_look_answers_all_who_wait() {
        wait(async {
            let (ask, mut scrapes) = mpsc::channel(4);
            let [(first, one), (second, two)] = [oneshot::channel(), oneshot::channel()];
            ask.send(second).await.expect("is taken");
            let poll = async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(Metrics { up: true, ..Metrics::default() })
            };
            let last = Metrics::default();
            let seen = answer(first, &mut scrapes, poll, &last, Duration::from_secs(60)).await;
            assert!(seen.expect("was polled").up);
            for answered in [one, two] {
                let text = answered.await.expect("an answer");
                assert!(text.contains("vmtools_libvirt_up 1\n") && text.contains("vmtools_sample_stale 0\n"));
            }
        });
    }

    #[test]
    fn one_that_hangs_holds_nobody_up() {
        wait(async {
            let (ask, mut scrapes) = mpsc::channel(4);
            let (first, one) = oneshot::channel();
            let last = Metrics { up: true, ..Metrics::default() };
            let hangs = pending::<Result<Metrics, Error>>();
            let served = answer(first, &mut scrapes, hangs, &last, Duration::from_millis(30));
            let client = async {
                let text = one.await.expect("an answer");
                assert!(text.contains("vmtools_sample_stale 1\n"), "{text}");
                // From then on at once.
                let (second, two) = oneshot::channel();
                ask.send(second).await.expect("is taken");
                two.await.expect("an answer")
            };
            tokio::select! {
                _ = served => panic!("the poll does not end"),
                text = client => assert!(text.contains("vmtools_sample_stale 1\n"), "{text}"),
            }
        });
    }

    #[test]
    fn what_fails_is_told() {
        wait(async {
            let (_ask, mut scrapes) = mpsc::channel(4);
            let fails = ready(Err(Error::Interrupted));
            let last = Metrics::default();
            let served = answer(oneshot::channel().0, &mut scrapes, fails, &last, PATIENCE).await;
            assert!(matches!(served, Err(Error::Interrupted)));
        });
    }

    #[test]
    fn only_files_are_replaced() {
        let folder = tempfile::tempdir().expect("folder");
        let (file, link) = (folder.path().join("a.prom"), folder.path().join("link.prom"));
        put(&file, "one").expect("makes it");
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("changes it");
        std::os::unix::fs::symlink(&file, &link).expect("links");
        put(&link, "two").expect("follows the link");
        assert_eq!(std::fs::read_to_string(&file).expect("is there"), "two");
        assert_eq!(std::fs::metadata(&file).expect("is there").permissions().mode() & 0o777, 0o600);
        assert!(link.is_symlink());
        assert!(put(Path::new("/dev/full"), "three").is_err());
        assert!(put(folder.path(), "four").is_err());
    }
}
