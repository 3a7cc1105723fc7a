"""The Jupyter project's own tests of kernels, with every optional section that applies to Rust."""

import jupyter_kernel_test
import pytest

from cells import LIBRARY, shows
from client import PATIENCE, eventually


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Rust is compiled, and the machine may be busy."""
    monkeypatch.setattr(jupyter_kernel_test, "TIMEOUT", PATIENCE)


class EachInItsOwnKernel:
    """A kernel for each test, instead of one in which an answer that never comes spoils all tests after it."""

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass


class RustTests(EachInItsOwnKernel, jupyter_kernel_test.KernelTests):
    """What every kernel must do."""

    @pytest.fixture(autouse=True)
    def start(self, start_kernel):
        kernel = start_kernel()
        self.km, self.kc = kernel.manager, kernel.client().raw

    language_name = "rust"
    file_extension = ".rs"
    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("oops");'
    completion_samples = [{"text": "std::collections::HashM"}, {"text": "let x = 1;\nx.po"}, {"text": ""}]
    complete_code_samples = ["1 + 1", "let x = 5;", "fn f() {\n    1;\n}", 'println!("{}", 1);']
    incomplete_code_samples = ["fn f() {", "let x = (1,", 'let s = "open', "/* open"]
    invalid_code_samples = ["let = 5;", ")", "fn f() }"]
    code_generate_error = 'panic!("on purpose");'
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": 'String::from("text")', "result": '"text"'},
        {"code": "vec![1, 2]", "result": "[1, 2]"},
    ]
    code_display_data = [
        {"code": shows("text/html", "<b>bold</b>"), "mime": "text/html"},
        {"code": shows("image/svg+xml", "<svg/>") + '\nprintln!("after");', "mime": "image/svg+xml"},
    ]
    code_history_pattern = "6*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "Vec::<i32>::new"
    code_clear_output = f"{LIBRARY}\noxikale::display::clear(false);"

    def test_inspect(self):
        """What answers begins to work when it is first asked, and nobody is kept waiting for it."""
        eventually(self.inspected, lambda content: content["found"], "word of the sample")
        super().test_inspect()

    def inspected(self):
        """What the kernel knows of the sample now."""
        msg_id = self.kc.inspect(self.code_inspect_sample)
        while True:
            reply = self.kc.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == msg_id:
                return reply["content"]


class WelcomeTests(EachInItsOwnKernel, jupyter_kernel_test.IopubWelcomeTests):
    """What a kernel does that greets its subscribers."""

    support_iopub_welcome = True

    @pytest.fixture(autouse=True)
    def start(self, start_kernel):
        kernel = start_kernel()
        self.km, self.kc = kernel.manager, kernel.manager.client()
        kernel.clients.append(self.kc)


def tag(case):
    """Makes each test a line of the conformance table; none may wait forever, as some of them would."""
    for name in dir(case):
        if name.startswith("test_"):
            method = getattr(case, name)

            def test(self, method=method):
                return method(self)

            test = pytest.mark.feature(f"jupyter_kernel_test: {name.removeprefix('test_')}")(test)
            setattr(case, name, pytest.mark.timeout(2 * PATIENCE)(test))


tag(RustTests)
tag(WelcomeTests)
