//! The file that rust-analyzer sees: the items of earlier cells, those of the cell, and a function with the session's
//! variables for parameters, whose body is what remains of the cell.

use std::fmt::Write;
use std::ops::Range;

use oxikale_engine::Surroundings;
use ra_ap_ide::{Edition, TextRange, TextSize};
use ra_ap_syntax::ast::{self, HasModuleItem, HasName};
use ra_ap_syntax::{AstNode, SourceFile};

/// A cell in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Frame {
    pub(super) text: String,
    /// The cell as it is.
    pub(super) cell: String,
    /// Parts of the cell and where they stand in the file: first its items, then all of it, the items blank.
    pieces: Vec<(Range<usize>, usize)>,
}

impl Frame {
    /// Puts a cell into its surroundings.
    pub(super) fn new(surroundings: &Surroundings, cell: &str) -> Self {
        let items = items(cell);
        let mut text = String::new();
        for item in &surroundings.items {
            let defined = definitions(&item.source);
            // What the cell defines anew takes the place of what was there.
            if !defined.iter().any(|name| items.iter().any(|item| item.defines.contains(name))) {
                text.push_str(&item.source);
                text.push('\n');
            }
        }
        let mut pieces = Vec::new();
        let mut body = cell.to_owned();
        for item in &items {
            pieces.push((item.place.clone(), text.len()));
            text.push_str(&cell[item.place.clone()]);
            text.push('\n');
            let blank = |byte: u8| if byte == b'\n' { '\n' } else { ' ' };
            body.replace_range(item.place.clone(), &cell[item.place.clone()].bytes().map(blank).collect::<String>());
        }
        // Where nothing is awaited, rust-analyzer knows more of a function that is not `async`.
        text.push_str(if cell.contains("await") { "async fn " } else { "fn " });
        text.push_str("oxikale_cell(");
        for variable in &surroundings.variables {
            let mutable = if variable.mutable { "mut " } else { "" };
            // It cannot fail.
            _ = write!(text, "{mutable}{}: {}, ", variable.name, writable(&variable.type_name));
        }
        // A statement in brackets may have a value of any type.
        text.push_str(") {\n({\n");
        pieces.push((0..cell.len(), text.len()));
        text.push_str(&body);
        text.push_str("\n});\n}\n");
        Self { text, cell: cell.to_owned(), pieces }
    }

    /// A place of the cell in the file.
    pub(super) fn in_file(&self, offset: usize) -> TextSize {
        let is_in = |(place, _): &&(Range<usize>, usize)| {
            // Behind a whole item, another statement begins; behind half an item, it goes on.
            let is_whole = self.cell[place.clone()].ends_with(['}', ';']);
            place.start <= offset && (offset < place.end || (offset == place.end && !is_whole))
        };
        let piece = self.pieces.iter().find(is_in).or(self.pieces.last());
        let at = piece.map_or(0, |(place, at)| at + offset.saturating_sub(place.start));
        TextSize::new(u32::try_from(at.min(self.text.len())).unwrap_or(u32::MAX))
    }

    /// A part of the file in the cell; none if it reaches out of it.
    pub(super) fn in_cell(&self, range: TextRange) -> Option<Range<usize>> {
        let (start, end) = (usize::from(range.start()), usize::from(range.end()));
        self.pieces.iter().find_map(|(place, at)| {
            let inside = *at <= start && end <= at + place.len();
            inside.then(|| start - at + place.start..end - at + place.start)
        })
    }
}

/// An item of a cell.
struct Item {
    place: Range<usize>,
    defines: Vec<String>,
}

/// The items of a cell that stand beside its statements.
fn items(cell: &str) -> Vec<Item> {
    const HEAD: &str = "fn f() {\n";
    let file = SourceFile::parse(&format!("{HEAD}{cell}\n}}"), Edition::Edition2024).tree();
    let Some(ast::Item::Fn(function)) = file.items().next() else { return Vec::new() };
    let statements = function.body().into_iter().flat_map(|body| body.statements().collect::<Vec<_>>());
    statements
        .filter_map(|statement| {
            let ast::Stmt::Item(item) = statement else { return None };
            let range = item.syntax().text_range();
            let place = usize::from(range.start()).checked_sub(HEAD.len())?..usize::from(range.end()) - HEAD.len();
            (place.end <= cell.len()).then(|| Item { place, defines: defines(&item).into_iter().collect() })
        })
        .collect()
}

/// What the items of a text define.
fn definitions(source: &str) -> Vec<String> {
    SourceFile::parse(source, Edition::Edition2024).tree().items().filter_map(|item| defines(&item)).collect()
}

/// What an item defines: `type Point`, or which trait for which type.
fn defines(item: &ast::Item) -> Option<String> {
    let name =
        |item: &dyn Fn() -> Option<ast::Name>, space: &str| item().map(|name| format!("{space} {}", name.text()));
    match item {
        ast::Item::Struct(item) => name(&|| item.name(), "type"),
        ast::Item::Enum(item) => name(&|| item.name(), "type"),
        ast::Item::Union(item) => name(&|| item.name(), "type"),
        ast::Item::Trait(item) => name(&|| item.name(), "type"),
        ast::Item::TypeAlias(item) => name(&|| item.name(), "type"),
        ast::Item::Module(item) => name(&|| item.name(), "type"),
        ast::Item::Fn(item) => name(&|| item.name(), "value"),
        ast::Item::Const(item) => name(&|| item.name(), "value"),
        ast::Item::Static(item) => name(&|| item.name(), "value"),
        ast::Item::MacroRules(item) => name(&|| item.name(), "macro"),
        ast::Item::MacroDef(item) => name(&|| item.name(), "macro"),
        ast::Item::Impl(item) => Some(format!("impl {} for {}", item.trait_()?, item.self_ty()?)),
        _ => None,
    }
}

/// A type as it may stand in code; `_`, which is any type, where it has no name.
fn writable(type_name: &str) -> &str {
    let nameless = type_name.contains(['{', '}', '@', '#', ';']) && !is_array(type_name);
    if nameless || type_name.trim().is_empty() { "_" } else { type_name }
}

/// Whether the only unusual sign in it is the `;` of `[u8; 4]`.
fn is_array(type_name: &str) -> bool {
    !type_name.contains(['{', '}', '@', '#'])
        && type_name.match_indices(';').all(|(at, _)| {
            let open = type_name[..at].matches('[').count();
            open > type_name[..at].matches(']').count()
        })
}

#[cfg(test)]
mod tests {
    use oxikale_engine::{ItemSource, Surroundings, VariableSource};
    use ra_ap_ide::TextRange;

    use super::{Frame, writable};

    #[test]
    fn a_cell_keeps_its_places() {
        let surroundings = Surroundings {
            items: vec![ItemSource { cell: "1".to_owned(), source: "struct P;".to_owned() }],
            variables: vec![VariableSource { name: "x".to_owned(), type_name: "Vec<P>".to_owned(), mutable: true }],
            ..Surroundings::default()
        };
        let frame = Frame::new(&surroundings, "x.len()");
        assert!(frame.text.contains("mut x: Vec<P>"));
        let (start, end) = (frame.in_file(2), frame.in_file(5));
        assert_eq!(&frame.text[usize::from(start)..usize::from(end)], "len");
        assert_eq!(frame.in_cell(TextRange::new(start, end)), Some(2..5));
        assert_eq!(frame.in_cell(TextRange::new(0.into(), end)), None);
        assert_eq!(frame.cell, "x.len()");
    }

    #[test]
    fn items_stand_beside_the_function() {
        let item = |source: &str| ItemSource { cell: "1".to_owned(), source: source.to_owned() };
        let surroundings = Surroundings {
            items: vec![item("struct P { old: u8 }"), item("fn P() {}"), item("impl Clone for P {}")],
            ..Surroundings::default()
        };
        let cell = "é;\nstruct P { new: u8 }\nlet x = 1;\nimpl Clone for P { }\nfn half";
        let frame = Frame::new(&surroundings, cell);
        assert!(!frame.text.contains("old") && frame.text.contains("fn P()"), "{}", frame.text);
        assert_eq!(frame.text.matches("Clone for").count(), 1, "{}", frame.text);
        for word in ["é", "new", "x = 1", "impl", "half"] {
            let at = cell.find(word).unwrap();
            let (start, end) = (frame.in_file(at), frame.in_file(at + word.len()));
            assert_eq!(&frame.text[usize::from(start)..usize::from(end)], word);
            assert_eq!(frame.in_cell(TextRange::new(start, end)), Some(at..at + word.len()));
        }
        let (body, item) = (frame.text.find("oxikale_cell").unwrap(), cell.find("new: u8 }").unwrap());
        assert!(usize::from(frame.in_file(item)) < body && usize::from(frame.in_file(item + 9)) > body);
    }

    #[test]
    fn types_without_a_name_are_left_out() {
        assert_eq!(writable("[u8; 4]"), "[u8; 4]");
        assert_eq!(writable("Vec<{closure@c.rs:1:1}>"), "_");
        assert_eq!(writable("a; b"), "_");
        assert_eq!(writable(""), "_");
    }
}
