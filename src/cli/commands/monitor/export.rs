//! `monitor --prometheus` and `--textfile`.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{MonitorArgs, ticks};
use crate::cli::context::Context;
use crate::cli::exporter::{self, ListenAddress};
use crate::cli::render;
use crate::manager::{Error, Monitor};
use crate::problem::Problem;

/// Serves the metrics of the moment when they are asked for.
pub async fn serve(
    address: ListenAddress,
    monitor: &mut Monitor<'_>,
    context: &Context,
) -> Result<(), Problem> {
    // Who starts it without libvirt is told so at once.
    monitor.look().await?;
    let (local, mut scrapes) = exporter::listen(address)
        .await
        .map_err(|error| Problem::io(format!("cannot listen on {}", address.0), &error))?;
    context.ui.note(&format!("metrics are served at http://{local}/metrics"));
    while let Some(scrape) = scrapes.recv().await {
        // A client that has gone meanwhile needs none.
        let _ = scrape.send(metrics(monitor).await?);
    }
    Ok(())
}

/// Writes the metrics at each interval, for node_exporter's textfile collector.
pub async fn write(file: &Path, args: &MonitorArgs, monitor: &mut Monitor<'_>) -> Result<(), Problem> {
    let mut ticks = ticks(args, super::TEXTFILE_INTERVAL);
    let mut left = args.samples();
    while left != Some(0) {
        ticks.tick().await;
        let text = metrics(monitor).await?;
        put(file, &text).map_err(|error| Problem::io(format!("cannot write {}", file.display()), &error))?;
        left = left.map(|left| left - 1);
    }
    Ok(())
}

async fn metrics(monitor: &mut Monitor<'_>) -> Result<String, Error> {
    let looks = match monitor.look().await {
        Ok(looks) => looks,
        // The one VM that was named is gone; it may come back.
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(render::exposition(&looks, !monitor.is_away()))
}

/// In one step, so that nobody reads half of it. The collector reads only files that end in `.prom`.
fn put(file: &Path, text: &str) -> std::io::Result<()> {
    // The file that a link leads to; a device or a pipe is not to be replaced.
    let (file, mode) = match std::fs::metadata(file) {
        Ok(there) if there.is_file() => (file.canonicalize()?, there.permissions()),
        Ok(_) => return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no regular file")),
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
    use super::*;

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
