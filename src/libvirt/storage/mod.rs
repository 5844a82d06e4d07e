//! Storage pools and volumes. All files of VMs are made through libvirt, so a user who may speak to the
//! system daemon needs no root, and a daemon on another host works the same.

mod transfer;

use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crate::libvirt::client::Client;
use crate::libvirt::client::command::Command;
use crate::libvirt::xml::Element;
use crate::libvirt::{Error, Object};

/// A storage pool that is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: String,
    /// libvirt's kind: `dir`, `logical`, ...
    pub kind: String,
    /// The room left, in bytes, as of libvirt's last look.
    pub available_bytes: u64,
}

/// A volume: one file of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its name in the pool.
    pub name: String,
    /// The file.
    pub path: String,
    /// The image's format, as libvirt last probed it.
    pub format: Option<String>,
    /// What a guest sees, in bytes.
    pub capacity_bytes: u64,
    /// What it takes on the disk, in bytes.
    pub allocation_bytes: u64,
    /// The file below it.
    pub backing: Option<String>,
    /// When it was last written to, as of libvirt's last look.
    pub modified: Option<SystemTime>,
    /// When it was last read, as of libvirt's last look and as far as the file system notes it.
    pub accessed: Option<SystemTime>,
}

/// A volume to be made.
#[derive(Debug, Clone)]
pub struct VolumeSpec<'a> {
    /// Its name in the pool.
    pub name: &'a str,
    /// What a guest sees, in bytes.
    pub capacity_bytes: u64,
    /// `qcow2` or `raw`.
    pub format: &'a str,
    /// The permission bits of the file, in octal.
    pub mode: &'a str,
    /// The file below it, and its format.
    pub backing: Option<(&'a str, &'a str)>,
}

// qemu-img writes a table for the whole disk.
const MAKE: Duration = Duration::from_secs(120);
/// How long a pool may take that another process starts.
const START: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);

impl Client {
    /// The pool of this name; `None` when it is not defined. One that is off is started, and one that
    /// another process is just making or starting is waited for.
    ///
    /// # Errors
    /// When it can't be started, or the connection fails.
    pub async fn pool(&self, name: &str) -> Result<Option<Pool>, Error> {
        let deadline = Instant::now() + START;
        let option = |words: &str| Command::new(words).option("--pool", name);
        let mut built = false;
        loop {
            // In this order: of a pool that is just being started the document says that it has no room.
            let asks = [Command::new("pool-list --name"), option("pool-dumpxml")];
            let mut replies = self.call_each(&asks).await?.into_iter();
            let active = replies.next().unwrap_or(Ok(String::new()))?;
            let pool = match replies.next() {
                Some(Ok(document)) => parse_pool(&document)?,
                Some(Err(error)) if !error.is_not_found() => return Err(error),
                _ => return Ok(None),
            };
            if active.lines().any(|line| line.trim() == name) {
                return Ok(Some(pool));
            }
            match self.call(option("pool-start")).await {
                Ok(_) => {}
                // It runs by now, or is starting.
                Err(Error::WrongState { .. } | Error::Busy { .. }) if Instant::now() < deadline => {
                    tokio::time::sleep(PAUSE).await;
                }
                // Its folder is gone, or who has just defined it has not made it yet. Only a folder: to
                // build another kind of pool may format a disk.
                Err(_) if pool.kind == "dir" && !std::mem::replace(&mut built, true) => {
                    match self.call(option("pool-build")).await {
                        // Another has built and started it meanwhile.
                        Ok(_) | Err(Error::WrongState { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Defines a pool that is a folder, makes the folder, starts it and lets libvirt start it by itself.
    /// Two at once do no harm.
    ///
    /// # Errors
    /// When the folder can't be made.
    pub async fn make_folder_pool(&self, name: &str, folder: &str) -> Result<Pool, Error> {
        let pool = folder_pool(name, folder);
        let file = self.handover_xml("pool-define", &pool)?;
        match self.call(Command::new("pool-define").option("--file", &file.path)).await {
            Ok(_) | Err(Error::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
        let _ = self.call(Command::new("pool-autostart").option("--pool", name)).await;
        self.pool(name).await?.ok_or_else(|| Error::NotFound { object: Object::Pool, name: name.to_owned() })
    }

    /// Lets libvirt look at the pool's files again. One in which a volume is being made is
    /// [`Error::Busy`].
    ///
    /// # Errors
    /// When the pool is gone or busy.
    pub async fn refresh_pool(&self, pool: &str) -> Result<(), Error> {
        let command = Command::new("pool-refresh").option("--pool", pool);
        self.call(command).await.map(drop)
    }

    /// Lets libvirt look at the pool's files again, and gives whether it knows this one then. In a pool in which a
    /// volume is being made it does not look.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn learn_volume(&self, pool: &str, name: &str) -> Result<bool, Error> {
        let refresh = Command::new("pool-refresh").option("--pool", pool);
        let replies = self.call_each(&[refresh, volume_command("vol-path", pool, name)]).await?;
        match replies.into_iter().next_back() {
            Some(Err(error)) if error.is_connection() => Err(error),
            known => Ok(matches!(known, Some(Ok(_)))),
        }
    }

    /// The names of all the active pools.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn active_pools(&self) -> Result<Vec<String>, Error> {
        let text = self.call(Command::new("pool-list --name")).await?;
        Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// The names of a pool's volumes, without a look at each.
    ///
    /// # Errors
    /// When the pool is gone.
    pub async fn volume_names(&self, pool: &str) -> Result<Vec<String>, Error> {
        let text = self.call(Command::new("vol-list").option("--pool", pool)).await?;
        // A heading of two lines, then ` name   path`; names with blanks are none of vmtools'.
        let names = text.lines().skip(2).filter_map(|line| line.split_whitespace().next());
        Ok(names.map(str::to_owned).collect())
    }

    /// All the volumes of a pool.
    ///
    /// # Errors
    /// When the pool is gone.
    pub async fn volumes(&self, pool: &str) -> Result<Vec<Volume>, Error> {
        let names = self.volume_names(pool).await?;
        let commands: Vec<_> = names.iter().map(|name| volume_command("vol-dumpxml", pool, name)).collect();
        let mut volumes = Vec::with_capacity(commands.len());
        for reply in self.call_each(&commands).await? {
            match reply {
                Ok(document) => volumes.push(parse_volume(&document)?),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(volumes)
    }

    /// The volumes of these names, `None` for one that isn't there.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn find_volumes(&self, pool: &str, names: &[&str]) -> Result<Vec<Option<Volume>>, Error> {
        let commands: Vec<_> = names.iter().map(|name| volume_command("vol-dumpxml", pool, name)).collect();
        let replies = self.call_each(&commands).await?.into_iter();
        replies
            .map(|reply| match reply {
                Ok(document) => parse_volume(&document).map(Some),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            })
            .collect()
    }

    /// Makes a volume.
    ///
    /// # Errors
    /// [`Error::Exists`] when the name is taken; [`Error::NoSpace`].
    pub async fn make_volume(&self, pool: &str, volume: &VolumeSpec<'_>) -> Result<(), Error> {
        let file = self.handover_xml("vol-create", &volume.to_element())?;
        let command = Command::new("vol-create").option("--pool", pool).option("--file", &file.path);
        self.call(command.within(MAKE)).await.map(drop)
    }

    /// Fills a volume with bytes.
    ///
    /// # Errors
    /// [`Error::NoSpace`], or when the connection fails.
    pub async fn fill_volume(&self, pool: &str, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let file = Self::handover(bytes)?;
        self.upload(pool, name, &file.path, bytes.len() as u64, false).await
    }

    /// Fills a volume with a local file; holes stay holes if it is `sparse`.
    ///
    /// # Errors
    /// [`Error::NoSpace`], when the file can't be read, or the connection fails.
    pub async fn upload_file(&self, pool: &str, name: &str, file: &Path, sparse: bool) -> Result<(), Error> {
        // Opened here, so that any path can be given to virsh, and the file can't be exchanged meanwhile.
        let file = std::fs::File::open(file).map_err(Error::Handover)?;
        let size = file.metadata().map_err(Error::Handover)?.len();
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        self.upload(pool, name, &path, size, sparse).await
    }

    async fn upload(&self, pool: &str, name: &str, path: &str, size: u64, sparse: bool) -> Result<(), Error> {
        let mut command = volume_command("vol-upload", pool, name).option("--file", path);
        if sparse {
            command = command.flag("--sparse");
        }
        self.call(command.within(Self::transfer_deadline(size))).await.map(drop)
    }

    /// The last `limit` bytes of a volume of text, such as a serial log.
    ///
    /// # Errors
    /// When it isn't there, or the connection fails.
    pub async fn volume_tail(&self, pool: &str, name: &str, limit: u64) -> Result<String, Error> {
        let size =
            self.find_volumes(pool, &[name]).await?.pop().flatten().map_or(0, |volume| volume.capacity_bytes);
        let offset = size.saturating_sub(limit).to_string();
        let length = limit.min(size).to_string();
        if size == 0 {
            return Ok(String::new());
        }
        let command = volume_command("vol-download", pool, name)
            .option("--file", "/dev/stdout")
            .option("--offset", &offset)
            .option("--length", &length);
        self.call(command).await
    }

    /// What the guest sees of a domain's disk and what it takes on the host, in bytes, as far as libvirt
    /// can tell.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn disk_sizes(&self, uuid: &str, target: &str) -> Result<(Option<u64>, Option<u64>), Error> {
        let command = Command::new("domblkinfo").option("--domain", uuid).option("--device", target);
        match self.call(command).await {
            Ok(text) => {
                let field =
                    |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
                Ok((field("Capacity:"), field("Allocation:")))
            }
            Err(error) if error.is_connection() => Err(error),
            Err(_) => Ok((None, None)),
        }
    }

    /// Removes a volume.
    ///
    /// # Errors
    /// When it isn't there, or the connection fails.
    pub async fn delete_volume(&self, pool: &str, name: &str) -> Result<(), Error> {
        self.call(volume_command("vol-delete", pool, name)).await.map(drop)
    }
}

impl VolumeSpec<'_> {
    pub(super) fn to_element(&self) -> Element {
        let format = |name: &str| Element::new("format").with("type", name);
        let permissions = Element::new("permissions").child(Element::new("mode").text(self.mode));
        let volume = Element::new("volume")
            .with("type", "file")
            .child(Element::new("name").text(self.name))
            .child(Element::new("capacity").with("unit", "bytes").text(self.capacity_bytes.to_string()))
            // Nothing is reserved ahead.
            .child(Element::new("allocation").with("unit", "bytes").text("0"))
            .child(Element::new("target").child(format(self.format)).child(permissions));
        volume.children(self.backing.map(|(path, below)| {
            Element::new("backingStore").child(Element::new("path").text(path)).child(format(below))
        }))
    }
}

pub(super) fn folder_pool(name: &str, folder: &str) -> Element {
    Element::new("pool")
        .with("type", "dir")
        .child(Element::new("name").text(name))
        .child(Element::new("target").child(Element::new("path").text(folder)))
}

pub(super) fn volume_command(verb: &str, pool: &str, name: &str) -> Command {
    Command::new(verb).option("--pool", pool).option("--vol", name)
}

fn parse(document: &str, command: &str) -> Result<Element, Error> {
    Element::parse(document)
        .map_err(|error| Error::Unexpected { command: command.to_owned(), reason: error.to_string() })
}

fn parse_pool(document: &str) -> Result<Pool, Error> {
    let tree = parse(document, "virsh pool-dumpxml")?;
    Ok(Pool {
        name: tree.find_text("name").unwrap_or_default(),
        path: tree.find_text("target/path").unwrap_or_default(),
        kind: tree.attribute("type").unwrap_or_default().to_owned(),
        available_bytes: bytes(&tree, "available"),
    })
}

pub(super) fn parse_volume(document: &str) -> Result<Volume, Error> {
    let tree = parse(document, "virsh vol-dumpxml")?;
    let time = |name: &str| {
        let seconds = tree.find_text(&format!("target/timestamps/{name}"))?.parse().ok()?;
        Some(SystemTime::UNIX_EPOCH + Duration::try_from_secs_f64(seconds).ok()?)
    };
    Ok(Volume {
        name: tree.find_text("name").unwrap_or_default(),
        path: tree.find_text("target/path").unwrap_or_default(),
        format: tree.find_attribute("target/format", "type").map(str::to_owned),
        capacity_bytes: bytes(&tree, "capacity"),
        allocation_bytes: bytes(&tree, "allocation"),
        backing: tree.find_text("backingStore/path"),
        modified: time("mtime"),
        accessed: time("atime"),
    })
}

/// A size that libvirt prints in bytes.
fn bytes(tree: &Element, name: &str) -> u64 {
    tree.find_text(name).and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    // libvirt 11.3.0: `vol-dumpxml --pool vmt a.qcow2`
    const VOLUME: &str = "<volume type='file'>
  <name>a.qcow2</name>
  <key>/var/lib/libvirt/images/vmt/a.qcow2</key>
  <capacity unit='bytes'>3000000</capacity>
  <allocation unit='bytes'>3002368</allocation>
  <physical unit='bytes'>3000000</physical>
  <target>
    <path>/var/lib/libvirt/images/vmt/a.qcow2</path>
    <format type='raw'/>
    <permissions><mode>0600</mode><owner>0</owner><group>0</group></permissions>
    <timestamps><atime>1795426615.772777029</atime><mtime>1795426615.767559283</mtime></timestamps>
  </target>
</volume>";

    #[test]
    fn a_volume_from_recorded_output() {
        let volume = parse_volume(VOLUME).expect("parses");
        assert_eq!(
            (volume.name.as_str(), volume.capacity_bytes, volume.allocation_bytes),
            ("a.qcow2", 3_000_000, 3_002_368)
        );
        assert_eq!((volume.format.as_deref(), volume.backing), (Some("raw"), None));
        let modified = volume.modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        assert_eq!(modified.map(|since| since.as_secs()), Some(1_795_426_615));
    }

    #[test]
    fn an_overlay_names_its_formats() {
        let spec = VolumeSpec {
            name: "x",
            capacity_bytes: 1,
            format: "qcow2",
            mode: "0600",
            backing: Some(("/b&c", "raw")),
        };
        let tree = Element::parse(&spec.to_element().to_document().expect("writes")).expect("parses");
        assert_eq!(tree.find_text("backingStore/path").as_deref(), Some("/b&c"));
        assert_eq!(tree.find_attribute("backingStore/format", "type"), Some("raw"));
        assert_eq!(tree.find_attribute("target/format", "type"), Some("qcow2"));
    }

    #[test]
    fn what_is_no_xml_is_an_error() {
        assert!(parse_pool("error").is_err() && parse_volume("").is_err());
    }
}
