"""The base of the harness's own tests: a folder, servers that end with the test, and http.client to see what is on the wire."""
import hashlib
import http.client
import pathlib
import random
import shutil
import ssl
import tempfile
import unittest
from typing import Protocol, TypeVar

BLOB = random.Random(7).randbytes(300_000)


class Server(Protocol):
    """Every server of the harness."""
    port: int

    def stop(self) -> None: ...


AnyServer = TypeVar("AnyServer", bound=Server)


def digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def blob_path(blob: bytes = BLOB) -> str:
    return f"/v2/test/blobs/{digest(blob)}"


class WireTest(unittest.TestCase):
    longMessage = True

    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lacuna-test-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)

    def started(self, server: AnyServer) -> AnyServer:
        """The server, which stops with the test."""
        self.addCleanup(server.stop)
        return server

    def connect(self, server: Server, tls: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
        made = (http.client.HTTPSConnection("127.0.0.1", server.port, timeout=10, context=tls) if tls
                else http.client.HTTPConnection("127.0.0.1", server.port, timeout=10))
        self.addCleanup(made.close)
        return made

    def push(self, server: Server, blob: bytes = BLOB, headers: dict[str, str] | None = None) -> None:
        connection = self.connect(server)
        connection.request("POST", "/v2/test/blobs/uploads/", headers=headers or {})
        begun = connection.getresponse()
        begun.read()
        connection.request("PUT", f"{begun.getheader('Location')}&digest={digest(blob)}", blob, headers or {})
        self.assertEqual(connection.getresponse().status, 201)

    def get(self, server: Server, path: str = blob_path(), byte_range: tuple[int, int] | None = None,
            headers: dict[str, str] | None = None, tls: ssl.SSLContext | None = None) -> tuple[http.client.HTTPResponse, bytes]:
        """Over a connection of its own; `byte_range` has its last byte in it, as HTTP does."""
        ranged = {"Range": "bytes={}-{}".format(*byte_range)} if byte_range else {}
        connection = self.connect(server, tls)
        connection.request("GET", path, headers=ranged | (headers or {}))
        response = connection.getresponse()
        return response, response.read()

    def status(self, server: Server, path: str = blob_path(), headers: dict[str, str] | None = None) -> int:
        return self.get(server, path, headers=headers)[0].status
