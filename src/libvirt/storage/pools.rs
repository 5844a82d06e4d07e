use super::{Pool, PoolKind, folder_pool, parse_pool};
use crate::libvirt::client::command::Command;
use crate::libvirt::{Error, Object, Pools};

impl Pools<'_> {
    /// The pool of this name, started or not; `None` when it is not defined.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn find(self, name: &str) -> Result<Option<Pool>, Error> {
        // In this order: of a pool that is just being started the document says that it has no room.
        let asks = [Command::new("pool-list --name"), pool_command("pool-dumpxml", name)];
        let mut replies = self.client.call_each(&asks).await?.into_iter();
        let active = replies.next().unwrap_or(Ok(String::new()))?;
        match replies.next() {
            Some(Ok(document)) => {
                let mut pool = parse_pool(&document, names(&active).any(|line| line == name))?;
                // virsh takes the UUID of a pool for its name, too.
                let of_that_name = pool.name == name;
                pool.active &= of_that_name;
                Ok(of_that_name.then_some(pool))
            }
            Some(Err(error)) if !error.is_not_found() => Err(error),
            _ => Ok(None),
        }
    }

    /// All pools, started or not, by name.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn list(self) -> Result<Vec<Pool>, Error> {
        let asks = ["pool-list --name", "pool-list --all --name"].map(Command::new);
        let mut replies = self.client.call_each(&asks).await?.into_iter();
        let mut next = || replies.next().unwrap_or(Ok(String::new()));
        let (active, all) = (next()?, next()?);
        let commands: Vec<_> = names(&all).map(|name| pool_command("pool-dumpxml", name)).collect();
        let mut pools = Vec::with_capacity(commands.len());
        for (name, reply) in names(&all).zip(self.client.call_each(&commands).await?) {
            match reply {
                Ok(document) => pools.push(parse_pool(&document, names(&active).any(|line| line == name))?),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        pools.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(pools)
    }

    /// Starts a pool. When that fails and it was not `built` yet, its directory is made instead: then it is to be
    /// started again.
    ///
    /// # Errors
    /// [`Error::WrongState`] and [`Error::Busy`] when it is active by now or another is starting it; else when it
    /// can't be started.
    pub async fn start(self, pool: &Pool, built: &mut bool) -> Result<(), Error> {
        match self.client.call(pool_command("pool-start", &pool.name)).await {
            Ok(_) => Ok(()),
            // It runs by now, or is starting.
            Err(error @ (Error::WrongState { .. } | Error::Busy { .. })) => Err(error),
            Err(error) if error.is_connection() => Err(error),
            // Its directory is gone, or who has just defined it has not made it yet. Only a directory: to
            // build another kind of pool may format a disk.
            Err(_) if pool.kind == PoolKind::Dir && !std::mem::replace(built, true) => {
                // Another may have built and started it meanwhile.
                self.client.call(pool_command("pool-build", &pool.name)).await.map(drop)
            }
            Err(error) => Err(error),
        }
    }

    /// Defines a pool that is a directory, and lets libvirt start it by itself from now on. Two at once do no harm.
    ///
    /// # Errors
    /// When libvirt refuses it.
    pub async fn define_folder(self, name: &str, folder: &str) -> Result<(), Error> {
        let pool = folder_pool(name, folder);
        let file = self.client.pass_xml("pool-define", &pool)?;
        match self.client.call(Command::new("pool-define").option("--file", &file.path)).await {
            Ok(_) | Err(Error::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
        let _ = self.client.call(pool_command("pool-autostart", name)).await;
        Ok(())
    }

    /// Makes a pool of a directory that is there, until it is destroyed or the daemon ends.
    ///
    /// # Errors
    /// [`Error::Refused`] when another pool has the directory.
    pub async fn create_transient(self, name: &str, folder: &str) -> Result<(), Error> {
        let file = self.client.pass_xml("pool-create", &folder_pool(name, folder))?;
        self.client.call(Command::new("pool-create").option("--file", &file.path)).await.map(drop)
    }

    /// Ends a pool. Its files stay.
    ///
    /// # Errors
    /// When it is gone or busy.
    pub async fn destroy(self, name: &str) -> Result<(), Error> {
        self.client.call(pool_command("pool-destroy", name)).await.map(drop)
    }

    /// Lets libvirt look at the pool's files again. One in which a volume is being made is
    /// [`Error::Busy`].
    ///
    /// # Errors
    /// When the pool is gone or busy.
    pub async fn refresh(self, pool: &str) -> Result<(), Error> {
        self.client.call(pool_command("pool-refresh", pool)).await.map(drop)
    }

    /// The names of all the active pools.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn active(self) -> Result<Vec<String>, Error> {
        let text = self.client.call(Command::new("pool-list --name")).await?;
        Ok(names(&text).map(str::to_owned).collect())
    }

    /// Asks; when the answer goes by what libvirt last saw of the pool's files, which is that a file is there or is
    /// not, lets it look once and asks again. Other hosts and other programs make and remove files without libvirt's
    /// knowledge. A pool that can't be refreshed now leaves the answer as it was.
    pub(super) async fn refreshed_once<T>(
        self,
        pool: &str,
        ask: impl AsyncFn() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let error = match ask().await {
            Err(
                error @ (Error::NotFound { object: Object::Volume, .. }
                | Error::Exists { object: Object::Volume, .. }
                | Error::FileExists { .. }
                | Error::FileMissing { .. }),
            ) => error,
            other => return other,
        };
        match self.refresh(pool).await {
            Ok(()) => ask().await,
            Err(refresh) if refresh.is_connection() => Err(refresh),
            Err(_) => Err(error),
        }
    }
}

pub(super) fn pool_command(verb: &str, pool: &str) -> Command {
    Command::new(verb).option("--pool", pool)
}

/// The column that virsh 9.0 fills up with blanks when it lists the names of pools (`%-20s`, in bytes). A name ends with
/// its line since then.
const PADDED_BYTES: usize = 20;

/// The names in a list of them, a line each.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let unpadded = |line: &'_ str| {
        if line.len() == PADDED_BYTES { line.trim_end_matches(' ').len() } else { line.len() }
    };
    text.lines().map(move |line| &line[..unpadded(line)]).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Vec<&str> {
        names(text).collect()
    }

    #[test]
    fn names_are_what_the_line_holds() {
        // `virsh pool-list --name` of 11.3.
        assert_eq!(
            listed("default\nodd pool\n ends with blanks  \n\n"),
            ["default", "odd pool", " ends with blanks  "]
        );
    }

    #[test]
    fn names_are_padded_by_old_virsh() {
        // `virsh pool-list --name` of 9.0, of 7, 9 and 23 bytes.
        let text = "default             \nPlätze 1           \nvmtools-folder-3f9a0c1d\n\n";
        assert_eq!(listed(text), ["default", "Plätze 1", "vmtools-folder-3f9a0c1d"]);
    }
}
