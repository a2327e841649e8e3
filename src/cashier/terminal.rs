//! A QR code in a terminal. With colours every line says itself what is light and what is
//! dark, so that the code can be scanned under any theme; without them it depends on the
//! theme, which the caller has to know (`reference/ecosystem.md` 4.2).

use super::qr::Modules;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canvas {
    /// Half blocks, two modules in a cell; otherwise ASCII, a module in two cells.
    pub blocks: bool,
    /// Escape sequences are allowed.
    pub colour: bool,
    /// Without colours: the text is darker than its background.
    pub dark_on_light: bool,
    /// Cells across.
    pub columns: usize,
    /// Lines that the code may take.
    pub rows: usize,
}

/// The code does not fit, not even with the narrow border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSmall {
    /// Cells across that it needs.
    pub columns: usize,
    /// Lines that it needs.
    pub rows: usize,
}

/// Quiet zone of the standard, in modules.
const BORDER: usize = 4;
/// What readers still take, in modules.
const BORDER_NARROW: usize = 2;
/// Bright white on black. Consoles that do not know 97 keep to bold 37.
const WHITE_ON_BLACK: &str = "\x1b[40;37;1;97m";
const WHITE: &str = "\x1b[47;107m";
const BLACK: &str = "\x1b[40m";
const RESET: &str = "\x1b[0m";

/// Draws the code, each line ended by a newline.
pub fn draw(modules: &Modules, canvas: &Canvas) -> Result<String, TooSmall> {
    let border = border(modules.side(), canvas)?;
    let framed = Framed { modules, border };
    Ok(match (canvas.blocks, canvas.colour) {
        (true, true) => half_blocks(&framed, true, WHITE_ON_BLACK, RESET),
        (true, false) => half_blocks(&framed, !canvas.dark_on_light, "", ""),
        (false, true) => coloured_cells(&framed),
        (false, false) => hashes(&framed, !canvas.dark_on_light),
    })
}

fn border(side: usize, canvas: &Canvas) -> Result<usize, TooSmall> {
    let needs = |border: usize| {
        let edge = side + 2 * border;
        match canvas.blocks {
            true => TooSmall { columns: edge, rows: edge.div_ceil(2) },
            false => TooSmall { columns: 2 * edge, rows: edge },
        }
    };
    let fits = |needs: &TooSmall| needs.columns <= canvas.columns && needs.rows <= canvas.rows;
    [BORDER, BORDER_NARROW]
        .into_iter()
        .find(|border| fits(&needs(*border)))
        .ok_or_else(|| needs(BORDER_NARROW))
}

struct Framed<'a> {
    modules: &'a Modules,
    border: usize,
}

impl Framed<'_> {
    fn edge(&self) -> usize {
        self.modules.side() + 2 * self.border
    }

    /// Light as well below the last row, where a half block has a lower half to fill.
    fn light(&self, x: usize, y: usize) -> bool {
        // Left of and above the code the subtraction wraps to a column that is outside, too.
        !self.modules.dark(x.wrapping_sub(self.border), y.wrapping_sub(self.border))
    }
}

/// `ink_is_light`: whether the glyph's own colour is the lighter one.
fn half_blocks(framed: &Framed, ink_is_light: bool, before: &str, after: &str) -> String {
    let mut out = String::new();
    for y in (0..framed.edge()).step_by(2) {
        out.push_str(before);
        out.extend((0..framed.edge()).map(|x| {
            let ink = |y| framed.light(x, y) == ink_is_light;
            match (ink(y), ink(y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            }
        }));
        out.push_str(after);
        out.push('\n');
    }
    out
}

/// Blanks on coloured ground: solid where a font has no blocks, such as on a serial console.
fn coloured_cells(framed: &Framed) -> String {
    let mut out = String::new();
    for y in 0..framed.edge() {
        let mut last = None;
        for x in 0..framed.edge() {
            let light = framed.light(x, y);
            if last != Some(light) {
                out.push_str(if light { WHITE } else { BLACK });
                last = Some(light);
            }
            out.push_str("  ");
        }
        out.push_str(RESET);
        out.push('\n');
    }
    out
}

fn hashes(framed: &Framed, ink_is_light: bool) -> String {
    let mut out = String::new();
    for y in 0..framed.edge() {
        let inked = |x: usize| framed.light(x, y) == ink_is_light;
        out.extend((0..framed.edge()).map(|x| if inked(x) { "##" } else { "  " }));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cashier::qr;

    const URL: &str = "HTTP://192.168.1.20:8420/Q/K7F3";

    fn canvas(blocks: bool, colour: bool) -> Canvas {
        Canvas { blocks, colour, dark_on_light: false, columns: 80, rows: 60 }
    }

    /// Cells of a drawing as a terminal shows them: true is light.
    fn cells(drawing: &str) -> Vec<Vec<(bool, bool)>> {
        drawing.lines().map(row).collect()
    }

    fn row(line: &str) -> Vec<(bool, bool)> {
        let mut cells = Vec::new();
        let mut ground = false;
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            if let Some(code) = [WHITE_ON_BLACK, WHITE, BLACK, RESET]
                .into_iter()
                .find(|code| rest.starts_with(code))
            {
                ground = code == WHITE;
                rest = &rest[code.len()..];
                continue;
            }
            rest = &rest[c.len_utf8()..];
            cells.push(match c {
                '█' | '#' => (true, true),
                '▀' => (true, false),
                '▄' => (false, true),
                ' ' => (ground, ground),
                other => panic!("{other:?} in a drawing"),
            });
        }
        cells
    }

    /// Scans a drawing off a simulated screen, 8 by 16 pixels a cell.
    fn scan(drawing: &str, invert: bool) -> String {
        let cells = cells(drawing);
        let (width, height) = (cells[0].len() * 8, cells.len() * 16);
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
            let (top, bottom) = cells[y / 16][x / 8];
            let light = if y % 16 < 8 { top } else { bottom };
            if light != invert {
                255
            } else {
                0
            }
        });
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1, "{drawing}");
        grids[0].decode().unwrap().1
    }

    #[test]
    fn every_drawing_can_be_scanned_off_the_screen() {
        let modules = qr::encode(URL).unwrap();
        for (blocks, colour) in [(true, true), (true, false), (false, true), (false, false)] {
            let mut canvas = canvas(blocks, colour);
            for rows in [60, 30, 29, 17, 15] {
                canvas.rows = rows;
                let Ok(drawing) = draw(&modules, &canvas) else { continue };
                assert_eq!(scan(&drawing, false), URL);
                assert!(drawing.lines().count() <= rows);
            }
            canvas.rows = 60;
            canvas.dark_on_light = true;
            assert_eq!(scan(&draw(&modules, &canvas).unwrap(), !colour), URL);
        }
    }

    #[test]
    fn lines_are_even_and_the_border_is_as_wide_as_fits() {
        let modules = qr::encode(URL).unwrap();
        let side = modules.side();
        let width = |columns, rows| {
            let canvas = Canvas { columns, rows, ..canvas(true, false) };
            let drawing = draw(&modules, &canvas)?;
            let widths: Vec<usize> = drawing.lines().map(|line| line.chars().count()).collect();
            assert!(widths.iter().all(|width| *width == widths[0]));
            Ok(widths[0])
        };
        assert_eq!(width(80, 24), Ok(side + 8));
        assert_eq!(width(side + 7, 24), Ok(side + 4));
        assert_eq!(width(80, 16), Ok(side + 4));
        let small = TooSmall { columns: side + 4, rows: 15 };
        assert_eq!(width(side + 3, 24), Err(small));
        assert_eq!(width(80, 14), Err(small));
    }

    #[test]
    fn without_colours_there_is_no_escape() {
        let modules = qr::encode(URL).unwrap();
        for blocks in [true, false] {
            assert!(!draw(&modules, &canvas(blocks, false)).unwrap().contains('\x1b'));
            for line in draw(&modules, &canvas(blocks, true)).unwrap().lines() {
                assert!(line.starts_with('\x1b') && line.ends_with(RESET), "{line:?}");
            }
        }
        assert!(draw(&modules, &canvas(false, true)).unwrap().is_ascii());
    }
}
