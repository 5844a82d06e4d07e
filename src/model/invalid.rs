/// A value that somebody gave and that cannot be taken, with what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a valid {what}: {reason}")]
pub struct Invalid {
    /// What the value was meant to be, such as "VM name".
    pub what: &'static str,
    /// The value as it was given.
    pub value: String,
    /// Why it is refused, or what form is taken.
    pub reason: String,
}

impl Invalid {
    /// A refusal of `value` as a `what`.
    pub fn new(what: &'static str, value: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { what, value: value.into(), reason: reason.into() }
    }
}
