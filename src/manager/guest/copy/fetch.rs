//! From a guest to this host.

use std::path::Path;

use super::destination::Destination;
use super::host::Sink;
use super::script::{self, PathKind};
use super::transport::Transport;
use super::{CopyPlace, CopyRefusal, FileCopy, checked};
use crate::libvirt::DomainId;
use crate::manager::{CopyError, Error};

impl FileCopy<'_> {
    /// Gives the bytes that were copied.
    pub(super) async fn fetch(
        &self,
        id: &DomainId,
        transport: &Transport<'_>,
        path: &str,
        to: &CopyPlace,
        recursive: bool,
    ) -> Result<u64, Error> {
        let place = format!("{}:{path}", id.name);
        let found = path_kind(transport, path, &place).await?;
        if found == PathKind::Folder && !recursive {
            return Err(CopyError::IsFolder { place }.into());
        }
        let mut bytes = 0;
        let total = match found {
            PathKind::File { size: size @ 1.., .. } => Some(size),
            _ => None,
        };
        let progress = |done| {
            bytes = done;
            self.report_copy(&place, done, total);
        };
        match to {
            CopyPlace::Host(to) => fetch_to_host(transport, (path, &place), to, found, progress).await?,
            // A directory is an archive there.
            _ => {
                let mut output = Destination::new(tokio::io::stdout());
                let printed = transport.fetch(script::print(path), &mut output, progress).await;
                match output.failure() {
                    // Who reads it has seen enough.
                    Some(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
                    Some(error) => return Err(CopyError::Output(error).into()),
                    None => drop(checked(printed?, &place)?),
                }
            }
        }
        Ok(bytes)
    }
}

async fn path_kind(transport: &Transport<'_>, path: &str, place: &str) -> Result<PathKind, Error> {
    let output = checked(transport.run(script::path_kind(path)).await?, place)?;
    script::parse_path_kind(&output.stdout).ok_or_else(|| {
        let (place, message) = (place.to_owned(), output.stdout.trim().to_owned());
        CopyError::Refused { place, reason: CopyRefusal::Other, message }.into()
    })
}

/// `from` is the path in the guest, and how the user named it.
async fn fetch_to_host(
    transport: &Transport<'_>,
    from: (&str, &str),
    to: &Path,
    kind: PathKind,
    progress: impl FnMut(u64),
) -> Result<(), Error> {
    let (path, place) = from;
    let sink = Sink::new(to, path)?;
    let fetch = async |file: tokio::fs::File| {
        let mut output = Destination::new(file);
        let printed = transport.fetch(script::print(path), &mut output, progress).await;
        if let Some(error) = output.failure() {
            return Err(Error::from(sink.failed(error)));
        }
        checked(printed?, place)?;
        Ok(output.into_inner())
    };
    match kind {
        PathKind::Folder => {
            let spool = fetch(sink.spool()?).await?;
            sink.unpack(spool).await
        }
        PathKind::File { .. } if sink.is_stream() => fetch(sink.open().await?).await.map(drop),
        PathKind::File { mode, time, .. } => {
            let (partial, file) = sink.partial()?;
            fetch(file).await?;
            sink.complete(partial, mode, time)
        }
    }
}
