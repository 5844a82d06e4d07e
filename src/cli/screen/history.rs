//! What was measured in the last minutes.

use std::collections::VecDeque;

/// How many samples are kept of each thing.
pub const LENGTH: usize = 300;

/// The last samples of one thing; `None` is what was not known.
#[derive(Debug, Clone, Default)]
pub struct Series {
    values: VecDeque<Option<f64>>,
    /// How many there were ever.
    count: u64,
}

impl Series {
    /// Takes the next one.
    pub fn push(&mut self, value: Option<f64>) {
        if self.values.len() == LENGTH {
            self.values.pop_front();
        }
        self.values.push_back(value.filter(|value| value.is_finite()));
        self.count += 1;
    }

    /// The newest, if it is known.
    pub fn last(&self) -> Option<f64> {
        self.values.back().copied().flatten()
    }

    /// The highest.
    pub fn highest(&self) -> Option<f64> {
        self.values.iter().flatten().copied().reduce(f64::max)
    }

    /// The samples in at most `width` columns, the newest last. Where there are more samples than columns, a column
    /// is the highest of several, always of the same ones: a chart moves, but its bars do not change.
    pub fn columns(&self, width: usize) -> impl Iterator<Item = Option<f64>> + '_ {
        let each = self.values.len().div_ceil(width.max(1)).max(1);
        let first = self.count - self.values.len() as u64;
        // What of the oldest column has gone already.
        let gone = (first % each as u64) as usize;
        let columns = (gone + self.values.len()).div_ceil(each);
        (columns.saturating_sub(width)..columns).map(move |column| {
            let from = (column * each).saturating_sub(gone);
            let to = ((column + 1) * each - gone).min(self.values.len());
            self.values.range(from..to).flatten().copied().reduce(f64::max)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(count: usize) -> Series {
        let mut series = Series::default();
        for number in 0..count {
            series.push(Some(number as f64));
        }
        series
    }

    #[test]
    fn the_last_ones_are_kept() {
        assert_eq!(series(3).columns(10).collect::<Vec<_>>(), [Some(0.0), Some(1.0), Some(2.0)]);
        let long = series(LENGTH + 50);
        assert_eq!(long.columns(LENGTH).count(), LENGTH);
        assert_eq!(long.columns(LENGTH).next(), Some(Some(50.0)));
        assert_eq!(Series::default().columns(5).count(), 0);
        assert_eq!(series(3).columns(0).count(), 0);
    }

    #[test]
    fn several_stand_in_a_column_always_with_the_same_ones() {
        for width in 1..80 {
            for count in [1, 7, LENGTH - 1, LENGTH, LENGTH + 1, LENGTH + 123] {
                let columns: Vec<_> = series(count).columns(width).collect();
                assert!(columns.len() <= width, "{width} {count}");
                assert_eq!(columns.last(), Some(&Some((count - 1) as f64)), "{width} {count}");
            }
        }
        let (before, after) = (series(LENGTH + 30), series(LENGTH + 31));
        let (before, after): (Vec<_>, Vec<_>) = (before.columns(30).collect(), after.columns(30).collect());
        assert_eq!(before[1..29], after[..28], "a new column has begun");
    }

    #[test]
    fn what_is_not_known_is_a_gap() {
        let mut series = Series::default();
        for value in [Some(1.0), None, Some(f64::NAN), Some(2.0)] {
            series.push(value);
        }
        assert_eq!(series.columns(4).collect::<Vec<_>>(), [Some(1.0), None, None, Some(2.0)]);
        assert_eq!((series.highest(), series.last()), (Some(2.0), Some(2.0)));
    }
}
