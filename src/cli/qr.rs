//! `alitv-pay qr`: a text as a QR code.

use clap::Args;

use super::exit::{Fail, DONE, OTHER};
use super::out::{Out, QrStyle, Stream};
use crate::cashier::{png, qr};

/// Pixels a module of a picture, if the caller names no number.
pub const SCALE: usize = 8;

/// Options of `qr`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay qr HTTPS://EXAMPLE.COM/1
  alitv-pay qr HTTPS://EXAMPLE.COM/1 --png code.png --scale 16
Capitals, digits and $%*+-./: make smaller codes than other characters.")]
pub struct Qr {
    /// What a phone shall read
    text: String,
    /// Write a picture instead
    #[arg(long, value_name = "FILE")]
    png: Option<String>,
    /// Pixels a module, 1 to 64
    #[arg(long, value_name = "PIXELS", default_value_t = 8, requires = "png",
        value_parser = clap::value_parser!(u8).range(1..=64))]
    scale: u8,
    /// How it is drawn: auto, utf8 or ascii
    #[arg(long, value_name = "HOW", default_value = "auto")]
    qr: QrStyle,
}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Drawn {
    side: usize,
    /// Rows from the top, `1` is dark.
    rows: Vec<String>,
}

impl Qr {
    /// Runs it.
    ///
    /// # Errors
    /// An empty or too long text, a terminal that is too small, a file that cannot be written.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        if let Some(path) = &self.png {
            write_png(&self.text, path, self.scale.into())?;
            out.note(&format!("written to {path}"));
            return Ok(DONE);
        }
        if out.json {
            out.data_json(&drawn(&self.text)?)?;
            return Ok(DONE);
        }
        // Without a terminal `auto` draws nothing; here the drawing is all that is wanted.
        let style = match self.qr {
            QrStyle::Auto if !out.is_terminal(Stream::Stdout) => QrStyle::Utf8,
            style => style,
        };
        match out.qr(&self.text, &style, Stream::Stdout)? {
            Some(drawing) => out.data(&drawing)?,
            None => return Err(Fail::usage("qr must be auto, utf8 or ascii", "see --help")),
        }
        Ok(DONE)
    }
}

fn drawn(text: &str) -> Result<Drawn, Fail> {
    let modules = qr::encode(text)?;
    let side = modules.side();
    let bit = |x, y| if modules.dark(x, y) { '1' } else { '0' };
    let row = |y| (0..side).map(|x| bit(x, y)).collect();
    Ok(Drawn { side, rows: (0..side).map(row).collect() })
}

/// Shows a code that was just said on stdout, as `style` wants it.
///
/// # Errors
/// A picture that cannot be written.
pub fn show(text: &str, style: &QrStyle, out: &mut Out) -> Result<(), Fail> {
    if let QrStyle::Png(path) = style {
        write_png(text, path, SCALE)?;
        out.note(&format!("code written to {path}"));
    }
    match out.qr(text, style, Stream::Stderr) {
        Ok(Some(drawing)) => out.note(&drawing),
        Ok(None) => {}
        // Its text is on stdout: the user can go on without a drawing.
        Err(fail) => out.note(&format!("{}:\n{}", fail.message, fail.next)),
    }
    Ok(())
}

/// Writes the code of `text` as a picture.
///
/// # Errors
/// A text that cannot be encoded, a file that cannot be written.
pub fn write_png(text: &str, path: &str, scale: usize) -> Result<(), Fail> {
    let picture = png::encode(&qr::encode(text)?, scale);
    std::fs::write(path, picture).map_err(|error| {
        Fail::new(OTHER, format!("{path}: {error}"), "name a file in a directory you may write to")
    })
}
