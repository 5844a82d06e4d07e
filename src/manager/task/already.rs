/// What something is already, that an operation was to make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Already {
    /// A VM runs.
    Running,
    /// A VM is shut off.
    ShutOff,
    /// A VM is paused.
    Paused,
    /// A VM has the name that it was to get.
    Named,
    /// A VM is protected against being deleted.
    Protected,
    /// A VM is not protected.
    Unprotected,
    /// A VM has a QMP socket.
    QmpEnabled,
    /// A VM has an interface on the network; another one is only added by its MAC address.
    Attached,
    /// The address is reserved for the VM.
    AddressReserved,
    /// No address is reserved for the VM on that network.
    NoReservation,
    /// A network is active.
    Active,
    /// A network is inactive.
    Inactive,
    /// libvirt starts the network when it starts itself.
    Autostarted,
    /// libvirt doesn't.
    NotAutostarted,
    /// A disk is not there from the VM's next start on.
    RemovedOnNextStart,
    /// A VM has all that was to be set.
    Set,
    /// A disk has the size.
    OfThatSize,
    /// An image is the newest one.
    UpToDate,
}
