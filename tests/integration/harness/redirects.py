"""Answers that send the client elsewhere: astray, in circles, to another origin, to a URL that soon expires."""
import dataclasses
import re
import urllib.parse
from collections.abc import Callable

from . import http_message
from .blob_store import BlobStore
from .fault import Forward
from .http_message import Request, Response


@dataclasses.dataclass
class Redirect:
    """Sends each request to what `location` says of it: an absolute URL, or a relative one."""
    location: Callable[[Request], str]
    status: int = 307

    async def __call__(self, request: Request, forward: Forward) -> Response:
        return await http_message.answer(request, self.status, [("Location", self.location(request))])


@dataclasses.dataclass
class RedirectLoop:
    """Sends a request round a circle of `length` URLs of the same path, for ever."""
    length: int = 3
    status: int = 307

    async def __call__(self, request: Request, forward: Forward) -> Response:
        return await Redirect(self._next, self.status)(request, forward)

    def _next(self, request: Request) -> str:
        hop = urllib.parse.parse_qs(request.query).get("hop", ["0"])[0]
        return f"{request.path}?hop={(int(hop) + 1) % self.length}"


@dataclasses.dataclass
class RedirectTo:
    """Sends each request to the same path and query of another origin, e.g. another proxy's `origin`."""
    origin: str
    status: int = 307

    async def __call__(self, request: Request, forward: Forward) -> Response:
        return await Redirect(lambda r: self.origin + r.target, self.status)(request, forward)


@dataclasses.dataclass
class RedirectBlobs:
    """As registries before an object store do: a GET of a blob, where the registry would serve it, is sent to a signed URL
    that is good for `lifetime` seconds. Everything else, also what the registry refuses, passes."""
    store: BlobStore
    lifetime: float = 60.0
    status: int = 307

    async def __call__(self, request: Request, forward: Forward) -> Response:
        if request.method != "GET" or not re.search(r"^/v2/.+/blobs/[^/]+$", request.path):
            return await forward(request)
        allowed = await forward(dataclasses.replace(request, method="HEAD"))
        if allowed.status not in (200, 206):
            return await forward(request)
        return await Redirect(lambda r: self.store.sign(r.path, self.lifetime), self.status)(request, forward)
