//! From this host to a guest.

use super::host::Source;
use super::script::Put;
use super::transport::Transport;
use super::{CLEANUP, CopyPlace, FileCopy, checked, left_behind, spooled};
use crate::libvirt::DomainId;
use crate::manager::undo::UndoStack;
use crate::manager::{CopyError, Error, Left, VmError};
use crate::model::Uuid;

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
            id: Uuid::new_v4().simple().to_string(),
        };
        let error = match self.send(id, transport, &put, source, &place).await {
            Err(error) => error,
            sent => return sent,
        };
        let partial = Left::GuestFile { name: format!(".vmtools-{}", put.id), beside: Some(place) };
        let mut left = Vec::from_iter(transport.has_sent().then_some(partial));
        left.extend(spooled(id, transport));
        if matches!(error, Error::Vm(VmError::NotRunning { .. })) {
            return Err(left_behind(error, left));
        }
        Err(self.abort(transport, &put, left, error).await)
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
    async fn abort(&self, transport: &Transport<'_>, put: &Put, left: Vec<Left>, error: Error) -> Error {
        let mut undo = UndoStack::new(self.op);
        undo.will(left, async {
            match tokio::time::timeout(CLEANUP, transport.run(put.abort())).await {
                Ok(aborted) => aborted.map(drop),
                Err(_) => Err(CopyError::CutOff.into()),
            }
        });
        undo.unwind(error).await
    }
}
