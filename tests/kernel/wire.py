"""Raw ZeroMQ sockets to a kernel: messages that are signed by hand, or spoilt on purpose."""

import hashlib
import hmac
import json
import uuid

import zmq

DELIMITER = b"<IDS|MSG>"


class Wire:
    """Sockets to one kernel, without any client library in between."""

    def __init__(self, client):
        info = client.raw.get_connection_info(session=False)
        self.address = {
            name: f"tcp://{info['ip']}:{info[name + '_port']}" for name in ("shell", "control", "iopub", "stdin", "hb")
        }
        self.ports = {name: info[name + "_port"] for name in self.address}
        self.ip = info["ip"]
        self.key = info["key"]
        self.context = zmq.Context()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.context.destroy(linger=0)

    def socket(self, kind, name, **options):
        """A connected socket; `options` are socket options by their names in ZeroMQ."""
        socket = self.context.socket(kind)
        socket.linger = 0
        for option, value in options.items():
            setattr(socket, option, value)
        socket.connect(self.address[name])
        return socket

    def sign(self, parts):
        """The signature of a message's four parts."""
        digest = hmac.new(self.key, digestmod=hashlib.sha256)
        for part in parts:
            digest.update(part)
        return digest.hexdigest().encode()

    def frames(self, kind, content=b"{}", *, header=None, parent=b"{}", metadata=b"{}", msg_id=None):
        """The frames of a message that is signed as it should be, whatever its parts hold."""
        if header is None:
            header = json.dumps(
                {
                    "msg_id": msg_id or uuid.uuid4().hex,
                    "msg_type": kind,
                    "session": "hostile",
                    "username": "nobody",
                    "version": "5.4",
                    "date": "2026-01-01T00:00:00Z",
                }
            ).encode()
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        parts = [header, parent, metadata, content]
        return [DELIMITER, self.sign(parts), *parts]


def answered(socket, seconds=20):
    """The header's type and the content of the next message on a socket, none if none comes."""
    if not socket.poll(seconds * 1000):
        return None
    frames = socket.recv_multipart()
    at = frames.index(DELIMITER)
    return json.loads(frames[at + 2])["msg_type"], json.loads(frames[at + 5])
