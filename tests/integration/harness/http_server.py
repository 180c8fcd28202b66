"""An HTTP/1.1 server on loopback that logs every request; what it answers is its owner's business."""
import asyncio
import ssl
from typing import Protocol

from . import http_message
from .http_message import Request, Response
from .loopback_server import LoopbackServer
from .request_log import Record, RequestLog


class Handler(Protocol):
    """What answers the requests of one connection. It takes the body of each whole, or ends the connection."""

    async def answer(self, request: Request) -> Response: ...

    def close(self) -> None: ...


class HttpServer(LoopbackServer):
    """Owners implement `handler`, which is called for each connection, in the loop."""

    def __init__(self, name: str, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0):
        self.log = RequestLog()
        self._scheme = "https" if tls else "http"
        super().__init__(name, self._serve_requests, tls, host, port)

    def handler(self) -> Handler:
        raise NotImplementedError

    @property
    def origin(self) -> str:
        return f"{self._scheme}://{self.host}:{self.port}"

    async def _serve_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = self.handler()
        try:
            while await self._serve_one(reader, writer, handler):
                pass
        finally:
            handler.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> bool:
        """Serves one request; false at the end of the connection."""
        head = await http_message.read_head(reader)
        if head is None:
            return False
        method, target, _ = head[0].split(" ", 2)
        request = Request(method, target, head[1], http_message.body_of(reader, head[1]))
        if http_message.find(request.headers, "Expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        record = self.log.begin(method, target, request.range, http_message.find(request.headers, "Authorization"))
        response = await handler.answer(request)
        record.status = response.status
        await self._send(writer, response, record)
        return not http_message.closes(request.headers) and not http_message.closes(response.headers)

    async def _send(self, writer: asyncio.StreamWriter, response: Response, record: Record) -> None:
        def count(size: int) -> None:
            record.body_bytes += size

        await http_message.write_message(writer, f"HTTP/1.1 {response.status} {response.reason}", response.headers,
                                         response.body, count)
        record.done = True
