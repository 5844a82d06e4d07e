//! Numbers that look random and come again with their seed.

use std::time::Duration;

/// SplitMix64.
pub struct Random(u64);

impl Random {
    /// Another sequence for each pair.
    pub fn new(seed: u64, worker: usize) -> Self {
        let mut random = Self(seed ^ (worker as u64).wrapping_mul(0xA076_1D64_78BD_642F));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// So many times of a hundred.
    pub fn percent(&mut self, of_hundred: usize) -> bool {
        self.below(100) < of_hundred
    }

    /// Up to `most`, short ones more often.
    pub fn time(&mut self, most: Duration) -> Duration {
        let part = |n: usize| u32::try_from(n).unwrap();
        most * part(self.below(1000)) / 1000 * part(self.below(1000)) / 1000
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
