//! An ISO that installs a system, in 4 KiB: it says [`INSTALLING`] on the serial console, writes a boot
//! sector to the first disk and reboots; that one says [`INSTALLED`].
//!
//! Its form is El Torito's without emulation: a boot record in sector 17 names a catalogue, which names the
//! sectors that the BIOS loads to 0x7c00.

/// What the ISO says when it boots.
pub const INSTALLING: &str = "installing from the ISO\n";
/// What the disk says when it boots.
pub const INSTALLED: &str = "booted from the disk\n";

const SECTOR: usize = 2048;
/// The disk's boot sector lies behind the ISO's own half KiB.
const BOOT_SECTOR: usize = 512;

/// xor ax, ax; mov ds, ax; mov es, ax; mov si, TEXT; the loop of PRINT; then int 13h, AX=0301h, CX=1,
/// DX=80h, BX=7e00h: write one sector; and 6 to port cf9h: reset.
const ISO_CODE: [u8; 43] = [
    0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0xbe, 0x2b, 0x7c, 0xac, 0x84, 0xc0, 0x74, 0x06, 0xba, 0xf8, 0x03,
    0xee, 0xeb, 0xf5, 0xb8, 0x01, 0x03, 0xb9, 0x01, 0x00, 0xba, 0x80, 0x00, 0xbb, 0x00, 0x7e, 0xcd, 0x13,
    0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xf4, 0xeb, 0xfd,
];
/// xor ax, ax; mov ds, ax; mov si, TEXT; PRINT: lodsb; test al, al; jz STOP; out 3f8h, al; jmp PRINT;
/// STOP: hlt; jmp STOP.
const DISK_CODE: [u8; 21] = [
    0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0x15, 0x7c, 0xac, 0x84, 0xc0, 0x74, 0x06, 0xba, 0xf8, 0x03, 0xee, 0xeb,
    0xf5, 0xf4, 0xeb, 0xfd,
];

/// The ISO's bytes.
pub fn installer_iso() -> Vec<u8> {
    let mut iso = vec![0; 22 * SECTOR];
    let mut put = |sector: usize, offset: usize, bytes: &[u8]| {
        let start = sector * SECTOR + offset;
        iso[start..start + bytes.len()].copy_from_slice(bytes);
    };
    put(16, 0, b"\x01CD001\x01");
    put(17, 0, b"\x00CD001\x01EL TORITO SPECIFICATION");
    put(17, 0x47, &19u32.to_le_bytes());
    put(18, 0, b"\xffCD001\x01");
    // The catalogue: it is one, its checksum and signature; an entry that boots 4 sectors of 512 from 20.
    put(19, 0, &[1]);
    put(19, 28, &[0xaa, 0x55, 0x55, 0xaa]);
    put(19, 32, &[0x88, 0, 0, 0, 0, 0, 4, 0, 20, 0, 0, 0]);
    put(20, 0, &ISO_CODE);
    put(20, ISO_CODE.len(), INSTALLING.as_bytes());
    put(20, BOOT_SECTOR, &DISK_CODE);
    put(20, BOOT_SECTOR + DISK_CODE.len(), INSTALLED.as_bytes());
    put(20, 2 * BOOT_SECTOR - 2, &[0x55, 0xaa]);
    iso
}
