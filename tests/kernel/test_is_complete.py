"""is_complete_request: whether a console runs what was typed or waits for the next line."""

import pytest

COMPLETE = [
    "",
    "1 + 1",
    "let x = 5;",
    "let x = 5; // comment {",
    "fn f() {}",
    "fn f() {\n    1;\n}",
    'println!("{}", 1);',
    "for i in 0..3 {\n    println!(\"{i}\");\n}",
    "let s = \"{\";",
    "let c = '(';",
    "/* a /* nested */ comment */ 1",
    "struct P { x: f64 }\nlet p = P { x: 1.0 };\np.x",
    ":dep serde = \"1\"",
]
INCOMPLETE = [
    "fn f() {",
    "if true {\n    1",
    "let x = (1,",
    "let v = vec![1,",
    'let s = "open',
    'let s = r#"open"',
    "/* open",
    "/* open /* nested */",
    "let x =",
    "1 +",
    "println!(",
    "match x {\n    1 => 2,",
    "fn f()",
    "#[derive(Debug)]",
]
INVALID = ["let = 5;", ")", "}", "let x = 1)", "fn f() }", "fn 5() {}", "let x = 5 5;"]


@pytest.mark.feature("is_complete: complete code")
@pytest.mark.parametrize("code", COMPLETE)
def test_what_is_complete_may_run(client, code):
    assert client.ask("is_complete_request", {"code": code})["status"] == "complete"


@pytest.mark.feature("is_complete: incomplete code")
@pytest.mark.parametrize("code", INCOMPLETE)
def test_what_is_incomplete_goes_on(client, code):
    content = client.ask("is_complete_request", {"code": code})
    assert content["status"] == "incomplete", f"`{code}` is said to be {content['status']}"
    assert isinstance(content["indent"], str) and not content["indent"].strip()


@pytest.mark.feature("is_complete: invalid code")
@pytest.mark.parametrize("code", INVALID)
def test_what_cannot_become_right_is_invalid(client, code):
    status = client.ask("is_complete_request", {"code": code})["status"]
    assert status == "invalid", f"`{code}` is said to be {status}"


@pytest.mark.feature("is_complete: the next line's indent")
@pytest.mark.parametrize(
    ("code", "indent"), [("fn f() {", 4), ("fn f() {\n    if true {", 8), ("let x =", None), ('let s = "open', 0)]
)
def test_the_next_line_is_indented(client, code, indent):
    content = client.ask("is_complete_request", {"code": code})
    assert content["status"] == "incomplete", f"`{code}` is said to be {content['status']}"
    if indent is not None:
        assert content["indent"] == " " * indent
