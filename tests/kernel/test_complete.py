"""complete_request: names, methods and directives, also within Unicode, and always an answer."""

import pytest

from client import eventually


def completes(client, code, name, cursor=None):
    """Asks until the name is among the matches: the first answers may come before there is an index."""
    return eventually(
        lambda: client.complete(code, cursor),
        lambda content: any(match.startswith(name) for match in content["matches"]),
        f"completion `{name}` of `{code}`",
    )


@pytest.mark.feature("completion of variables")
def test_a_variable_is_completed(client):
    client.run("let temperature = 20.5;").ok()
    found = completes(client, "let t = temper", "temperature")
    assert found["status"] == "ok"
    assert (found["cursor_start"], found["cursor_end"]) == (8, 14)


@pytest.mark.feature("completion of methods")
def test_a_method_of_a_variable_is_completed(client):
    client.run("let words = vec![String::from(\"one\")];").ok()
    found = completes(client, "words[0].to_upper", "to_uppercase")
    assert found["cursor_start"] == len("words[0].")


@pytest.mark.feature("completion of functions of earlier cells")
def test_a_function_is_completed(client):
    client.run("fn hypotenuse(a: f64, b: f64) -> f64 { (a * a + b * b).sqrt() }").ok()
    completes(client, "let h = hypo", "hypotenuse")


@pytest.mark.feature("completion within the cell itself")
def test_what_the_cell_defines_is_completed(client):
    code = "struct Reading { celsius: f64 }\nlet reading = Reading { celsius: 1.0 };\nreading."
    completes(client, code, "celsius")


@pytest.mark.feature("completions have types")
def test_matches_have_types(client):
    client.run("let temperature = 20.5;").ok()
    found = completes(client, "temper", "temperature")
    kinds = found["metadata"].get("_jupyter_types_experimental", [])
    named = [kind for kind in kinds if kind["text"].startswith("temperature")]
    assert named and named[0]["type"], "there are no types in _jupyter_types_experimental"
    assert {"start", "end"} <= named[0].keys()


@pytest.mark.feature("completion in the middle, after Unicode")
def test_places_are_counted_in_characters(client):
    client.run("let temperature = 20.5;").ok()
    code = 'let s = "🦀é"; temper + 1.0'
    at = code.index("temper")
    found = completes(client, code, "temperature", cursor=at + 6)
    assert (found["cursor_start"], found["cursor_end"]) == (at, at + 6), "places are not counted in code points"


@pytest.mark.feature("nothing to complete is no error")
@pytest.mark.parametrize("code", ["", "   ", "zzzzqqqq", '"text', "// comment"])
def test_nothing_to_complete_is_no_error(client, code):
    found = client.complete(code)
    assert found["status"] == "ok"
    assert 0 <= found["cursor_start"] <= found["cursor_end"] <= len(code)


@pytest.mark.feature("completion of paths of crates")
def test_paths_are_completed(client):
    completes(client, "std::collections::HashM", "HashMap")


@pytest.mark.own
def test_directives_are_completed(client):
    assert any(":dep" in match for match in client.complete(":de")["matches"])
    assert any("%time" in match for match in client.complete("%ti")["matches"])


@pytest.mark.own
def test_file_paths_are_completed(client, folder):
    (folder / "measurements.csv").touch()
    found = completes(client, 'std::fs::read_to_string("measure', "measurements.csv")
    assert found["cursor_start"] >= len("std::fs::read_to_string(\"")


@pytest.mark.feature("a cursor outside of the code does no harm")
@pytest.mark.parametrize("cursor", [-1, 1000, 2**40])
def test_a_cursor_outside_does_no_harm(client, cursor):
    client.complete("temper", cursor)
    client.alive()
