//! From this host to a guest.

use super::host::Source;
use super::script::Put;
use super::transport::Transport;
use super::{CLEANUP, CopyPlace, FileCopy, checked};
use crate::libvirt::DomainId;
use crate::manager::undo::UndoStack;
use crate::manager::{CopyError, Error, Left, VmError};

impl FileCopy<'_> {
    /// Gives the bytes that were copied.
    pub(super) async fn put(
        &self,
        id: &DomainId,
        transport: &Transport<'_>,
        from: &CopyPlace,
        path: &str,
        recursive: bool,
    ) -> Result<u64, Error> {
        let place = format!("{}:{path}", id.name);
        // A pipe's other end may take its time to open it.
        let opened = self.while_running(id, Source::open(from, recursive));
        let source = self.op.race(opened).await?;
        let put = Put {
            path: path.to_owned(),
            name: source.name.clone(),
            folder: source.folder,
            id: uuid::Uuid::new_v4().simple().to_string(),
        };
        match self.send(id, transport, &put, source, &place).await {
            // A guest that is gone has nothing to remove.
            Err(error @ Error::Vm(VmError::NotRunning { .. })) => Err(error),
            Err(error) => Err(self.abort(id, transport, &put, place, error).await),
            sent => sent,
        }
    }

    async fn send(
        &self,
        id: &DomainId,
        transport: &Transport<'_>,
        put: &Put,
        mut source: Source,
        place: &str,
    ) -> Result<u64, Error> {
        let mut bytes = 0;
        let total = source.size;
        let progress = |done| {
            bytes = done;
            self.report_copy(place, done, total);
        };
        let receive = transport.send(put.receive(), &mut source.input, progress);
        let received = async { checked(receive.await?, place) };
        self.op.race(self.while_running(id, received)).await?;
        // From here on it takes but a moment, and is not interrupted.
        let commit = put.commit(bytes, source.attributes);
        let committed = async { checked(transport.run(commit).await?, place) };
        self.while_running(id, committed).await?;
        Ok(bytes)
    }

    /// Removes what the guest has of it. Gives `error`, with what could not be removed.
    async fn abort(
        &self,
        id: &DomainId,
        transport: &Transport<'_>,
        put: &Put,
        place: String,
        error: Error,
    ) -> Error {
        let mut undo = UndoStack::new(self.op);
        let mut left = vec![Left::GuestFile { name: format!(".vmtools-{}", put.id), beside: Some(place) }];
        let spool = transport.spool().map(|spool| format!("{}:{spool}", id.name));
        left.extend(spool.map(|name| Left::GuestFile { name, beside: None }));
        undo.will(left, async {
            match tokio::time::timeout(CLEANUP, transport.run(put.abort())).await {
                Ok(aborted) => aborted.map(drop),
                Err(_) => Err(CopyError::CutOff.into()),
            }
        });
        undo.unwind(error).await
    }
}
