//! Errors in a guest's first-boot configuration.

use super::ErrorKind as K;
use crate::seed::Error;

pub(super) fn kind(error: &Error) -> K {
    use Error as E;
    match error {
        E::Invalid(_)
        | E::UserData { .. }
        | E::CloudConfig { .. }
        | E::Ignition { .. }
        | E::AuthorizedKey { .. }
        | E::TooLarge { .. } => K::Usage,
        E::Volume(_) | E::Document { .. } => K::Failed,
    }
}
