use std::fmt;

use sha_crypt::{PasswordHasher, ShaCrypt};

use crate::model::{Invalid, Uuid};

/// A password as it is kept in /etc/shadow. The plain one is not kept, and this is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Hashes a password by SHA-512 with a random salt (crypt(5), `$6$`), which every distribution takes.
    ///
    /// # Errors
    /// One that is empty, or holds what can't be typed.
    pub fn of(password: &str) -> Result<Self, Invalid> {
        let refuse = |reason: &str| Invalid::new("password", "(hidden)", reason);
        if password.is_empty() || password.chars().any(char::is_control) {
            return Err(refuse("it is empty, or has control characters"));
        }
        let salt = Uuid::new_v4();
        ShaCrypt::default()
            .hash_password_with_salt(password.as_bytes(), salt.as_bytes())
            .map(|hash| Self(hash.as_str().to_owned()))
            .map_err(|error| refuse(&error.to_string()))
    }

    /// What goes into the guest's shadow file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha_crypt::PasswordVerifier;

    #[test]
    fn a_hash_is_the_passwords_and_salted() {
        let (one, two) =
            (PasswordHash::of("geheim").expect("taken"), PasswordHash::of("geheim").expect("taken"));
        assert_ne!(one, two);
        assert!(one.as_str().starts_with("$6$"), "{}", one.as_str());
        assert!(ShaCrypt::default().verify_password(b"geheim", one.as_str()).is_ok());
        assert!(ShaCrypt::default().verify_password(b"other", one.as_str()).is_err());
        assert_eq!(format!("{one:?}"), "PasswordHash(..)");
        assert!(PasswordHash::of("").is_err() && PasswordHash::of("a\nb").is_err());
    }
}
