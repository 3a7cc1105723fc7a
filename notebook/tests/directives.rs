//! Which lines of a cell are commands, and what is left of the cell for the compiler.

use oxikale_notebook::directives::{CellLanguage, CommandKind, Directives, directives};

/// The commands as they are written, after checking what holds for every cell.
fn commands(source: &str) -> Vec<&str> {
    let found = checked(source);
    found.commands.iter().map(|command| &source[command.span.clone()]).collect()
}

fn checked(source: &str) -> Directives {
    let found = directives(source);
    assert_eq!(found.code.len(), source.len(), "{source}");
    for (before, after) in source.bytes().zip(found.code.bytes()) {
        assert_eq!(before == b'\n', after == b'\n', "{source}");
    }
    for command in &found.commands {
        assert!(found.code[command.span.clone()].trim().is_empty(), "{source}");
        assert_eq!(&source[command.argument_span.clone()], command.argument, "{source}");
    }
    found
}

fn is_rust(source: &str) {
    let found = checked(source);
    assert!(found.commands.is_empty(), "{source}: {:?}", found.commands);
    assert_eq!(found.code, source);
    assert_eq!(found.language, CellLanguage::Rust);
}

#[test]
fn colon_commands_and_code_are_mixed() {
    let source = ":dep serde = { version = \"1\" }\r\n  :opt 2\nlet x = 1;\n\n:vars\n/* c */ f(x);\n:env A=B C \n:t x";
    let found = checked(source);
    let parts: Vec<_> = found.commands.iter().map(|c| (c.kind, c.name.as_str(), c.argument.as_str())).collect();
    let colon = CommandKind::Colon;
    assert_eq!(
        parts,
        [
            (colon, "dep", "serde = { version = \"1\" }"),
            (colon, "opt", "2"),
            (colon, "vars", ""),
            (colon, "env", "A=B C"),
            (colon, "t", "x"),
        ]
    );
    assert_eq!(found.code.split_whitespace().collect::<Vec<_>>().join(" "), "let x = 1; /* c */ f(x);");
    assert_eq!(found.code.find("let"), source.find("let"));
}

#[test]
fn a_command_stands_only_where_a_statement_begins() {
    for source in [
        "let r = 17\n% 5;",
        "let x\n:u32 = 1;",
        "let s = \"\n:dep a\n!ls\n%time x\n\";",
        "let s = r#\"\n:dep a \"\n!ls -l\n\"#;",
        "let s = br##\"\n\"#\n:dep a\n\"##;",
        "let s = b\"\\\"\n:dep a\n\";",
        "let s = c\"\n:dep a\n\";",
        "/*\n:dep a\n/* nested\n*/\n!ls -l\n*/",
        "// a\n// :dep a\n/// :dep b\n//! !ls -l",
        "fn f() -> bool {\n!pip install x\n}",
        "f(\n!pip install x\n);",
        "[\n:a\n];",
        "let f = S {\na\n}\n%time x;",
        "x = if a { 1 } else { 2 }\n% 3;",
        "let x = match y { _ => 1 }\n% 3;",
        "use a::{\nb}\n:dep x;",
        "#[derive(Debug)]\n:dep a\nstruct S;",
        "pub(crate)\n:dep a",
        "const X: u8 = { 1 }\n%a;",
        "::std::mem::swap(&mut a, &mut b);",
        "let a = 1;\n::std::mem::swap(&mut a, &mut b);",
        "%",
        "% 5",
        ": x",
        ":",
        "!",
        "::",
        ":1",
        "let c = '\"';\nlet d = \"\n:dep a\n\";",
        "let c = b'\"'; let d = \"\n:dep a\n\";",
        "let c = '\\''; let d = \"\n:dep a\n\";",
        "vec![\n:dep\n]",
        "x\n:dep a",
    ] {
        is_rust(source);
    }
}

#[test]
fn a_statement_that_is_over_makes_room_for_a_command() {
    for before in [
        "",
        "\n\n  ",
        "let x = 1;",
        "// comment",
        "/* a\n b */",
        "/* a /* b */ c */",
        "fn f<'a>(x: &'a str) -> char { '}' }",
        "fn f() { let s = \"}\"; if a { } }",
        "struct S<T = u8> { a: T }",
        "struct P(f64);",
        "impl<'a> S<'a> { fn f() {} }",
        "pub(crate) mod m { use a::{b}; }",
        "pub const fn f() {}",
        "unsafe extern \"C\" { fn f(); }",
        "use a::{b, c};",
        "for i in 0..3 { f(i) }",
        "if let Some(x) = y { } else if z { } else { }",
        "while a == b { }",
        "'outer: loop { break 'outer; }",
        "match x { 'a' => {} '\\'' => {} _ => {} }",
        "{ let a = 1; }",
        "println! { \"a\" }",
        "macro_rules! m { ($a:expr) => { $a } }",
        "a::b::m!(x);",
        "#![allow(unused)]",
        "#[derive(Debug)]\nstruct S { a: u8 }",
        "union U { a: u8 }",
        "let union = 1; union = 2;",
        "let x = r#type;",
        "let x = r\"\\\";",
        "let c = '\\u{1F600}'; let é = 'é';",
        "let _ = b'\\'';",
        "let x = 1;}",
        "async fn f() {}",
        "unsafe { f() }",
        "enum E { A { x: u8 }, B }",
        "!ls",
        ":dep a",
        "%matplotlib inline",
    ] {
        let source = format!("{before}\n:dep x = \"1\"\nlet after = 1;");
        assert_eq!(commands(&source).last(), Some(&":dep x = \"1\""), "{source}");
        assert!(directives(&source).code.ends_with("let after = 1;"));
    }
}

#[test]
fn negations_are_rust() {
    for line in [
        "!flag",
        "!a && b",
        "!v.is_empty()",
        "!(a)",
        "!a || !b",
        "!f(x, y)",
        "!std::env::args().any(|a| a == \"x y\")",
        "!matches!(x, Some(_) if y)",
        "!a & b",
        "!a == b",
        "!true",
        "!self.ok && x",
        "!x as u8",
        "!x as u8 as i32 + 1",
        "!a[0]",
        "!!a",
        "!\"abc\".is_empty()",
        "!1u8",
        "!&a",
        "!*a",
        "!-a",
        "!a;",
        "!flag // not a command here",
        "!flag /* nor here */",
        "!a && b.c(d e)",
        "!ls == x",
        "!ls.is_empty()",
        "!ls(x)",
        "!a - b",
        "!a < b && c > d",
        "!mask & (1 << 3)",
        "!a &&",
        "!a\n  && b",
        "!if a { b } else { c }",
        "!{ a }",
        "!r#type",
        "!a?;",
        "!done && x != y",
        "!a >> 2",
        "!a |  b",
        "!// x",
        "!/* a */ b",
        "! flag",
        "!a.b .c()",
        "!x_1 && -1 < y",
    ] {
        is_rust(line);
    }
}

#[test]
fn shell_commands_are_told_from_negations() {
    for line in [
        "!ls",
        "!ls -l",
        "!ls -la | grep x",
        "!pip install foo",
        "!nvidia-smi",
        "!apt-get install -y gcc",
        "!echo \"hi\"",
        "!echo 'hi'",
        "!cat a.txt",
        "!cat *.csv",
        "!./run.sh",
        "!../x",
        "!/usr/bin/env",
        "!~/x",
        "!$SHELL",
        "!du /tmp",
        "!make -j4",
        "!make && ./run",
        "!FOO=1 cmd",
        "!curl http://x.org/a",
        "!python3.11 -m venv x",
        "!git status",
        "! pip install x",
        "!find . -name x",
        "!ls .",
        "!tree ..",
        "!pwd > f",
        "!ls && pwd",
        "!ls | wc",
        "!a $B",
        "!wget -q -O - x",
        "!unzip data.zip",
        "!cargo",
        "!echo a; echo b",
        "!mkdir -p a/b",
        "!tar xf a.tgz",
        "!echo don't",
    ] {
        assert_eq!(commands(line), [line]);
        let inside = format!("let a = 1;\n{line}\nlet b = 2;");
        assert_eq!(commands(&inside), [line]);
    }
    let found = checked("! pip install foo ");
    let command = &found.commands[0];
    assert_eq!(
        (command.kind, command.name.as_str(), command.argument.as_str()),
        (CommandKind::Shell, "pip", "install foo")
    );
}

#[test]
fn a_shell_command_goes_on_behind_a_backslash() {
    let source = "!pip install \\\n  a \\\n  b\nlet x = 1;";
    assert_eq!(commands(source), ["!pip install \\\n  a \\\n  b"]);
    assert!(directives(source).code.ends_with("let x = 1;"));
}

#[test]
fn the_rust_that_a_line_magic_runs_stays() {
    for (source, code, argument) in [
        ("%time let x = f();", "      let x = f();", "let x = f();"),
        ("%timeit -n 10 -q f(\n1);", "                 f(\n1);", "f("),
        ("%timeit -n10 f();", "             f();", "f();"),
        ("%time -1 + x", "      -1 + x", "-1 + x"),
        ("%matplotlib inline", "                  ", "inline"),
        ("%time", "     ", ""),
        ("%time:x", "     :x", ":x"),
        ("%env A=é", "         ", "A=é"),
    ] {
        let found = checked(source);
        assert_eq!((found.code.as_str(), found.commands.len()), (code, 1), "{source}");
        assert_eq!(found.commands[0].kind, CommandKind::Percent);
        assert_eq!(found.commands[0].argument, argument, "{source}");
    }
}

#[test]
fn a_cell_magic_takes_the_cell() {
    let source = "\n  \n%%bash -e x\nls -l\necho 'é' {\n";
    let found = checked(source);
    assert_eq!(found.language, CellLanguage::Other("bash".to_owned()));
    assert!(found.code.trim().is_empty());
    let command = &found.commands[0];
    assert_eq!(
        (command.kind, command.name.as_str(), command.argument.as_str()),
        (CommandKind::CellMagic, "bash", "-e x")
    );
    assert_eq!(&source[command.span.clone()], "%%bash -e x");
    for magic in ["%%time", "%%timeit -n 3", "%%capture out"] {
        let source = format!("{magic}\n:dep a\nlet x = 1;");
        let found = checked(&source);
        assert_eq!(found.language, CellLanguage::Rust);
        assert_eq!(commands(&source), [magic, ":dep a"]);
        assert!(found.code.ends_with("let x = 1;"));
    }
    let late = checked("let x = 1;\n%%bash\n");
    assert_eq!((late.language, late.commands[0].kind), (CellLanguage::Rust, CommandKind::Percent));
}
