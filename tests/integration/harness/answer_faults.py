"""Faults of an answer as a whole: none, late, another status, or a head that lies."""
import asyncio
import dataclasses
import datetime
import email.utils

from . import http_message
from .fault import Fault, Forward
from .http_message import Request, Response


@dataclasses.dataclass
class Hang:
    """Takes the request and never answers."""

    async def __call__(self, request: Request, forward: Forward) -> Response:
        await asyncio.Event().wait()
        raise http_message.CloseConnection


@dataclasses.dataclass
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
    """Answers by itself with this status. `retry_after`: whole seconds, or a time (UTC), which goes out as an HTTP-date.

    `body` may be anything, also what quotes the request or has no end worth waiting for.
    """
    status: int
    headers: http_message.Headers = dataclasses.field(default_factory=list)
    retry_after: int | datetime.datetime | None = None
    body: bytes = b""

    async def __call__(self, request: Request, forward: Forward) -> Response:
        return await http_message.answer(request, self.status, [*self.headers, *self._retry_after()], self.body)

    def _retry_after(self) -> http_message.Headers:
        if self.retry_after is None:
            return []
        if isinstance(self.retry_after, datetime.datetime):
            return [("Retry-After", email.utils.format_datetime(self.retry_after, usegmt=True))]
        return [("Retry-After", str(self.retry_after))]


@dataclasses.dataclass
class OfLacuna:
    """What requests of lacuna's meet; others nothing."""
    then: Fault

    async def __call__(self, request: Request, forward: Forward) -> Response:
        ours = (http_message.find(request.headers, "User-Agent") or "").startswith("lacuna/")
        return await (self.then(request, forward) if ours else forward(request))


@dataclasses.dataclass
class IgnoreRange:
    """Answers a ranged request with 200 and everything."""

    async def __call__(self, request: Request, forward: Forward) -> Response:
        return await forward(dataclasses.replace(request, headers=http_message.without(request.headers, "Range")))


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
