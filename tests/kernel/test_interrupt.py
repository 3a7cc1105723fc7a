"""Interrupts: by message and by signal, whatever the cell is doing; variables stay."""

import pytest

from cells import COMPILES_LONG, SLEEPS, SPINS
from client import PROMPT, signal_group
from processes import family, wait_for

ENDLESS = {"computes": SPINS, "sleeps": SLEEPS}


def check_interrupted(client, cell):
    """The cell ends as an interrupted one, and the session is as it was before."""
    done = client.finish(cell, PROMPT)
    assert done.status == "error", f"the interrupted cell ends as {done.status}"
    assert done.of("error"), "an interrupted cell publishes no error"
    kept = client.run("kept.len()")
    assert kept.status == "ok", "variables are lost by an interrupt"
    assert kept.result == "3"


@pytest.fixture
def session(client):
    """A client of a session with a variable."""
    client.run("let kept = vec![1, 2, 3];").ok()
    return client


@pytest.mark.feature("interrupt by message keeps variables")
@pytest.mark.parametrize("what", ENDLESS)
def test_a_running_cell_is_interrupted_by_a_message(session, what):
    cell = session.execute(ENDLESS[what])
    session.started(cell)
    session.interrupt()
    check_interrupted(session, cell)


@pytest.mark.feature("interrupt by SIGINT keeps variables")
@pytest.mark.parametrize("what", ENDLESS)
def test_a_running_cell_is_interrupted_by_a_signal(session, what):
    cell = session.execute(ENDLESS[what])
    session.started(cell)
    signal_group(session.kernel.pid)
    check_interrupted(session, cell)


@pytest.mark.feature("interrupt stops the compiler")
def test_a_compilation_is_interrupted(session):
    cell = session.execute(COMPILES_LONG)
    wait_for(session.kernel.mark, "rustc")
    session.interrupt()
    check_interrupted(session, cell)
    left = [process for process in family(session.kernel.mark) if "rustc" in process.command.split(" ")[0]]
    assert not left, f"the compiler goes on: {left}"


@pytest.mark.feature("interrupt stops the building of dependencies")
def test_the_building_of_a_dependency_is_interrupted(session, folder):
    crate = folder / "endless"
    (crate / "src").mkdir(parents=True)
    (crate / "src" / "lib.rs").write_text("pub fn f() {}\n")
    (crate / "Cargo.toml").write_text('[package]\nname = "endless"\nversion = "0.1.0"\nedition = "2021"\n')
    (crate / "build.rs").write_text("fn main() { loop { std::thread::park(); } }\n")
    cell = session.execute(f':dep endless = {{ path = "{crate}" }}\nendless::f();')
    script = wait_for(session.kernel.mark, "build-script-build", 120)
    session.interrupt()
    check_interrupted(session, cell)
    assert script.pid not in {process.pid for process in family(session.kernel.mark)}, "the build goes on"


@pytest.mark.feature("interrupt drops the cells that wait")
def test_the_cells_that_wait_are_dropped(session):
    first, second = session.execute(SLEEPS), session.execute("kept.push(4);")
    session.started(first)
    session.interrupt()
    assert session.finish(first, PROMPT).status == "error"
    assert session.finish(second, PROMPT).status == "aborted"
    assert session.run("kept.len()").ok().result == "3"


@pytest.mark.feature("interrupt of an idle kernel does no harm")
@pytest.mark.parametrize("how", ["message", "signal"])
def test_an_interrupt_without_a_cell_does_no_harm(session, how):
    for _ in range(3):
        if how == "message":
            session.interrupt()
        else:
            signal_group(session.kernel.pid)
    assert session.run("kept.len()").ok().result == "3"


@pytest.mark.own
def test_many_interrupts_at_once_are_one(session):
    cell = session.execute(SPINS)
    session.started(cell)
    ids = [session.send("interrupt_request", channel="control") for _ in range(20)]
    for msg_id in ids:
        assert session.reply(msg_id, "control", PROMPT)["content"]["status"] == "ok"
    check_interrupted(session, cell)


@pytest.mark.own
def test_an_interrupt_is_called_one(session):
    cell = session.execute(SLEEPS)
    session.started(cell)
    session.interrupt()
    assert "interrupt" in session.finish(cell, PROMPT).content["ename"].lower()


@pytest.mark.own
def test_processes_of_the_cell_are_ended(session):
    cell = session.execute('println!("started");\nstd::process::Command::new("sleep").arg("31536000").status().unwrap();')
    wait_for(session.kernel.mark, "sleep 31536000")
    session.interrupt()
    check_interrupted(session, cell)
    assert not [process for process in family(session.kernel.mark) if "31536000" in process.command]
