"""execute_request: counting, silence, expressions of the client, errors and the queue behind them."""

import pytest

ERRORS = {
    "a compile error": "let wrong: u32 = \"text\";",
    "a panic": 'panic!("on purpose");',
    "an error by ?": 'let n: i32 = "x".parse::<i32>()?;',
}


@pytest.mark.feature("the first cell is number 1")
def test_cells_are_counted_from_one(client):
    counts = [client.run(code).ok() for code in ("1", "let x = 2;", "x")]
    assert [cell.content["execution_count"] for cell in counts] == [1, 2, 3]
    assert counts[2].of("execute_result")[0]["execution_count"] == 3


@pytest.mark.feature("execute_input has the code and its number")
def test_the_input_is_published(client):
    cell = client.run("let x = 1;\nx").ok()
    assert cell.of("execute_input") == [{"code": "let x = 1;\nx", "execution_count": cell.content["execution_count"]}]


@pytest.mark.feature("execute_result for the last expression")
def test_the_last_expression_is_the_result(client):
    cell = client.run("let x = 20;\nx + 1").ok()
    assert cell.kinds == ["execute_result"]
    result = cell.of("execute_result")[0]
    assert result["data"]["text/plain"] == "21" and result["metadata"] == {}
    assert client.run("let y = x;").ok().kinds == []


@pytest.mark.feature("variables stay from cell to cell")
def test_variables_stay(client):
    client.run("let mut list = vec![1, 2];\nfn twice(n: i32) -> i32 { 2 * n }").ok()
    client.run("list.push(twice(3));").ok()
    assert client.run("list").ok().result == "[1, 2, 6]"


@pytest.mark.feature("an ok reply has payload and user_expressions")
def test_a_reply_has_all_its_fields(client):
    content = client.run("1").ok().content
    assert {"status", "execution_count", "payload", "user_expressions"} <= content.keys(), f"it has {sorted(content)}"


@pytest.mark.feature("silent")
def test_a_silent_cell_is_not_seen_and_not_counted(client):
    before = client.run("let x = 1;").ok().content["execution_count"]
    silent = client.run("let x = x + 1;\nx", silent=True).ok()
    assert silent.kinds == [] and silent.of("execute_input") == [], f"a silent cell publishes {silent.kinds}"
    after = client.run("x").ok()
    assert after.result == "2"
    assert after.content["execution_count"] == before + 1, "a silent cell is counted"


@pytest.mark.feature("store_history")
def test_a_cell_that_is_not_for_the_history_is_not_counted(client):
    before = client.run("let x = 1;").ok().content["execution_count"]
    hidden = client.run("x + 1", store_history=False).ok()
    assert hidden.result == "2"
    after = client.run("x").ok()
    assert after.content["execution_count"] == before + 1, "a cell with store_history=false is counted"


@pytest.mark.feature("user_expressions")
def test_expressions_of_the_client_are_evaluated(client):
    cell = client.run("let x = 4;", user_expressions={"sum": "x + 1", "text": 'format!("<{x}>")', "bad": "nothing"})
    found = cell.ok().content["user_expressions"]
    assert found.keys() == {"sum", "text", "bad"}, f"user_expressions answers only {sorted(found)}"
    assert found["sum"]["status"] == "ok" and found["sum"]["data"]["text/plain"] == "5"
    assert found["text"]["data"]["text/plain"] == '"<4>"'
    assert found["bad"]["status"] == "error" and found["bad"]["ename"] and found["bad"]["evalue"]
    assert client.run("x").ok().result == "4"


@pytest.mark.feature("no expressions after an error")
def test_expressions_are_not_evaluated_after_an_error(client):
    client.run("let mut n = 1;").ok()
    cell = client.run('panic!("no")', user_expressions={"n": "{ n += 1; n }"})
    assert cell.status == "error"
    assert client.run("n").ok().result == "1"


@pytest.mark.feature("error with ename, evalue, traceback in reply and output")
@pytest.mark.parametrize("what", ERRORS)
def test_an_error_is_told_in_the_reply_and_in_the_outputs(client, what):
    cell = client.run(ERRORS[what])
    assert cell.status == "error"
    missing = {"ename", "evalue", "traceback"} - cell.content.keys()
    assert not missing, f"the error reply has no {', '.join(sorted(missing))}"
    errors = cell.of("error")
    assert len(errors) == 1, f"{len(errors)} error messages for one error"
    for name in ("ename", "evalue", "traceback"):
        assert errors[0][name] == cell.content[name], f"{name} differs between reply and output"
    assert cell.content["ename"] and cell.content["evalue"] and all(cell.content["traceback"])


@pytest.mark.feature("tracebacks are coloured")
def test_a_traceback_is_coloured(client):
    assert "\x1b[" in "\n".join(client.run(ERRORS["a compile error"]).of("error")[0]["traceback"])


@pytest.mark.feature("a compile error names its place")
def test_a_compile_error_shows_the_code(client):
    text = "\n".join(client.run("let fine = 1;\nlet wrong: u32 = \"text\";").of("error")[0]["traceback"])
    assert "wrong" in text and "2" in text


@pytest.mark.feature("variables survive an error")
@pytest.mark.parametrize("what", ERRORS)
def test_variables_survive_an_error(client, what):
    client.run("let kept = String::from(\"kept\");").ok()
    assert client.run(ERRORS[what]).status == "error"
    assert client.run("kept.len()").ok().result == "4"


@pytest.mark.feature("variables survive a crash")
@pytest.mark.parametrize("crash", ["std::process::abort();", "std::process::exit(3);"])
def test_variables_survive_a_crash(client, crash):
    client.run("let kept = vec![1, 2, 3];").ok()
    cell = client.run(crash)
    assert cell.status == "error" and cell.content.get("evalue"), "a cell that ends its process does not say so"
    assert client.run("kept.len()").ok().result == "3"


@pytest.mark.feature("stop_on_error aborts the cells that wait")
def test_an_error_aborts_the_cells_that_wait(client):
    ids = [client.execute(code) for code in ('panic!("stop");', "let a = 1;", "2 + 2")]
    cells = [client.finish(msg_id) for msg_id in ids]
    assert [cell.status for cell in cells] == ["error", "aborted", "aborted"]
    assert cells[1].kinds == [] and cells[2].kinds == []
    later = client.run("3 + 3").ok()
    assert later.result == "6"


@pytest.mark.feature("stop_on_error: false goes on")
def test_an_error_may_be_passed_over(client):
    first = client.execute('panic!("go on");', stop_on_error=False)
    second = client.execute("2 + 2")
    assert client.finish(first).status == "error"
    assert client.finish(second).ok().result == "4"


@pytest.mark.feature("cells run in the order in which they came")
def test_cells_that_wait_run_in_their_order(client):
    client.run("let mut list: Vec<i32> = Vec::new();").ok()
    ids = [client.execute(f"list.push({n});") for n in range(8)]
    counts = [client.finish(msg_id).ok().content["execution_count"] for msg_id in ids]
    assert counts == list(range(counts[0], counts[0] + 8))
    assert client.run("list").ok().result == "[0, 1, 2, 3, 4, 5, 6, 7]"


@pytest.mark.feature("empty cells")
@pytest.mark.parametrize("code", ["", "  \n\t\n", "// nothing but a comment"])
def test_empty_cells_are_fine(client, code):
    assert client.run(code).ok().kinds == []
    client.alive()


@pytest.mark.own
def test_a_warning_is_shown_and_the_cell_runs(client):
    cell = client.run("#[deprecated = \"use f\"]\nfn late() -> i32 {\n    1\n}\nlate()").ok()
    assert cell.result == "1"
    assert "deprecated" in cell.text("stderr")


@pytest.mark.own
def test_the_count_begins_anew_after_a_restart(kernel, client):
    client.run("let x = 1;").ok()
    kernel.manager.restart_kernel()
    client = kernel.client()
    assert client.run("2").ok().content["execution_count"] == 1
