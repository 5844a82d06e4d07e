use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::qemu_process::process_ids;

/// A program that runs on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its process id.
    pub pid: u32,
    /// Its name, as the kernel has it: at most 15 bytes.
    pub name: String,
}

/// The programs that have the file open, as far as this user may see. Blocks for some milliseconds.
pub fn programs_with_open(path: &Path) -> Vec<Program> {
    let Ok(file) = std::fs::metadata(path) else { return Vec::new() };
    let is_same_file = |data: std::fs::Metadata| (data.dev(), data.ino()) == (file.dev(), file.ino());
    let has_open = |pid: &u32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        // What the link leads to, not the link.
        files.map(|entry| std::fs::metadata(entry.path())).any(|data| data.is_ok_and(is_same_file))
    };
    let name = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let programs = process_ids().filter(has_open);
    programs.map(|pid| Program { pid, name: name(pid).trim_end().to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_has_open_what_it_opened() {
        let file = tempfile::NamedTempFile::new().expect("makes");
        let found = programs_with_open(file.path());
        assert_eq!(found.iter().map(|program| program.pid).collect::<Vec<_>>(), [std::process::id()]);
        assert!(!found[0].name.is_empty());
        let path = file.into_temp_path();
        assert!(programs_with_open(&path).is_empty());
    }
}
