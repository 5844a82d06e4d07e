use std::time::Duration;

/// What a download may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For looking up the host, and again for connecting to it, TLS included.
    pub connect_timeout: Duration,
    /// For one request, without a single byte of its answer.
    pub stall_timeout: Duration,
    /// For all requests together, retries and other servers among them, without a single byte.
    pub patience: Duration,
    /// The largest image, in bytes, as it is sent and unpacked.
    pub max_image_bytes: u64,
    /// How many times larger an unpacked image may be than what was sent.
    pub max_unpack_ratio: u64,
    /// Unpacked bytes for which the ratio doesn't count.
    pub unpack_allowance_bytes: u64,
    /// How often a server that fails is asked again in a row, as long as no further byte comes; one that hangs
    /// is asked once more, and only if there is no other.
    pub retries: u32,
    /// Before the first retry; each further one waits twice as long.
    pub first_pause: Duration,
}

/// How long who has an image already waits for a server, to hear whether it is still the same.
const LOOK: Duration = Duration::from_secs(3);

impl Limits {
    /// The limits where the image is here, whatever the servers say.
    pub(in crate::image) fn for_a_look(self) -> Self {
        Self { connect_timeout: self.connect_timeout.min(LOOK), ..self }
    }
}

impl Default for Limits {
    /// Of an empty disk xz makes a 7000th, of a full one a third: the ratio leaves a margin for images that
    /// are mostly empty, and a packed file of 10 MB can't become more than 2 GB.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(20),
            patience: Duration::from_secs(60),
            max_image_bytes: 256 << 30,
            max_unpack_ratio: 200,
            unpack_allowance_bytes: 256 << 20,
            retries: 4,
            first_pause: Duration::from_millis(500),
        }
    }
}
