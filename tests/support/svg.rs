//! A terminal's screen as an SVG: text with its colours, that a browser shows on a light page and on a dark one.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// The size of a cell, in pixels: what monospaced fonts of 14 pixels take.
const CELL: (f64, f64) = (8.4, 18.0);
/// The free space around the text, and the height of the window's title bar.
const MARGIN: f64 = 14.0;
const TITLE_BAR: f64 = 30.0;
const BACKGROUND: &str = "#1b1f27";
const FOREGROUND: &str = "#d7dae0";
/// The sixteen colours of a terminal, each with enough contrast on [`BACKGROUND`].
const PALETTE: [&str; 16] = [
    "#1b1f27", "#f07178", "#8fd460", "#e6c35c", "#6cb6ff", "#d2a8ff", "#56d4dd", "#d7dae0", "#8b93a1",
    "#ff8f94", "#a6e37b", "#f2d479", "#8cc7ff", "#e0c1ff", "#7ee6ec", "#ffffff",
];

/// Cells of one row that look the same.
struct Run {
    column: u16,
    columns: u16,
    text: String,
    foreground: String,
    background: Option<String>,
    bold: bool,
    /// For the blocks that charts are made of: how many eighths of the cells they fill, from below.
    eighths: Option<u8>,
}

/// Draws the screen as a window of that title. Empty rows at its end are left out.
pub fn draw(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let width = f64::from(columns) * CELL.0 + 2.0 * MARGIN;
    let height = f64::from(rows) * CELL.1 + 2.0 * MARGIN + TITLE_BAR;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{title}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\" stroke=\"#8b93a1\"/>\n\
         <g font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"14\" \
         fill=\"{FOREGROUND}\" shape-rendering=\"crispEdges\">\n\
         <text x=\"{:.1}\" y=\"20\" text-anchor=\"middle\" fill=\"#8b93a1\">{title}</text>\n",
        width / 2.0,
    );
    for row in 0..rows {
        for run in runs(screen, row, columns) {
            draw_run(&mut svg, row, &run);
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// A background as a rectangle, and the text above it, as wide as its cells whatever the font.
fn draw_run(svg: &mut String, row: u16, run: &Run) {
    let (left, width) = (MARGIN + f64::from(run.column) * CELL.0, f64::from(run.columns) * CELL.0);
    let top = TITLE_BAR + MARGIN + f64::from(row) * CELL.1;
    if let Some(background) = &run.background {
        let height = CELL.1;
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{top:.0}\" width=\"{width:.1}\" height=\"{height:.0}\" fill=\"{background}\"/>"
        );
    }
    if let Some(eighths) = run.eighths {
        // Fonts leave gaps between blocks.
        let height = CELL.1 * f64::from(eighths) / 8.0;
        let (y, fill) = (top + CELL.1 - height, &run.foreground);
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{y:.2}\" width=\"{width:.1}\" height=\"{height:.2}\" fill=\"{fill}\"/>"
        );
        return;
    }
    if run.text.trim().is_empty() {
        return;
    }
    let fill =
        if run.foreground == FOREGROUND { String::new() } else { format!(" fill=\"{}\"", run.foreground) };
    let bold = if run.bold { " font-weight=\"bold\"" } else { "" };
    let base = top + CELL.1 * 0.75;
    let text = run.text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text x=\"{left:.1}\" y=\"{base:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
         xml:space=\"preserve\"{fill}{bold}>{text}</text>"
    );
}

fn runs(screen: &Screen, row: u16, columns: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column) else { continue };
        let (foreground, background) = colours(cell);
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let eighths = eighths_of(text);
        match runs.last_mut() {
            Some(run)
                if run.foreground == foreground
                    && run.background == background
                    && run.bold == cell.bold()
                    && run.eighths == eighths =>
            {
                run.text.push_str(text);
                run.columns += 1;
            }
            _ => runs.push(Run {
                column,
                columns: 1,
                text: text.to_owned(),
                foreground,
                background,
                bold: cell.bold(),
                eighths,
            }),
        }
    }
    runs.iter_mut().for_each(trim);
    runs
}

/// Unicode has blocks of one to eight eighths in this order.
fn eighths_of(text: &str) -> Option<u8> {
    let block = u32::from(text.chars().next()?).checked_sub(0x2580)?;
    u8::try_from(block).ok().filter(|eighths| (1..=8).contains(eighths))
}

/// Blanks that nobody sees take no room in the file.
fn trim(run: &mut Run) {
    if run.background.is_none() {
        let blanks = |text: &str, trimmed: &str| u16::try_from(text.len() - trimmed.len()).unwrap();
        let text = run.text.trim_end_matches(' ');
        run.columns -= blanks(&run.text, text);
        let start = text.trim_start_matches(' ');
        run.column += blanks(text, start);
        run.columns -= blanks(text, start);
        run.text = start.to_owned();
    }
}

/// The colours of a cell's text and, if it has one of its own, of its background.
fn colours(cell: &Cell) -> (String, Option<String>) {
    let foreground = colour(cell.fgcolor()).unwrap_or_else(|| FOREGROUND.to_owned());
    let background = colour(cell.bgcolor());
    if cell.inverse() {
        return (background.unwrap_or_else(|| BACKGROUND.to_owned()), Some(foreground));
    }
    (foreground, background)
}

fn colour(colour: Color) -> Option<String> {
    match colour {
        Color::Default => None,
        Color::Idx(index) => Some(indexed(index)),
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
    }
}

/// xterm's 256 colours: sixteen by name, a cube of six by six by six, 24 greys.
fn indexed(index: u8) -> String {
    if let Some(named) = PALETTE.get(usize::from(index)) {
        return (*named).to_owned();
    }
    if index >= 232 {
        let grey = 8 + 10 * (index - 232);
        return format!("#{grey:02x}{grey:02x}{grey:02x}");
    }
    let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
    let cube = index - 16;
    format!("#{:02x}{:02x}{:02x}", level(cube / 36), level(cube / 6 % 6), level(cube % 6))
}
