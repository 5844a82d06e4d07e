use super::Invalid;

const WHAT: &str = "user name";
/// useradd's own limit (shadow's chkname.c), in characters.
const MAX_CHARS: usize = 32;

/// Refuses what no user of a guest can be called: a name begins with a small letter or an underscore, and has
/// small letters, digits, underscores and dashes, as useradd(8) recommends it.
///
/// # Errors
/// When it is empty, too long, or has other characters.
pub fn check_guest_user(user: &str) -> Result<(), Invalid> {
    if user.is_empty() || user.len() > MAX_CHARS {
        return Err(Invalid::new(WHAT, user, format!("it must have 1 to {MAX_CHARS} characters")));
    }
    let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(*c);
    if let Some(c) = user.chars().find(|c| !allowed(c)) {
        return Err(Invalid::new(WHAT, user, format!("{c:?} is not allowed")));
    }
    if !user.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') {
        return Err(Invalid::new(WHAT, user, "it must start with a lower-case letter"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_users() {
        for good in ["ada", "_www", "a-1", "x_"] {
            assert!(check_guest_user(good).is_ok(), "{good}");
        }
        for bad in ["", "Ada", "1a", "-a", "a b", "a:b", &"a".repeat(33)] {
            assert!(check_guest_user(bad).is_err(), "{bad}");
        }
    }
}
