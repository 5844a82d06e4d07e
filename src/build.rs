//! Links the release's program without the tables by which a stack is unwound. A panic aborts there (see Cargo.toml), so
//! nobody reads them, and they would be an eighth of it. rustc has a flag for that, but Cargo none for a single profile.

use std::path::Path;
use std::{env, fs, io};

const SCRIPT: &str = "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.eh_frame_hdr) *(.gcc_except_table .gcc_except_table.*) } } \
    INSERT AFTER .text;\n";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src/build.rs");
    let is = |variable: &str, value: &str| env::var(variable).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        let folder = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
        let script = Path::new(&folder).join("no-unwinding.ld");
        fs::write(&script, SCRIPT)?;
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{}", script.display());
    }
    Ok(())
}
