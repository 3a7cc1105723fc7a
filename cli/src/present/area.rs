//! The bottom of the screen, drawn again and again while text scrolls above it.

/// The lines at the bottom of the screen that are drawn again.
#[derive(Debug, Default)]
pub struct Area {
    lines: usize,
}

impl Area {
    /// What to print so that `above` (whole lines) stays above, and the area consists of `lines`.
    pub fn redraw(&mut self, above: &str, lines: &[String]) -> String {
        // Between these two marks, terminals that know them show nothing half drawn.
        let mut text = String::from("\x1b[?2026h");
        if self.lines > 0 {
            text.push_str(&format!("\x1b[{}A", self.lines));
        }
        text.push_str("\r\x1b[J");
        text.push_str(above);
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        text.push_str("\x1b[?2026l");
        self.lines = lines.len();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_drawn_over_itself() {
        let mut area = Area::default();
        assert_eq!(area.redraw("", &["a".to_owned(), "b".to_owned()]), "\x1b[?2026h\r\x1b[Ja\nb\n\x1b[?2026l");
        assert_eq!(area.redraw("log\n", &["c".to_owned()]), "\x1b[?2026h\x1b[2A\r\x1b[Jlog\nc\n\x1b[?2026l");
        assert_eq!(area.redraw("", &[]), "\x1b[?2026h\x1b[1A\r\x1b[J\x1b[?2026l");
    }
}
