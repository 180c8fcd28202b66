"""Faults of a body, under a head that is right: it ends early, stops, comes slowly, or has wrong bytes."""
import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from . import http_message
from .fault import Forward
from .http_message import Request, Response

Body = AsyncIterator[bytes]


async def _close() -> None:
    raise http_message.CloseConnection


async def _reset() -> None:
    raise http_message.ResetConnection


async def _never() -> None:
    await asyncio.Event().wait()


async def _first_bytes(body: Body, count: int, then: Callable[[], Awaitable[None]]) -> Body:
    """The first `count` bytes, and `then`, which does not return. A shorter body passes whole."""
    async for block in body:
        if count > 0:
            yield block[:count]
        count -= len(block)
        if count <= 0:
            await then()


@dataclasses.dataclass
class Truncate:
    """Closes the connection after this many bytes of the body, under a head that promises all."""
    after: int

    async def __call__(self, request: Request, forward: Forward) -> Response:
        response = await forward(request)
        return dataclasses.replace(response, body=_first_bytes(response.body, self.after, _close))


@dataclasses.dataclass
class Stall:
    """Sends no byte more after this many of the body; the connection stays open."""
    after: int

    async def __call__(self, request: Request, forward: Forward) -> Response:
        response = await forward(request)
        return dataclasses.replace(response, body=_first_bytes(response.body, self.after, _never))


@dataclasses.dataclass
class Reset:
    """A TCP reset: instead of an answer, or after this many bytes of the body, all of which the client's host has got."""
    after: int | None = None

    async def __call__(self, request: Request, forward: Forward) -> Response:
        if self.after is None:
            raise http_message.ResetConnection
        response = await forward(request)
        return dataclasses.replace(response, body=_first_bytes(response.body, self.after, _reset))


@dataclasses.dataclass
class Throttle:
    """A body comes no faster than this, each answer on its own."""
    bytes_per_second: float
    PIECES_PER_SECOND = 50  # so that it is slow, and does not stall

    async def __call__(self, request: Request, forward: Forward) -> Response:
        response = await forward(request)
        return dataclasses.replace(response, body=self._slowly(response.body))

    async def _slowly(self, body: Body) -> Body:
        piece = max(1, int(self.bytes_per_second / self.PIECES_PER_SECOND))
        started, sent = time.monotonic(), 0
        async for block in body:
            for at in range(0, len(block), piece):
                part = block[at:at + piece]
                sent += len(part)
                await asyncio.sleep(started + sent / self.bytes_per_second - time.monotonic())
                yield part


class Link:
    """A network between: each request takes so long on its way and back, and all bodies together come no faster than this."""
    PIECE = 64 << 10

    def __init__(self, round_trip_seconds: float, bytes_per_second: float):
        self._round_trip = round_trip_seconds
        self._bytes_per_second = bytes_per_second
        self._free_at = 0.0  # when all that was sent so far has passed

    async def __call__(self, request: Request, forward: Forward) -> Response:
        await asyncio.sleep(self._round_trip)
        response = await forward(request)
        return dataclasses.replace(response, body=self._through(response.body))

    async def _through(self, body: Body) -> Body:
        async for block in body:
            for at in range(0, len(block), self.PIECE):
                part = block[at:at + self.PIECE]
                self._free_at = max(self._free_at, time.monotonic()) + len(part) / self._bytes_per_second
                await asyncio.sleep(self._free_at - time.monotonic())
                yield part


@dataclasses.dataclass
class Trickle:
    """One byte every so many seconds: never a stall, and never an end."""
    every: float = 0.01

    async def __call__(self, request: Request, forward: Forward) -> Response:
        response = await forward(request)
        return dataclasses.replace(response, body=self._byte_by_byte(response.body))

    async def _byte_by_byte(self, body: Body) -> Body:
        async for block in body:
            for byte in block:
                await asyncio.sleep(self.every)
                yield bytes([byte])


@dataclasses.dataclass
class Corrupt:
    """Flips the bits of one body byte; the length stays right."""
    offset: int = 0

    async def __call__(self, request: Request, forward: Forward) -> Response:
        response = await forward(request)
        return dataclasses.replace(response, body=self._flip(response.body))

    async def _flip(self, body: Body) -> Body:
        position = 0
        async for block in body:
            at = self.offset - position
            position += len(block)
            yield block[:at] + bytes([block[at] ^ 0xFF]) + block[at + 1:] if 0 <= at < len(block) else block
