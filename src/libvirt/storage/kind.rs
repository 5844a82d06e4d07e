//! What pools and volumes are, by the `type` of their documents (libvirt's `virStoragePoolType` and
//! `virStorageVolType`).

/// What a pool is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolKind {
    /// A directory.
    Dir,
    /// A file system that libvirt mounts.
    Fs,
    /// One of another host.
    NetFs,
    /// A volume group of LVM.
    Logical,
    /// A disk with partitions.
    Disk,
    /// An iSCSI target, through the kernel.
    Iscsi,
    /// An iSCSI target, through QEMU.
    IscsiDirect,
    /// A SCSI host adapter.
    Scsi,
    /// The multipath devices.
    Mpath,
    /// A pool of Ceph's block devices.
    Rbd,
    /// A volume of Gluster.
    Gluster,
    /// A ZFS pool.
    Zfs,
    /// A cluster of Virtuozzo storage.
    Vstorage,
    /// Another, by libvirt's word.
    Other(String),
}

impl PoolKind {
    pub(super) fn read(word: &str) -> Self {
        match word {
            "dir" => Self::Dir,
            "fs" => Self::Fs,
            "netfs" => Self::NetFs,
            "logical" => Self::Logical,
            "disk" => Self::Disk,
            "iscsi" => Self::Iscsi,
            "iscsi-direct" => Self::IscsiDirect,
            "scsi" => Self::Scsi,
            "mpath" => Self::Mpath,
            "rbd" => Self::Rbd,
            "gluster" => Self::Gluster,
            "zfs" => Self::Zfs,
            "vstorage" => Self::Vstorage,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether its volumes are files in its directory, which others can make and remove behind libvirt's back.
    pub fn has_files(&self) -> bool {
        matches!(self, Self::Dir | Self::Fs | Self::NetFs | Self::Vstorage)
    }
}

/// What a volume is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VolumeKind {
    /// A regular file.
    #[default]
    File,
    /// A block device.
    Block,
    /// A directory.
    Dir,
    /// Something that QEMU itself reaches over the network, such as an RBD image.
    Network,
    /// A directory over the network.
    NetDir,
    /// A disk of Virtuozzo.
    Ploop,
    /// A kind that is not known here.
    Other,
}

impl VolumeKind {
    pub(super) fn read(word: &str) -> Self {
        match word {
            "file" => Self::File,
            "block" => Self::Block,
            "dir" => Self::Dir,
            "network" => Self::Network,
            "netdir" => Self::NetDir,
            "ploop" => Self::Ploop,
            _ => Self::Other,
        }
    }
}
