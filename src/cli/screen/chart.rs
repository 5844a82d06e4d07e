//! One chart: a line that says what and how much, and bars below it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::history::Series;
use super::theme::Theme;
use crate::cli::render;
use crate::model::MemorySize;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Percent.
    Percent,
    /// MiB.
    Mebibytes,
    /// Bytes per second.
    BytesPerSecond,
    /// So many per second.
    PerSecond,
    /// Milliseconds.
    Milliseconds,
}

/// A chart, to be drawn.
pub struct Chart<'a> {
    /// What it shows.
    pub label: &'a str,
    /// Words behind the present value.
    pub note: &'a str,
    /// Its samples.
    pub series: &'a Series,
    /// Their unit.
    pub unit: Unit,
    /// The highest value that there can be, where that is known.
    pub limit: Option<f64>,
    /// How the bars look.
    pub style: Style,
}

/// The columns left of the bars.
const GUTTER: u16 = 6;
const BARS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

impl Chart<'_> {
    /// Draws it, whatever the size.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: Theme) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let now = self.series.last().map_or_else(|| "-".to_owned(), |value| self.unit.text(value));
        let (width, y) = (usize::from(area.width), area.y);
        let (x, _) = buffer.set_stringn(area.x, y, self.label, width, theme.strong());
        let left = |x: u16| usize::from(area.right().saturating_sub(x));
        let (x, _) = buffer.set_stringn(x, y, " ", left(x), Style::new());
        let (x, _) = buffer.set_stringn(x, y, now, left(x), Style::new());
        buffer.set_stringn(x, y, self.note, left(x), theme.quiet());
        let below = Rect { y: y + 1, height: area.height - 1, ..area };
        if below.is_empty() || area.width <= GUTTER + 1 {
            return;
        }
        let top = self.limit.unwrap_or_else(|| self.unit.round_up(self.series.highest().unwrap_or(0.0)));
        let axis = |buffer: &mut Buffer, y: u16, value: f64| {
            let text = format!("{:>width$}", self.unit.axis(value), width = usize::from(GUTTER) - 1);
            buffer.set_stringn(area.x, y, text, usize::from(GUTTER) - 1, theme.quiet());
        };
        axis(buffer, below.y, top);
        if below.height > 1 {
            axis(buffer, below.bottom() - 1, 0.0);
        }
        self.bars(buffer, Rect { x: below.x + GUTTER, width: below.width - GUTTER - 1, ..below }, top, theme);
    }

    /// The newest stands at the right.
    fn bars(&self, buffer: &mut Buffer, area: Rect, top: f64, theme: Theme) {
        let width = usize::from(area.width);
        let columns = self.series.columns(width);
        let first = area.right() - self.series.columns(width).count().min(width) as u16;
        for (x, value) in (first..area.right()).zip(columns) {
            let Some(value) = value else {
                buffer[(x, area.bottom() - 1)].set_symbol("·").set_style(theme.quiet());
                continue;
            };
            let eighths = f64::from(area.height) * 8.0;
            let filled = (value / top * eighths).round().clamp(0.0, eighths) as usize;
            // Little is more than nothing.
            let filled = if value > 0.0 { filled.max(1) } else { filled };
            for row in 0..filled.div_ceil(8) {
                let symbol = BARS[(filled - row * 8).min(8)];
                buffer[(x, area.bottom() - 1 - row as u16)].set_symbol(symbol).set_style(self.style);
            }
        }
    }
}

impl Unit {
    /// The value with its unit.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{value:.1}%"),
            Self::Mebibytes => MemorySize::from_mib(value as u64).to_string(),
            Self::BytesPerSecond => format!("{}/s", render::bytes(value)),
            Self::PerSecond => format!("{value:.0}/s"),
            Self::Milliseconds if value < 10.0 => format!("{value:.2} ms"),
            Self::Milliseconds => format!("{value:.0} ms"),
        }
    }

    /// The same in at most five characters, beside a chart.
    fn axis(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{value:.0}%"),
            Self::Mebibytes => render::bytes(value * 1_048_576.0),
            Self::BytesPerSecond => render::bytes(value),
            Self::PerSecond if value >= 10_000.0 => format!("{:.0}k", value / 1000.0),
            Self::PerSecond => format!("{value:.0}"),
            Self::Milliseconds => format!("{value:.0}ms"),
        }
    }

    /// The next round number, for the top of a chart.
    fn round_up(self, value: f64) -> f64 {
        match self {
            Self::Mebibytes | Self::BytesPerSecond => 2_f64.powf(value.max(1024.0).log2().ceil()),
            Self::Percent => round_decimal(value.max(10.0)),
            Self::PerSecond | Self::Milliseconds => round_decimal(value.max(1.0)),
        }
    }
}

/// The next of 1, 2, 5, 10, 20, ..
fn round_decimal(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|top| *top >= value).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tops_are_round() {
        let cases = [(0.0, 10.0), (10.0, 10.0), (11.0, 20.0), (99.0, 100.0), (201.0, 500.0)];
        for (value, top) in cases {
            assert_eq!(Unit::Percent.round_up(value), top);
        }
        assert_eq!(Unit::BytesPerSecond.round_up(1500.0), 2048.0);
        assert_eq!(Unit::Milliseconds.round_up(0.0), 1.0);
    }

    #[test]
    fn labels_of_the_axis_have_five_characters() {
        for value in [0.0, 9.0, 1234.0, 99_999.0, 1e6, 3e9, 1e12] {
            for unit in [Unit::PerSecond, Unit::BytesPerSecond] {
                let text = unit.axis(value);
                assert!(value > 1e7 && unit == Unit::PerSecond || text.len() <= 5, "{text}");
            }
        }
    }

    #[test]
    fn bars_are_as_high_as_their_values() {
        let mut series = Series::default();
        for value in [Some(0.0), Some(50.0), Some(100.0), None, Some(0.1)] {
            series.push(value);
        }
        let (label, note, style) = ("cpu", " of one", Style::new());
        let chart = Chart { label, note, series: &series, unit: Unit::Percent, limit: Some(100.0), style };
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 3));
        let area = buffer.area;
        chart.draw(&mut buffer, area, Theme { colour: false });
        let expected = ["cpu 0.1% of one     ", " 100%           █   ", "   0%          ██·▁ "];
        assert_eq!(buffer, Buffer::with_lines(expected).tap_style(&buffer));
    }

    trait TapStyle {
        fn tap_style(self, of: &Buffer) -> Self;
    }

    impl TapStyle for Buffer {
        /// Only the symbols count.
        fn tap_style(mut self, of: &Buffer) -> Self {
            for (cell, other) in self.content.iter_mut().zip(&of.content) {
                cell.set_style(other.style());
            }
            self
        }
    }
}
