use std::fmt;

use rand_core::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

use super::Error;

/// An ed25519 key with its public half. `Debug` hides the private part.
#[derive(Clone)]
pub struct KeyPair {
    /// The private key in OpenSSH's format, without a passphrase: a secret.
    pub private_openssh: String,
    /// The public key as one line, with its comment.
    pub public_openssh: String,
}

impl KeyPair {
    /// A new key; `comment` says whose it is.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn generate(comment: &str) -> Result<Self, Error> {
        let mut key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(Error::Generate)?;
        key.set_comment(comment);
        Self::new(&key).map_err(Error::Generate)
    }

    /// The pair of a private key in OpenSSH's format.
    pub(super) fn parse(private_openssh: &str) -> Result<Self, ssh_key::Error> {
        Self::new(&PrivateKey::from_openssh(private_openssh)?)
    }

    fn new(key: &PrivateKey) -> Result<Self, ssh_key::Error> {
        Ok(Self {
            private_openssh: key.to_openssh(LineEnding::LF)?.to_string(),
            public_openssh: key.public_key().to_openssh()?,
        })
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public_openssh", &self.public_openssh).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_reads_back_and_hides_its_secret() {
        let pair = KeyPair::generate("vmtools web").expect("makes one");
        assert!(pair.public_openssh.starts_with("ssh-ed25519 AAAA"));
        assert!(pair.public_openssh.ends_with(" vmtools web"));
        assert!(pair.private_openssh.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        let again = KeyPair::parse(&pair.private_openssh).expect("reads");
        assert_eq!(again.public_openssh, pair.public_openssh);
        let debug = format!("{pair:?}");
        assert!(!debug.contains("PRIVATE") && debug.contains("ssh-ed25519"), "{debug}");
        assert_ne!(pair.public_openssh, KeyPair::generate("vmtools web").expect("makes one").public_openssh);
    }
}
