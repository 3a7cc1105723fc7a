//! Says which cell defined a variable, and whether as `mut`: evcxr tells names and types only.

use syn::visit::{self, Visit};

use crate::engine::{Cell, Variable};

/// The variables after a cell has run: those of before in their order, then the new ones in that of their definitions.
pub(super) fn after(before: &[Variable], now: &[(String, String)], cell: &Cell) -> Vec<Variable> {
    let defined = bindings(&cell.source);
    let mut variables: Vec<Variable> = Vec::new();
    let mut new = Vec::new();
    for (name, type_name) in now {
        // The last definition in a cell is the one that stays.
        let definition = defined.iter().rposition(|(binding, _)| binding == name);
        let earlier = before.iter().position(|variable| variable.name == *name && variable.type_name == *type_name);
        match (earlier, definition) {
            (Some(at), None) => variables.push(before[at].clone()),
            (_, definition) => new.push((
                definition.unwrap_or(usize::MAX),
                Variable {
                    name: name.clone(),
                    type_name: type_name.clone(),
                    mutable: definition.is_some_and(|at| defined[at].1),
                    cell: cell.name.clone(),
                },
            )),
        }
    }
    variables.sort_by_key(|variable| before.iter().position(|other| other.name == variable.name));
    new.sort_by(|(at, left), (other_at, right)| at.cmp(other_at).then_with(|| left.name.cmp(&right.name)));
    variables.extend(new.into_iter().map(|(_, variable)| variable));
    variables
}

/// The names that the `let` statements of a cell bind, and which of them are `mut`.
fn bindings(source: &str) -> Vec<(String, bool)> {
    let mut code = String::from("{");
    // Commands come before any code.
    for line in source.lines() {
        let command = line.trim_start_matches(' ').starts_with(':') || line.starts_with('!');
        code.push_str(if command { "" } else { line });
        code.push('\n');
    }
    code.push('}');
    let mut bindings = Bindings(Vec::new());
    // A cell that evcxr accepts and syn does not has definitions that nobody knows.
    if let Ok(block) = syn::parse_str::<syn::Block>(&code) {
        for statement in &block.stmts {
            if let syn::Stmt::Local(local) = statement {
                bindings.visit_pat(&local.pat);
            }
        }
    }
    bindings.0
}

struct Bindings(Vec<(String, bool)>);

impl<'ast> Visit<'ast> for Bindings {
    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        self.0.push((pattern.ident.to_string(), pattern.mutability.is_some()));
        visit::visit_pat_ident(self, pattern);
    }
}

#[cfg(test)]
mod tests {
    use super::{after, bindings};
    use crate::engine::Cell;

    fn cell(name: &str, source: &str) -> Cell {
        Cell { source: source.to_owned(), name: name.to_owned() }
    }

    fn types(types: &[(&str, &str)]) -> Vec<(String, String)> {
        types.iter().map(|(name, type_name)| ((*name).to_owned(), (*type_name).to_owned())).collect()
    }

    #[test]
    fn patterns_bind_names() {
        let source = ":dep serde\nlet (a, mut b) = (1, 2);\nfor c in 0..3 { let d = c; }\nlet Some(e) = f else { return };\na + b";
        let found = bindings(source);
        assert_eq!(found, [("a".to_owned(), false), ("b".to_owned(), true), ("e".to_owned(), false)]);
        assert_eq!(bindings("let ="), []);
    }

    #[test]
    fn variables_keep_their_order_and_their_cell() {
        let first = after(&[], &types(&[("y", "i32"), ("x", "u8")]), &cell("1", "let mut x = 1u8; let y = 2;"));
        let names: Vec<&str> = first.iter().map(|variable| variable.name.as_str()).collect();
        assert_eq!(names, ["x", "y"]);
        assert!(first[0].mutable && !first[1].mutable);
        let second =
            after(&first, &types(&[("a", "()"), ("y", "i32"), ("x", "u16")]), &cell("2", "let x = 1u16; let a = ();"));
        let told: Vec<(&str, &str)> = second.iter().map(|found| (found.name.as_str(), found.cell.as_str())).collect();
        assert_eq!(told, [("y", "1"), ("x", "2"), ("a", "2")]);
        assert!(!second[1].mutable);
    }
}
