use std::path::{Path, PathBuf};

use super::Error;
use crate::system::fs;

/// A public key that a guest can let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The key as one line of authorized_keys, with its comment.
    pub openssh: String,
    /// The file that it is in; `None` for one that came through a pipe.
    pub file: Option<PathBuf>,
    /// The private key beside it, if there is one; else an agent or a token may hold it.
    pub private_file: Option<PathBuf>,
}

/// All keys in an ssh directory: the files `*.pub` that hold one, by name. Certificates and what can't be
/// read are left out.
pub fn user_public_keys(ssh_folder: &Path) -> Vec<PublicKey> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(ssh_folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "pub"))
        .collect();
    files.sort();
    files.iter().filter_map(|file| read_public_key(file).ok()).collect()
}

/// The largest RSA keys in use have 3 KiB.
const LIMIT: usize = 64 << 10;

/// The public key in a file that somebody named.
///
/// # Errors
/// [`Error::PrivateKeyGiven`], [`Error::NotAPublicKey`] (neither shows the content), and when the file
/// can't be read.
pub fn read_public_key(file: &Path) -> Result<PublicKey, Error> {
    let size = std::fs::metadata(file).map_err(fs::Error::at("read", file))?;
    if !size.is_file() || size.len() > LIMIT as u64 {
        return Err(Error::NotAPublicKey { path: file.to_owned(), reason: "it is not a small file" });
    }
    let bytes = std::fs::read(file).map_err(fs::Error::at("read", file))?;
    let key = parse_public_key(file, &bytes)?;
    let private = file.with_extension("");
    Ok(PublicKey {
        file: Some(file.to_owned()),
        private_file: Some(private).filter(|path| path != file && path.is_file()),
        ..key
    })
}

/// The public key in what was read from a pipe, which is called `name`.
///
/// # Errors
/// [`Error::PrivateKeyGiven`], [`Error::NotAPublicKey`]; neither shows the content.
pub fn parse_public_key(name: &Path, bytes: &[u8]) -> Result<PublicKey, Error> {
    let refuse = |reason| Error::NotAPublicKey { path: name.to_owned(), reason };
    if bytes.len() > LIMIT {
        return Err(refuse("it is too large"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| refuse("it is not text"))?;
    if text.contains("PRIVATE KEY") {
        return Err(Error::PrivateKeyGiven { path: name.to_owned() });
    }
    let openssh = key_line(text).map_err(refuse)?;
    Ok(PublicKey { openssh, file: None, private_file: None })
}

/// The one key in `text`: `TYPE BASE64 COMMENT`, where the blob names the same type (RFC 4253, 6.6).
/// Types are not distinguished further: guests know some that this program doesn't.
fn key_line(text: &str) -> Result<String, &'static str> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = lines.next().ok_or("it is empty")?;
    if lines.next().is_some() {
        return Err("it contains more than one line");
    }
    if line.chars().any(char::is_control) {
        return Err("it contains control characters");
    }
    let (kind, rest) = line.split_once(' ').ok_or("expected TYPE BASE64 COMMENT")?;
    let known = kind.starts_with("ssh-") || kind.starts_with("ecdsa-") || kind.starts_with("sk-");
    if !known || kind.contains("-cert-") {
        return Err("its type is not that of a plain key");
    }
    let blob = rest.split_whitespace().next().ok_or("expected TYPE BASE64 COMMENT")?;
    match blob_kind(blob).as_deref() {
        Some(named) if named == kind.as_bytes() => Ok(line.to_owned()),
        _ => Err("its data does not fit its type"),
    }
}

/// The type that stands in the key's data: a length of four bytes, then the name.
fn blob_kind(blob: &str) -> Option<Vec<u8>> {
    use base64ct::{Base64, Encoding};
    let data = Base64::decode_vec(blob).ok()?;
    let (length, rest) = data.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    // A key has something behind its type.
    (rest.len() > length).then(|| rest.get(..length).map(<[u8]>::to_vec))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::KeyPair;

    // Made with ssh-keygen of OpenSSH 9.2 (-t ecdsa; -t rsa -b 2048; -s CA).
    const ECDSA: &str = include_str!("testdata/ecdsa.pub");
    const RSA: &str = include_str!("testdata/rsa.pub");
    const CERTIFICATE: &str = include_str!("testdata/ed25519-cert.pub");

    #[test]
    fn every_type_of_key_is_taken() {
        for text in [ECDSA, RSA] {
            assert_eq!(key_line(text).as_deref(), Ok(text.trim()));
        }
        let key = KeyPair::generate("a b").expect("makes one").public_openssh;
        assert_eq!(key_line(&format!("# mine\n{key}\r\n\n")), Ok(key));
    }

    #[test]
    fn other_things_are_refused() {
        let two = format!("{ECDSA}{RSA}");
        let swapped = RSA.replace("ssh-rsa ", "ssh-ed25519 ");
        let cut = "ssh-rsa AAAAB3NzaC1yc2E= x";
        for text in [
            "",
            "# x\n",
            "hello",
            "ssh-rsa",
            "ssh-rsa !!!! x",
            "no-pty ssh-rsa AAAA",
            cut,
            CERTIFICATE,
            &two,
            &swapped,
        ] {
            assert!(key_line(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_private_key_is_never_echoed() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("id");
        let pair = KeyPair::generate("x").expect("makes one");
        std::fs::write(&file, &pair.private_openssh).expect("writes");
        let error = read_public_key(&file).expect_err("is refused");
        assert!(matches!(error, Error::PrivateKeyGiven { .. }));
        let secret = pair.private_openssh.lines().nth(1).expect("has a line");
        assert!(!format!("{error:?} {error}").contains(secret));
    }

    #[test]
    fn the_users_folder() {
        let folder = tempfile::tempdir().expect("temporary folder");
        for (name, text) in [
            ("b.pub", RSA),
            ("a.pub", ECDSA),
            ("a", "private"),
            ("c-cert.pub", CERTIFICATE),
            ("bad.pub", "x"),
            ("config", ""),
        ] {
            std::fs::write(folder.path().join(name), text).expect("writes");
        }
        let keys = user_public_keys(folder.path());
        let files: Vec<_> = keys.iter().map(|key| (key.file.clone(), key.private_file.clone())).collect();
        let path = |name: &str| folder.path().join(name);
        assert_eq!(files, [(Some(path("a.pub")), Some(path("a"))), (Some(path("b.pub")), None)]);
        assert_eq!(user_public_keys(&path("none")), []);
    }
}
