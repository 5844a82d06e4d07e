//! The seed: a vfat volume labelled CIDATA that cloud-init's NoCloud source looks for.
//!
//! vfat rather than ISO 9660, since the guest gets it as a virtio disk: Debian's cloud kernel has no driver
//! for a SATA CD-ROM. The same documents give the same bytes.

use std::io::{Cursor, Write};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};

use super::{Documents, Error};

/// The smallest volume, in bytes.
const MIN_VOLUME_BYTES: usize = 512 << 10;
/// The largest documents that are taken, in bytes.
const MAX_DOCUMENT_BYTES: usize = 4 << 20;
/// Tables, the root directory and the last cluster of each file.
const OVERHEAD_BYTES: usize = 128 << 10;

/// The bytes of the volume that holds `documents`, a multiple of 64 KiB.
///
/// # Errors
/// [`Error::TooLarge`] above 4 MiB of documents.
pub fn build(documents: &Documents) -> Result<Vec<u8>, Error> {
    let files = [
        ("meta-data", &documents.meta_data),
        ("network-config", &documents.network_config),
        ("user-data", &documents.user_data),
    ];
    let bytes: usize = files.iter().map(|(_, content)| content.len()).sum();
    if bytes > MAX_DOCUMENT_BYTES {
        return Err(Error::TooLarge { bytes, limit_bytes: MAX_DOCUMENT_BYTES });
    }
    let size = (bytes + bytes / 16 + OVERHEAD_BYTES).next_multiple_of(64 << 10).max(MIN_VOLUME_BYTES);
    let mut volume = vec![0; size];
    fill(&mut volume, &files).map_err(Error::Volume)?;
    Ok(volume)
}

fn fill(volume: &mut [u8], files: &[(&str, &Vec<u8>)]) -> std::io::Result<()> {
    // Not a floppy (media 0xf8, drive 0x80): some tools look at these.
    let options = FormatVolumeOptions::new().volume_label(*b"CIDATA     ").media(0xf8).drive_num(0x80);
    fatfs::format_volume(Cursor::new(&mut *volume), options)?;
    let system = FileSystem::new(Cursor::new(volume), FsOptions::new())?;
    {
        let root = system.root_dir();
        for (name, content) in files {
            let mut file = root.create_file(name)?;
            file.write_all(content)?;
            file.flush()?;
        }
    }
    system.unmount()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn documents(user_data: Vec<u8>) -> Documents {
        Documents { user_data, meta_data: b"{}".to_vec(), network_config: b"{\"version\": 2}".to_vec() }
    }

    #[test]
    fn it_reads_back_with_its_label_and_long_names() {
        for size in [0, 1, 5000, 300 << 10, 1 << 20, (4 << 20) - 100] {
            let content: Vec<u8> = (0..size).map(|i: u32| i.to_le_bytes()[0]).collect();
            let documents = documents(content.clone());
            let volume = build(&documents).expect("builds");
            assert!(volume.len().is_multiple_of(64 << 10));
            assert_eq!(build(&documents).expect("builds"), volume);
            let system = FileSystem::new(Cursor::new(volume), FsOptions::new()).expect("mounts");
            assert_eq!(system.volume_label(), "CIDATA");
            assert_eq!(system.read_volume_label_from_root_dir().expect("reads").as_deref(), Some("CIDATA"));
            let names: Vec<String> =
                system.root_dir().iter().map(|entry| entry.expect("entry").file_name()).collect();
            assert_eq!(names, ["meta-data", "network-config", "user-data"]);
            let mut read = Vec::new();
            let mut file = system.root_dir().open_file("user-data").expect("opens");
            file.read_to_end(&mut read).expect("reads");
            assert!(read == content, "{size}");
        }
    }

    #[test]
    fn the_usual_one_is_small_and_an_absurd_one_is_refused() {
        let volume = build(&documents(vec![b'#'; 3000])).expect("builds");
        assert_eq!(volume.len(), 512 << 10);
        assert!(matches!(build(&documents(vec![0; 5 << 20])), Err(Error::TooLarge { .. })));
    }
}
