"""A Jupyter client for tests: every wait has a deadline, and says what came instead when it passes."""

import os
import signal
import time
from dataclasses import dataclass
from queue import Empty

# How long work may take on a machine that is busy, and how long what must never wait for work may take.
PATIENCE = float(os.environ.get("KERNEL_PATIENCE", 90))
PROMPT = min(20.0, PATIENCE)


@dataclass
class Cell:
    """What came of one execute_request."""

    msg_id: str
    reply: dict
    messages: list

    @property
    def content(self):
        """The content of the reply."""
        return self.reply["content"]

    @property
    def status(self):
        """`ok`, `error` or `aborted`."""
        return self.content["status"]

    def of(self, *kinds):
        """The contents of the outputs of these kinds."""
        return [message["content"] for message in self.messages if message["msg_type"] in kinds]

    @property
    def kinds(self):
        """The kinds of the outputs in their order, without what every cell has."""
        return [m["msg_type"] for m in self.messages if m["msg_type"] not in ("status", "execute_input")]

    def text(self, *streams):
        """What was written to the streams (both by default)."""
        streams = streams or ("stdout", "stderr")
        return "".join(content["text"] for content in self.of("stream") if content["name"] in streams)

    @property
    def result(self):
        """The plain text of the result, none if there is none."""
        found = self.of("execute_result")
        return found[-1]["data"].get("text/plain") if found else None

    def ok(self):
        """The cell itself, which must have succeeded."""
        assert self.status == "ok", (
            f"the cell failed: {self.content.get('ename')}: {str(self.content.get('evalue'))[:400]}\n{self.text()[-400:]}"
        )
        return self


def parent_of(message):
    """The id of the request that a message belongs to."""
    return (message.get("parent_header") or {}).get("msg_id")


class Client:
    """Requests to a kernel, and what comes of them."""

    def __init__(self, raw, kernel=None):
        self.raw = raw
        # The running kernel; none for a second client of the same one.
        self.kernel = kernel
        # What came while something else was waited for.
        self.kept = {"shell": [], "control": [], "iopub": [], "stdin": []}

    def channel(self, name):
        """The channel of this name."""
        return getattr(self.raw, f"{name}_channel")

    def send(self, kind, content=None, *, channel="shell", header=None, metadata=None, buffers=None):
        """Sends a request and returns its id; `header` adds fields to its header."""
        message = self.raw.session.msg(kind, content or {}, metadata=metadata)
        message["header"].update(header or {})
        self.raw.session.send(self.channel(channel).socket, message, buffers=buffers)
        return message["header"]["msg_id"]

    def receive(self, channel, wanted, what, within=PATIENCE):
        """The first message on the channel that is wanted; others are kept for those who ask later."""
        kept = self.kept[channel]
        for at, message in enumerate(kept):
            if wanted(message):
                return kept.pop(at)
        end = time.monotonic() + within
        while (left := end - time.monotonic()) > 0:
            try:
                message = self.channel(channel).get_msg(timeout=left)
            except Empty:
                break
            if wanted(message):
                return message
            kept.append(message)
        came = [f"{message['msg_type']} {str(message['content'])[:120]}" for message in kept[-8:]]
        raise AssertionError(f"no {what} on {channel} within {within:.0f} s; came: {came or 'nothing'}")

    def reply(self, msg_id, channel="shell", within=PATIENCE, what="reply"):
        """The reply to a request."""
        return self.receive(channel, lambda message: parent_of(message) == msg_id, what, within)

    def output(self, msg_id, kind, wanted=lambda content: True, within=PATIENCE):
        """The first output of that kind of a request whose content is wanted."""
        return self.receive(
            "iopub",
            lambda m: parent_of(m) == msg_id and m["msg_type"] == kind and wanted(m["content"]),
            kind,
            within,
        )

    def until_idle(self, msg_id, within=PATIENCE):
        """What was published for a request, up to and with its idle status."""
        messages = []
        while True:
            message = self.receive(
                "iopub", lambda m: parent_of(m) == msg_id, f"idle status after {len(messages)} outputs", within
            )
            messages.append(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return messages

    def ask(self, kind, content=None, *, channel="shell", within=PATIENCE, **more):
        """Sends a request and returns the content of its reply, which must be of the right kind."""
        msg_id = self.send(kind, content, channel=channel, **more)
        wanted = kind.replace("_request", "_reply")
        reply = self.reply(msg_id, channel, within, wanted)
        assert reply["msg_type"] == wanted, f"{kind} was answered by {reply['msg_type']}"
        return reply["content"]

    def execute(self, code, **options):
        """Sends a cell and returns the id of the request."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        return self.send("execute_request", content | options)

    def finish(self, msg_id, within=PATIENCE):
        """Waits for the end of a cell."""
        messages = self.until_idle(msg_id, within)
        reply = self.reply(msg_id, within=within, what="execute_reply")
        return Cell(msg_id, reply, messages)

    def run(self, code, within=PATIENCE, **options):
        """Runs a cell to its end."""
        return self.finish(self.execute(code, **options), within)

    def started(self, msg_id, text="started"):
        """Waits until a running cell has printed the text."""
        seen = ""

        def has(content):
            nonlocal seen
            seen += content["text"]
            return text in seen

        self.output(msg_id, "stream", has)

    def interrupt(self, within=PROMPT):
        """Interrupts by a message, which must be answered."""
        content = self.ask("interrupt_request", channel="control", within=within)
        assert content.get("status") == "ok", f"interrupt_reply says {content}"

    def complete(self, code, cursor=None, within=PROMPT):
        """The content of a complete_reply."""
        cursor = len(code) if cursor is None else cursor
        return self.ask("complete_request", {"code": code, "cursor_pos": cursor}, within=within)

    def inspect(self, code, cursor=None, level=0, within=PROMPT):
        """The content of an inspect_reply."""
        cursor = len(code) if cursor is None else cursor
        content = {"code": code, "cursor_pos": cursor, "detail_level": level}
        return self.ask("inspect_request", content, within=within)

    def alive(self):
        """Fails unless a cell runs now."""
        assert self.run("40 + 2").ok().result == "42", "a plain cell has another result than it should"


def eventually(ask, good, what, within=PATIENCE):
    """Asks again until the answer is good: a helper process may still be starting. Returns the answer."""
    end = time.monotonic() + within
    while True:
        answer = ask()
        if good(answer):
            return answer
        assert time.monotonic() < end, f"no {what} within {within:.0f} s; the last answer: {str(answer)[:300]}"
        # Between two questions, not for luck: the helper needs the processor.
        time.sleep(0.1)


def signal_group(pid, number=signal.SIGINT):
    """Sends a signal to a kernel's process group, as Jupyter does."""
    os.killpg(os.getpgid(pid), number)
