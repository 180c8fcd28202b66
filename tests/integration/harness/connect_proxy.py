"""A forward proxy for https: CONNECT (RFC 9110, 9.3.6), to loopback only, whatever name was asked for."""
import asyncio
import contextlib
from collections.abc import Mapping

from . import http_message
from .loopback_server import LoopbackServer


class ConnectProxy(LoopbackServer):
    """`asked` has the host:port of each CONNECT, and `refused` the start line of everything that was not served.

    `names` says where a name leads, e.g. {"registry.test:443": 5000}: a port of 127.0.0.1. Other names are refused, but
    for those of loopback itself.
    """

    def __init__(self, names: Mapping[str, int] | None = None):
        self.asked: list[str] = []
        self.refused: list[str] = []
        self._names = dict(names or {})
        super().__init__("connect-proxy", self._serve_connect)

    @property
    def url(self) -> str:
        """For HTTPS_PROXY."""
        return f"http://127.0.0.1:{self.port}"

    async def _serve_connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await http_message.read_head(reader)
        if head is None:
            return
        method, target, _ = head[0].split(" ", 2)
        if method == "CONNECT":
            self.asked.append(target)
        port = self._port(target) if method == "CONNECT" else None
        if port is None:
            self.refused.append(head[0])
            writer.write(b"HTTP/1.1 502 No Way There\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            far_writer.close()

    def _port(self, target: str) -> int | None:
        host, _, port = target.rpartition(":")
        own = int(port) if host in ("127.0.0.1", "localhost", "[::1]") else None
        return self._names.get(target, own)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(http_message.BLOCK):
        writer.write(block)
        await writer.drain()
    with contextlib.suppress(OSError):  # which has gone already
        writer.write_eof()
