"""inspect_request: types and documentation of what is under the cursor."""

import pytest

from client import eventually


def inspected(client, code, *words, cursor=None, level=0):
    """Asks until the words are in the answer, and returns its forms."""
    return eventually(
        lambda: client.inspect(code, cursor, level),
        lambda content: content["found"] and all(word in str(content["data"]) for word in words),
        f"word of {words} on `{code}`",
    )["data"]


@pytest.mark.feature("inspection of variables")
def test_a_variable_has_its_type(client):
    client.run("let temperature: f64 = 20.5;").ok()
    data = inspected(client, "temperature", "f64", cursor=3)
    assert "text/plain" in data


@pytest.mark.feature("inspection of functions with their documentation")
def test_a_function_has_its_documentation(client):
    client.run("/// The longest side.\nfn hypotenuse(a: f64, b: f64) -> f64 { (a * a + b * b).sqrt() }").ok()
    inspected(client, "hypotenuse(3.0, 4.0)", "hypotenuse", "The longest side", cursor=4)


@pytest.mark.feature("inspection of the standard library")
def test_a_method_of_the_standard_library_has_its_documentation(client):
    client.run("let mut words = vec![1];").ok()
    inspected(client, "words.push(2)", "push", "Appends", cursor=len("words.pu"))


@pytest.mark.feature("inspection as Markdown")
def test_the_answer_is_there_as_markdown(client):
    client.run("let temperature: f64 = 20.5;").ok()
    data = inspected(client, "temperature", "f64", cursor=3)
    assert "text/markdown" in data, f"the forms are {sorted(data)}"


@pytest.mark.feature("detail levels")
def test_more_detail_says_more(client):
    client.run("/// The longest side.\nfn hypotenuse(a: f64, b: f64) -> f64 {\n    (a * a + b * b).sqrt()\n}").ok()
    inspected(client, "hypotenuse", "hypotenuse", cursor=3)
    more = inspected(client, "hypotenuse", "sqrt", cursor=3, level=1)
    assert "text/plain" in more


@pytest.mark.feature("nothing to inspect is no error")
@pytest.mark.parametrize("code", ["", "   ", "zzzzqqqq", "1 + "])
def test_nothing_to_inspect_is_no_error(client, code):
    content = client.inspect(code)
    assert content["status"] == "ok" and content["found"] is False and content["data"] == {}


@pytest.mark.feature("a cursor outside of the code does no harm")
@pytest.mark.parametrize("cursor", [-1, 1000, 2**40])
def test_a_cursor_outside_does_no_harm(client, cursor):
    client.inspect("temperature", cursor)
    client.alive()
