"""Just enough HTTP/1.1 (RFC 9112) for a proxy between two well-behaved ends: heads, and bodies as they stream."""
import asyncio
import dataclasses
import http.client
import re
from collections.abc import AsyncIterator

Headers = list[tuple[str, str]]
BLOCK = 64 << 10


class CloseConnection(Exception):
    """Ends the client's connection here and now, whatever has been sent."""


class ResetConnection(Exception):
    """Ends the client's connection by a TCP reset, once what has been sent has arrived."""


def find(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name.lower()), None)


def without(headers: Headers, *names: str) -> Headers:
    dropped = {name.lower() for name in names}
    return [(key, value) for key, value in headers if key.lower() not in dropped]


async def no_body() -> AsyncIterator[bytes]:
    return
    yield b""


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: Headers
    body: AsyncIterator[bytes]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def range(self) -> tuple[int, int] | None:
        """(first, end) of a `bytes=FIRST-LAST` range, end exclusive."""
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", find(self.headers, "Range") or "")
        return (int(found[1]), int(found[2]) + 1) if found else None


@dataclasses.dataclass
class Response:
    status: int
    reason: str
    headers: Headers
    body: AsyncIterator[bytes]


async def answer(request: Request, status: int, headers: Headers, body: bytes = b"") -> Response:
    """An answer made up here: takes the request's body, which is in the way of the next request."""
    async for _ in request.body:
        pass

    async def whole() -> AsyncIterator[bytes]:
        if body and request.method != "HEAD":
            yield body

    return Response(status, http.client.responses.get(status, ""), [*headers, ("Content-Length", str(len(body)))], whole())


def closes(headers: Headers) -> bool:
    """Whether the message's sender wants the connection to end after it."""
    return (find(headers, "Connection") or "").lower() == "close"


async def read_head(reader: asyncio.StreamReader) -> tuple[str, Headers] | None:
    """Start line and headers; None where the other end closed before a new message."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise CloseConnection from error
        return None
    start, *lines = head.decode("latin-1").split("\r\n")[:-2]
    return start, [(key, value.strip()) for key, _, value in (line.partition(":") for line in lines)]


async def _sized_body(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size > 0:
        block = await reader.read(min(size, BLOCK))
        if not block:
            raise CloseConnection
        size -= len(block)
        yield block


async def _chunked_body(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        async for block in _sized_body(reader, size):
            yield block
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")  # no trailers


def body_of(reader: asyncio.StreamReader, headers: Headers) -> AsyncIterator[bytes]:
    """The body that follows a head with these headers. The caller knows of messages that never have one."""
    if (find(headers, "Transfer-Encoding") or "").lower() == "chunked":
        return _chunked_body(reader)
    return _sized_body(reader, int(find(headers, "Content-Length") or 0))


async def write_message(writer: asyncio.StreamWriter, start: str, headers: Headers, body: AsyncIterator[bytes],
                        before_send=lambda size: None) -> None:
    """Sends a message in the framing that its headers announce; calls `before_send(bytes)` for each piece of its body.

    Before, so that whoever has the bytes finds them counted.
    """
    writer.write((start + "\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers) + "\r\n").encode("latin-1"))
    chunked = (find(headers, "Transfer-Encoding") or "").lower() == "chunked"
    async for block in body:
        before_send(len(block))
        writer.write(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
        await writer.drain()
    if chunked:
        writer.write(b"0\r\n\r\n")
    await writer.drain()
