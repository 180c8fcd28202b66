"""What a registry can do wrong, as small objects that compose.

A fault is called with the request and with `forward`, which hands the request on: to the next fault whose rule matches,
at last to the registry. So a fault can answer by itself, wait, change the request, or change the answer.
"""
import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from . import http_message
from .http_message import Request, Response

Forward = Callable[[Request], Awaitable[Response]]


class Fault(Protocol):
    async def __call__(self, request: Request, forward: Forward) -> Response: ...


class Hang:
    """Takes the request and never answers."""

    async def __call__(self, request: Request, forward: Forward) -> Response:
        await asyncio.Event().wait()
        raise http_message.CloseConnection


class Close:
    """Closes the connection instead of an answer."""

    async def __call__(self, request: Request, forward: Forward) -> Response:
        raise http_message.CloseConnection


@dataclasses.dataclass
class Delay:
    seconds: float

    async def __call__(self, request: Request, forward: Forward) -> Response:
        await asyncio.sleep(self.seconds)
        return await forward(request)


@dataclasses.dataclass
class Answer:
    """Answers by itself with this status."""
    status: int
    headers: http_message.Headers = dataclasses.field(default_factory=list)

    async def __call__(self, request: Request, forward: Forward) -> Response:
        async for _ in request.body:
            pass
        return Response(self.status, "Fault", [*self.headers, ("Content-Length", "0")], http_message.no_body())


class IgnoreRange:
    """Answers a ranged request with 200 and everything."""

    async def __call__(self, request: Request, forward: Forward) -> Response:
        return await forward(dataclasses.replace(request, headers=http_message.without(request.headers, "Range")))


@dataclasses.dataclass
class Truncate:
    """Closes the connection after this many bytes of the body, under a head that promises all."""
    after: int

    async def __call__(self, request: Request, forward: Forward) -> Response:
        response = await forward(request)
        return dataclasses.replace(response, body=self._cut(response.body))

    async def _cut(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        left = self.after
        async for block in body:
            yield block[:left]
            left -= min(left, len(block))
            if left == 0:
                raise http_message.CloseConnection


@dataclasses.dataclass
class Corrupt:
    """Flips the bits of one body byte; the length stays right."""
    offset: int = 0

    async def __call__(self, request: Request, forward: Forward) -> Response:
        response = await forward(request)
        return dataclasses.replace(response, body=self._flip(response.body))

    async def _flip(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        position = 0
        async for block in body:
            at = self.offset - position
            position += len(block)
            yield block[:at] + bytes([block[at] ^ 0xFF]) + block[at + 1:] if 0 <= at < len(block) else block


@dataclasses.dataclass
class ShiftContentRange:
    """Says that the body came from `by` bytes further on than it did."""
    by: int = 4096

    async def __call__(self, request: Request, forward: Forward) -> Response:
        response = await forward(request)
        if request.range is None or response.status != 206:
            return response
        total = (http_message.find(response.headers, "Content-Range") or "").rpartition("/")[2]
        first, end = request.range
        shifted = ("Content-Range", f"bytes {first + self.by}-{end - 1 + self.by}/{total}")
        headers = [*http_message.without(response.headers, "Content-Range"), shifted]
        return dataclasses.replace(response, headers=headers)
