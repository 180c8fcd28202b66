"""The client side of a proxy: requests go on to one server, over one connection at a time."""
import asyncio

from . import http_message
from .http_message import CloseConnection, Request, Response


class Upstream:
    """One connection to a server, opened when it is needed and again when the server closed it."""

    def __init__(self, host: str, port: int):
        self._address = (host, port)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def forward(self, request: Request) -> Response:
        if self._writer is None or self._reader.at_eof():
            self.close()
            self._reader, self._writer = await asyncio.open_connection(*self._address, limit=1 << 20)
        headers = http_message.without(request.headers, "Expect", "Connection")
        await http_message.write_message(self._writer, f"{request.method} {request.target} HTTP/1.1", headers, request.body)
        head = await http_message.read_head(self._reader)
        if head is None:
            raise CloseConnection
        start, answer_headers = head
        _, status, reason = (start + " ").split(" ", 2)
        bodiless = request.method == "HEAD" or status in ("204", "304")
        body = http_message.no_body() if bodiless else http_message.body_of(self._reader, answer_headers)
        return Response(int(status), reason.strip(), answer_headers, body)

    def close(self) -> None:
        if self._writer:
            self._writer.close()
            self._writer = None
