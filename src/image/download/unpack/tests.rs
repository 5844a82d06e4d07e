//! Packed files of each kind, whole, spoilt and hostile.

use std::io::Write;

use super::*;

fn pack(packing: Packing, bytes: &[u8]) -> Vec<u8> {
    match packing {
        Packing::Xz => {
            let mut packer = liblzma::write::XzEncoder::new(Vec::new(), 1);
            packer.write_all(bytes).expect("packs");
            packer.finish().expect("packs")
        }
        Packing::Gzip => {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(bytes).expect("packs");
            packer.finish().expect("packs")
        }
        Packing::Zstd => zstd::encode_all(bytes, 1).expect("packs"),
        Packing::Bzip2 => {
            let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            packer.write_all(bytes).expect("packs");
            packer.finish().expect("packs")
        }
    }
}

/// Unpacks, fed in pieces of a size that fits nothing.
fn unpack(packed: &[u8], limits: Limits) -> Result<(Vec<u8>, Digest), Error> {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("image");
    let packing = Packing::of(packed).expect("known");
    let result = (|| {
        let mut unpacker = Unpacker::start(packing, path.clone(), "it", None, limits)?;
        let mut received = 0;
        for chunk in packed.chunks(1001) {
            received += chunk.len() as u64;
            unpacker.feed(chunk, received)?;
        }
        unpacker.finish()
    })();
    match &result {
        Ok((unpacked, _)) => assert_eq!(*unpacked, path),
        Err(_) => assert!(!path.exists()),
    }
    result.map(|(path, digest)| (std::fs::read(path).expect("reads"), digest))
}

fn sha256(bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(bytes);
    hasher.finish().expect("a digest")
}

const ALL: [Packing; 4] = [Packing::Xz, Packing::Gzip, Packing::Zstd, Packing::Bzip2];

fn content() -> Vec<u8> {
    (0..200_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

#[test]
fn each_kind_comes_out_as_it_went_in() {
    let content = content();
    for packing in ALL {
        let packed = pack(packing, &content);
        assert_eq!(Packing::of(&packed), Some(packing));
        let (unpacked, digest) = unpack(&packed, Limits::default()).expect("unpacks");
        assert!(unpacked == content && digest == sha256(&content), "{packing:?}");
        // Parallel packers put several behind each other.
        let twice = [packed.clone(), packed].concat();
        let (unpacked, _) = unpack(&twice, Limits::default()).expect("unpacks");
        assert!(unpacked == [content.clone(), content.clone()].concat(), "{packing:?}");
    }
    assert_eq!(Packing::of(b"QFI\xfb\0\0"), None);
}

#[test]
fn what_is_spoilt_or_cut_off_is_refused() {
    for packing in ALL {
        let packed = pack(packing, &content());
        let cut = &packed[..packed.len() - 30];
        assert!(matches!(unpack(cut, Limits::default()), Err(Error::Unpack { .. })), "{packing:?}");
        let mut spoilt = packed.clone();
        let middle = spoilt.len() / 2;
        spoilt[middle..middle + 64].fill(0xaa);
        let result = unpack(&spoilt, Limits::default());
        // zstd without its optional checksum may notice nothing; the publisher's digest does.
        assert!(packing == Packing::Zstd || matches!(result, Err(Error::Unpack { .. })), "{packing:?}");
    }
}

#[test]
fn what_becomes_too_large_is_refused_by_size_and_by_ratio() {
    let zeros = vec![0; 8 << 20];
    let base = Limits { unpack_allowance_bytes: 1 << 20, ..Limits::default() };
    for packing in ALL {
        let packed = pack(packing, &zeros);
        for limits in [
            Limits { max_image_bytes: 4 << 20, max_unpack_ratio: u64::MAX, ..base },
            Limits { max_unpack_ratio: 20, ..base },
        ] {
            let refused = unpack(&packed, limits);
            assert!(matches!(refused, Err(Error::UnpackedTooLarge { .. })), "{packing:?} {refused:?}");
        }
        unpack(&packed, Limits { max_unpack_ratio: u64::MAX, ..base }).expect("unpacks");
    }
}
