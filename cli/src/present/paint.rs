//! Colours, or none.

/// Puts ANSI colours around texts where they are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Colours where `on`.
    pub fn new(on: bool) -> Self {
        Self { on }
    }

    /// Whether there are colours.
    pub fn is_on(self) -> bool {
        self.on
    }

    fn sgr(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// An error, bold and red.
    pub fn error(self, text: &str) -> String {
        self.sgr("1;31", text)
    }

    /// A warning.
    pub fn warning(self, text: &str) -> String {
        self.sgr("33", text)
    }

    /// Something good.
    pub fn good(self, text: &str) -> String {
        self.sgr("32", text)
    }

    /// Something that goes on.
    pub fn active(self, text: &str) -> String {
        self.sgr("36", text)
    }

    /// A heading.
    pub fn bold(self, text: &str) -> String {
        self.sgr("1", text)
    }

    /// What matters less.
    pub fn dim(self, text: &str) -> String {
        self.sgr("2", text)
    }

    /// One of six colours by which steps are told apart.
    pub fn tag(self, number: usize, text: &str) -> String {
        let codes = ["36", "35", "34", "33", "32", "96"];
        self.sgr(codes[number % codes.len()], text)
    }
}
