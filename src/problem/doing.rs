/// What was being done, where that decides what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// A VM was to be created.
    Create,
    /// A VM was to be cloned.
    Clone,
    /// A VM was to be deleted.
    Delete,
    /// An image was to be downloaded.
    Pull,
    /// A VM was to be restarted.
    Restart,
    /// Anything else.
    Other,
}
