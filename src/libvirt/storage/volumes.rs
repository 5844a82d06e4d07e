use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::listing::{Row, rows};
use super::pools::pool_command;
use super::{Volume, VolumeSpec, parse_pool, parse_volume, volume_command};
use crate::libvirt::client::command::Command;
use crate::libvirt::client::{Client, path_of};
use crate::libvirt::{Error, Object, OwnedVolume, Volumes};
use crate::system::fs;

// qemu-img writes a table for the whole disk, or a raw one out to its new end.
const WRITE: Duration = Duration::from_secs(120);

/// All that libvirt lists in a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolContents {
    /// The volumes.
    pub volumes: Vec<Volume>,
    /// The paths, as virsh shows them, of those that it can't be asked about: their names hold a line break, say, or
    /// are no UTF-8.
    pub unreadable: Vec<String>,
}

impl Volumes<'_> {
    /// Whether libvirt knows the volume, if need be after a look at the pool's files. In a pool in which a volume is being
    /// made it does not look.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn learn(self, pool: &str, name: &str) -> Result<bool, Error> {
        let known = async || self.client.call(volume_command("vol-path", pool, name)).await.map(drop);
        match self.client.pools().refreshed_once(pool, known).await {
            Err(error) if error.is_connection() => Err(error),
            known => Ok(known.is_ok()),
        }
    }

    /// The names of a pool's volumes, without a look at each. Those that virsh can't be given are left out.
    ///
    /// # Errors
    /// When the pool is gone.
    pub async fn names(self, pool: &str) -> Result<Vec<String>, Error> {
        let names = self.rows(pool).await?.into_iter().filter_map(|row| match row {
            Row::Named(names) => names.into_iter().next(),
            Row::Unnameable(_) => None,
        });
        Ok(names.collect())
    }

    async fn rows(self, pool: &str) -> Result<Vec<Row>, Error> {
        let asks = ["pool-dumpxml", "vol-list"].map(|verb| pool_command(verb, pool));
        let mut replies = self.client.call_each(&asks).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        let (document, table) = (next()?, next()?);
        Ok(rows(&table, &parse_pool(&document, true)?.path))
    }

    /// All the volumes of a pool, as of libvirt's last look at it; those that virsh can't be asked about are left out
    /// ([`Volumes::contents`] names them).
    ///
    /// # Errors
    /// When the pool is gone.
    pub async fn list(self, pool: &str) -> Result<Vec<Volume>, Error> {
        Ok(self.contents(pool).await?.volumes)
    }

    /// All that libvirt lists in a pool, as of its last look at it. What is listed and gone is left out.
    ///
    /// # Errors
    /// When the pool is gone.
    pub async fn contents(self, pool: &str) -> Result<PoolContents, Error> {
        let mut contents = PoolContents::default();
        let mut names = Vec::new();
        for row in self.rows(pool).await? {
            match row {
                Row::Named(candidates) => names.extend(candidates),
                Row::Unnameable(path) => contents.unreadable.push(path),
            }
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        contents.volumes = self.find_each(pool, &names).await?.into_iter().flatten().collect();
        Ok(contents)
    }

    /// The volumes of these names as of libvirt's last look at the pool, `None` for one that isn't there.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn find_each(self, pool: &str, names: &[&str]) -> Result<Vec<Option<Volume>>, Error> {
        let commands: Vec<_> = names.iter().map(|name| volume_command("vol-dumpxml", pool, name)).collect();
        let replies = self.client.call_each(&commands).await?.into_iter();
        replies
            .zip(names)
            .map(|(reply, name)| match reply {
                // virsh takes a path or a key for a name, too.
                Ok(document) => Ok(Some(parse_volume(&document)?).filter(|volume| volume.name == *name)),
                Err(Error::FileMissing { .. }) => Ok(None),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            })
            .collect()
    }

    /// The volume, if need be after a look at the pool's files; `None` when it isn't there.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn find_refreshed(self, pool: &str, name: &str) -> Result<Option<Volume>, Error> {
        let ask = async || self.client.call(volume_command("vol-dumpxml", pool, name)).await;
        match self.client.pools().refreshed_once(pool, ask).await {
            Ok(document) => parse_volume(&document).map(Some),
            Err(Error::NotFound { object: Object::Volume, .. } | Error::FileMissing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a volume. Where the name is taken, libvirt looks at the pool's files first, for one that it still lists may
    /// have been removed.
    ///
    /// # Errors
    /// [`Error::Exists`] when the name is taken; [`Error::FileExists`] when it is by something that libvirt takes for no
    /// volume; [`Error::NoSpace`].
    pub async fn create(self, pool: &str, volume: &VolumeSpec<'_>) -> Result<(), Error> {
        let element = volume.to_element();
        let make = async || {
            let file = self.client.pass_xml("vol-create", &element)?;
            let command = pool_command("vol-create", pool).option("--file", &file.path);
            self.client.call(command.within(WRITE)).await.map(drop)
        };
        self.client.pools().refreshed_once(pool, make).await
    }

    /// Fills a volume with bytes.
    ///
    /// # Errors
    /// [`Error::NoSpace`], or when the connection fails.
    pub async fn fill(self, pool: &str, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let file = Client::pass_file(bytes)?;
        self.upload(pool, name, &file.path, bytes.len() as u64, false).await
    }

    /// Fills a volume with a local file; holes stay holes if it is `sparse`.
    ///
    /// # Errors
    /// [`Error::NoSpace`], when the file can't be read, or the connection fails.
    pub async fn upload_file(self, pool: &str, name: &str, file: &Path, sparse: bool) -> Result<(), Error> {
        // Opened here, so that any path can be given to virsh, and the file can't be exchanged meanwhile.
        let opened = File::open(file).map_err(fs::Error::at("read", file))?;
        let size = opened.metadata().map_err(fs::Error::at("read", file))?.len();
        self.upload(pool, name, &path_of(&opened), size, sparse).await
    }

    async fn upload(self, pool: &str, name: &str, path: &str, size: u64, sparse: bool) -> Result<(), Error> {
        let mut command = volume_command("vol-upload", pool, name).option("--file", path);
        if sparse {
            command = command.flag("--sparse");
        }
        self.client.call(command.within(Client::transfer_deadline(size))).await.map(drop)
    }

    /// The last `limit` bytes of a volume of text, such as a serial log.
    ///
    /// # Errors
    /// When it isn't there, or the connection fails.
    pub async fn tail(self, pool: &str, name: &str, limit: u64) -> Result<String, Error> {
        let size =
            self.find_each(pool, &[name]).await?.pop().flatten().map_or(0, |volume| volume.capacity_bytes);
        let offset = size.saturating_sub(limit).to_string();
        let length = limit.min(size).to_string();
        if size == 0 {
            return Ok(String::new());
        }
        let command = volume_command("vol-download", pool, name)
            .option("--file", "/dev/stdout")
            .option("--offset", &offset)
            .option("--length", &length);
        self.client.call(command).await
    }

    /// Removes a volume, if need be after a look at the pool's files. One whose file is gone is no error.
    ///
    /// # Errors
    /// When it isn't there, is in use ([`Error::Busy`]), or the connection fails.
    pub async fn delete(self, pool: &str, name: &str) -> Result<(), Error> {
        let delete = async || self.client.call(volume_command("vol-delete", pool, name)).await.map(drop);
        match self.client.pools().refreshed_once(pool, delete).await {
            Err(Error::FileMissing { .. }) => Ok(()),
            other => other,
        }
    }

    /// As [`Volumes::delete`], of a volume that a record names: only if it is the file that the record says.
    ///
    /// # Errors
    /// [`Error::OtherVolume`]; as [`Volumes::delete`].
    pub async fn delete_recorded(self, volume: &OwnedVolume) -> Result<(), Error> {
        let OwnedVolume { pool, volume: name, path: recorded } = volume;
        let ask = async || self.client.call(volume_command("vol-path", pool, name)).await;
        let path = self.client.pools().refreshed_once(pool, ask).await?;
        // A name may end with a blank.
        let path = path.trim_end_matches('\n');
        if path != recorded {
            let (pool, name, recorded) = (pool.clone(), name.clone(), recorded.clone());
            return Err(Error::OtherVolume { pool, name, path: path.to_owned(), recorded });
        }
        self.delete(pool, name).await
    }

    /// Sets the size of an image that lies in a storage pool and that no domain uses at the moment. A
    /// smaller one is refused.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it lies in no pool.
    pub async fn resize(self, path: &str, bytes: u64) -> Result<(), Error> {
        let size = format!("{bytes}B");
        let command = Command::new("vol-resize").option("--vol", path).option("--capacity", &size);
        self.client.call(command.within(WRITE)).await.map(drop)
    }
}
