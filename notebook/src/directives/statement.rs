//! Whether a Rust statement is over, told from its tokens alone.

/// A token, as far as it matters for where a statement ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// An identifier or keyword.
    Word(&'a str),
    /// `'a`
    Lifetime,
    /// A bracket that opens.
    Open(char),
    /// A bracket that closes.
    Close(char),
    /// Another character that is not white space.
    Sign(char),
    /// A number, string or character.
    Literal,
}

/// The statement at the outermost level that is being read.
#[derive(Debug)]
pub(super) struct Statement {
    depth: usize,
    head: Head,
}

/// What is known of the statement so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// The last one is over, nothing of the next was seen.
    Nothing,
    /// `pub`, a label, an outer attribute: what it is comes next.
    Prefix,
    /// `#`, and whether `!` came after it.
    Attribute { inner: bool },
    /// `const`: an item with a body, or one that needs a semicolon.
    Const,
    /// `union`: an item if a name follows.
    Union,
    /// A path, perhaps of a macro.
    Path,
    /// `name!`
    Macro,
    /// It ends with the `}` that closes its block.
    Block,
    /// It ends with a semicolon.
    Semicolon,
}

impl Statement {
    /// At the start of a cell.
    pub(super) fn new() -> Self {
        Self { depth: 0, head: Head::Nothing }
    }

    /// Whether a new statement may begin here.
    pub(super) fn is_over(&self) -> bool {
        self.depth == 0 && self.head == Head::Nothing
    }

    /// Reads the next token.
    pub(super) fn read(&mut self, token: Token<'_>) {
        match token {
            Token::Open(bracket) => {
                if self.depth == 0 {
                    self.open(bracket);
                }
                self.depth += 1;
            }
            Token::Close(bracket) => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.close(bracket);
                }
            }
            _ if self.depth > 0 => {}
            Token::Sign(';') => self.head = Head::Nothing,
            token => self.head = self.next(token),
        }
    }

    fn open(&mut self, bracket: char) {
        self.head = match (self.head, bracket) {
            (Head::Nothing | Head::Prefix | Head::Const | Head::Macro | Head::Block, '{') => Head::Block,
            // `pub(crate)`
            (Head::Prefix, '(') => Head::Prefix,
            (head @ (Head::Attribute { .. } | Head::Block), _) => head,
            _ => Head::Semicolon,
        };
    }

    fn close(&mut self, bracket: char) {
        match (self.head, bracket) {
            // A `}` too many ends whatever there was; the compiler will say what is wrong.
            (Head::Block | Head::Nothing, '}') => self.head = Head::Nothing,
            (Head::Attribute { inner: true }, _) => self.head = Head::Nothing,
            (Head::Attribute { inner: false }, _) => self.head = Head::Prefix,
            _ => {}
        }
    }

    fn next(&self, token: Token<'_>) -> Head {
        match (self.head, token) {
            (Head::Nothing | Head::Prefix, token) => first(token),
            (Head::Attribute { .. }, Token::Sign('!')) => Head::Attribute { inner: true },
            (Head::Const, Token::Word("fn" | "unsafe" | "async" | "extern")) => Head::Block,
            (Head::Union, Token::Word(_)) => Head::Block,
            (Head::Union, token) => path(token),
            (Head::Path, token) => path(token),
            // `macro_rules! name {`
            (Head::Macro, Token::Word(_)) => Head::Macro,
            (Head::Block, _) => Head::Block,
            _ => Head::Semicolon,
        }
    }
}

/// What the first token of a statement tells.
fn first(token: Token<'_>) -> Head {
    match token {
        Token::Sign('#') => Head::Attribute { inner: false },
        // A label, `'a: loop {`.
        Token::Lifetime | Token::Sign(':') => Head::Prefix,
        Token::Word(word) => match word {
            "pub" => Head::Prefix,
            "const" => Head::Const,
            "union" => Head::Union,
            "if" | "else" | "while" | "for" | "loop" | "match" | "unsafe" | "async" | "fn" | "struct" | "enum"
            | "impl" | "trait" | "mod" | "extern" => Head::Block,
            "let" | "use" | "return" | "break" | "continue" | "static" | "type" | "yield" | "move" => Head::Semicolon,
            _ => Head::Path,
        },
        _ => Head::Semicolon,
    }
}

/// What the next token of a path tells.
fn path(token: Token<'_>) -> Head {
    match token {
        Token::Word(_) | Token::Sign(':') => Head::Path,
        Token::Sign('!') => Head::Macro,
        _ => Head::Semicolon,
    }
}
