use sha2::{Digest as _, Sha256, Sha512};

use crate::model::{Algorithm, Digest, Invalid};

/// A digest in the making, by one of the functions that publishers use.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// The digest of nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Takes `bytes` in.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of all that was taken in.
    ///
    /// # Errors
    /// Never, but for [`Digest`]'s own check of its form.
    pub fn finish(self) -> Result<Digest, Invalid> {
        Digest::from_hex(&match self.0 {
            State::Sha256(state) => hex(&state.finalize()),
            State::Sha512(state) => hex(&state.finalize()),
        })
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of `text`: enough to tell the URLs and paths of one
/// cache apart.
pub(in crate::image) fn short_name(text: &[u8]) -> String {
    hex(&Sha256::digest(text)[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        // FIPS 180-2, appendices B.1 and C.1.
        for (algorithm, start) in
            [(Algorithm::Sha256, "ba7816bf8f01cfea"), (Algorithm::Sha512, "ddaf35a193617aba")]
        {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"a");
            hasher.update(b"bc");
            let digest = hasher.finish().expect("a digest");
            assert_eq!(digest.algorithm(), algorithm);
            assert!(digest.hex().starts_with(start));
        }
    }
}
