//! Volumes found by their paths, made of others, and brought to this machine.

use std::fs::File;
use std::io::{Read, Seek};

use super::{parse_volume, volume_command};
use crate::libvirt::client::command::Command;
use crate::libvirt::client::{Client, path_of};
use crate::libvirt::{Error, OwnedVolume, Volume, VolumeSpec, Volumes};
use crate::system::fs;

impl Volumes<'_> {
    /// The volume that is the file of this path, with what libvirt knows of it; `None` when it lies in no
    /// active pool.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn at_path(self, path: &str) -> Result<Option<(OwnedVolume, Volume)>, Error> {
        let ask = |verb: &str| Command::new(verb).option("--vol", path);
        let mut replies = self.client.call_each(&[ask("vol-pool"), ask("vol-dumpxml")]).await?.into_iter();
        match (replies.next(), replies.next()) {
            (Some(Ok(pool)), Some(Ok(document))) => {
                let file = parse_volume(&document)?;
                let pool = pool.trim().to_owned();
                let owned = OwnedVolume { pool, volume: file.name.clone(), path: path.to_owned() };
                Ok(Some((owned, file)))
            }
            (Some(Err(error)), _) | (_, Some(Err(error))) if error.is_connection() => Err(error),
            _ => Ok(None),
        }
    }

    /// The file below each of these files, which lie in pools; `None` where there is none, or it cannot be determined.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn backings(self, paths: &[&str]) -> Result<Vec<Option<String>>, Error> {
        let commands: Vec<_> =
            paths.iter().map(|path| Command::new("vol-dumpxml").option("--vol", path)).collect();
        let replies = self.client.call_each(&commands).await?.into_iter();
        replies
            .map(|reply| match reply {
                Ok(document) => Ok(parse_volume(&document)?.backing),
                Err(error) if error.is_connection() => Err(error),
                Err(_) => Ok(None),
            })
            .collect()
    }

    /// Makes a volume with the content of another, which nothing may write meanwhile. Without a backing file in
    /// the spec it holds all that the other's chain does. libvirt goes on with it when virsh is gone.
    ///
    /// # Errors
    /// [`Error::NoSpace`]; when the other is in use.
    pub async fn copy(self, pool: &str, volume: &VolumeSpec<'_>, source: &OwnedVolume) -> Result<(), Error> {
        let element = volume.to_element();
        let copy = async || {
            let file = self.client.pass_xml("vol-create-from", &element)?;
            let command = Command::new("vol-create-from")
                .option("--pool", pool)
                .option("--file", &file.path)
                .option("--vol", &source.volume)
                .option("--inputpool", &source.pool);
            self.client.call(command.within(Client::transfer_deadline(volume.capacity_bytes))).await.map(drop)
        };
        self.client.pools().refreshed_once(pool, copy).await
    }

    /// Writes a volume's bytes, `size_bytes` of them, to a local file that is open for writing.
    ///
    /// # Errors
    /// When it isn't there, the file's disk is full, or the connection fails.
    pub async fn download(self, pool: &str, name: &str, file: &File, size_bytes: u64) -> Result<(), Error> {
        let command = volume_command("vol-download", pool, name).option("--file", &path_of(file));
        self.client.call(command.within(Client::transfer_deadline(size_bytes))).await.map(drop)
    }

    /// The bytes of a volume from `offset`, at most `limit`; none past its end.
    ///
    /// # Errors
    /// When it isn't there, or the connection fails.
    pub async fn bytes(self, pool: &str, name: &str, offset: u64, limit: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        // libvirt takes a length of 0 for all that there is.
        if limit == 0 {
            return Ok(bytes);
        }
        let mut file = fs::temporary_file()?;
        let command = volume_command("vol-download", pool, name)
            .option("--file", &path_of(&file))
            .option("--offset", &offset.to_string())
            .option("--length", &limit.to_string());
        self.client.call(command.within(Client::transfer_deadline(limit))).await?;
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map_err(fs::temporary_failed)?;
        Ok(bytes)
    }
}
