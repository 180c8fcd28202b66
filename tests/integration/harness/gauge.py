"""How many requests are under way at once, seen from the server."""
import dataclasses
from collections.abc import AsyncIterator

from .fault import Fault, Forward
from .http_message import Request, Response


class Gauge:
    """A fault that does nothing but count; `then` is what the requests meet besides. Used in the proxy's loop, read anywhere."""

    def __init__(self, then: Fault | None = None):
        self.now = 0
        self.most = 0
        self._then = then

    async def __call__(self, request: Request, forward: Forward) -> Response:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            response = await (self._then(request, forward) if self._then else forward(request))
        except BaseException:
            self.now -= 1
            raise
        return dataclasses.replace(response, body=self._counted(response.body))

    async def _counted(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for block in body:
                yield block
        finally:
            self.now -= 1
