use std::path::{Path, PathBuf};

use crate::system::fs;

use super::Error;

/// How deep this user's directories are that vmtools writes to.
const DEPTH: usize = 2;

/// Where this user's files lie, by the XDG base directory specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    home: PathBuf,
    config: PathBuf,
    cache: PathBuf,
    state: PathBuf,
    data: PathBuf,
}

impl Paths {
    /// The directories that the environment names: XDG_CONFIG_HOME and its like, else those below the home
    /// directory. A relative XDG path is ignored, as the specification wants it.
    ///
    /// # Errors
    /// When the user has no home directory.
    pub fn from_environment() -> Result<Self, Error> {
        let vmtools_folder_in =
            |folder: Option<PathBuf>| folder.map(|f| f.join("vmtools")).ok_or(Error::NoHome);
        Ok(Self {
            home: dirs::home_dir().ok_or(Error::NoHome)?,
            config: vmtools_folder_in(dirs::config_dir())?,
            cache: vmtools_folder_in(dirs::cache_dir())?,
            state: vmtools_folder_in(dirs::state_dir())?,
            data: vmtools_folder_in(dirs::data_dir())?,
        })
    }

    /// Directories as a user with the home directory `home` has them if no variable is set; for tests.
    pub fn below(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            config: home.join(".config/vmtools"),
            cache: home.join(".cache/vmtools"),
            state: home.join(".local/state/vmtools"),
            data: home.join(".local/share/vmtools"),
        }
    }

    /// The user's home directory, which `~` stands for.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The user's ssh directory.
    pub fn ssh_folder(&self) -> PathBuf {
        self.home.join(".ssh")
    }

    /// The directory of config.toml.
    pub fn config_folder(&self) -> &Path {
        &self.config
    }

    /// config.toml, whether it is there or not.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The directory of the user's own templates.
    pub fn templates_folder(&self) -> PathBuf {
        self.config.join("templates")
    }

    /// The file of the user's own template `name`, whether it is there or not.
    pub fn template_file(&self, name: &str) -> PathBuf {
        self.templates_folder().join(format!("{name}.toml"))
    }

    /// The user's additions to the catalogue of images, whether they are there or not.
    pub fn catalogue_file(&self) -> PathBuf {
        self.config.join("catalog.toml")
    }

    /// What can be made again: downloaded images.
    pub fn cache_folder(&self) -> &Path {
        &self.cache
    }

    /// What belongs to this machine: locks, known_hosts files.
    pub fn state_folder(&self) -> &Path {
        &self.state
    }

    /// The directory for locks that only this user's processes look at; made if it isn't there.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn claims_folder(&self) -> Result<PathBuf, Error> {
        let folder = self.state_folder().join("locks");
        fs::create_private_folder(&folder)?;
        Ok(folder)
    }

    /// The directory for what reverts of VMs keep until they are over, whether it is there or not.
    pub fn reverts_folder(&self) -> PathBuf {
        self.state_folder().join("reverts")
    }

    /// Writes a file of this user's directories that nobody else may read.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write_private(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        Ok(fs::write_atomically(path, bytes, 0o600)?)
    }

    /// Files that were to take another's place and that a killed command has left in this user's directories.
    pub fn abandoned_temporaries(&self) -> Vec<PathBuf> {
        let folders = [&self.config, &self.cache, &self.state, &self.data];
        folders.iter().flat_map(|folder| fs::abandoned_temporaries(folder, DEPTH)).collect()
    }

    /// Removes one of [`Paths::abandoned_temporaries`], unless it has come to be somebody's.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove_temporary(path: &Path) -> Result<(), Error> {
        Ok(fs::remove_temporary(path)?)
    }

    /// What can't be made again: vmtools' own ssh key, the session's disks.
    pub fn data_folder(&self) -> &Path {
        &self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_lies_below_home() {
        let paths = Paths::below(Path::new("/home/u"));
        assert_eq!(paths.config_file(), Path::new("/home/u/.config/vmtools/config.toml"));
        assert_eq!(paths.template_file("web"), Path::new("/home/u/.config/vmtools/templates/web.toml"));
        assert_eq!(paths.state_folder(), Path::new("/home/u/.local/state/vmtools"));
    }
}
