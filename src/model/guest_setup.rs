/// What the guest's cloud-init does at the first boot, beyond letting the user in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuestSetup {
    /// Packages to install, as the guest's package manager names them.
    pub packages: Vec<String>,
    /// Files to write, before the commands run.
    pub write_files: Vec<GuestFile>,
    /// Commands for the guest's shell, run as root in this order, at the first boot only.
    pub runcmd: Vec<String>,
}

/// A file that the guest gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestFile {
    /// Where, absolute.
    pub path: String,
    /// What stands in it.
    pub content: String,
    /// Its mode in octal, such as `0644`, which is cloud-init's own default.
    pub permissions: Option<String>,
    /// Its owner, `USER:GROUP`; root's if nothing is said.
    pub owner: Option<String>,
}

impl GuestSetup {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.write_files.is_empty() && self.runcmd.is_empty()
    }
}
