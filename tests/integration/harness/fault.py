"""What a fault is: it is called with the request and with `forward`, which hands the request on, to the next fault whose
rule matches, at last to the registry. So a fault can answer by itself, wait, change the request, or change the answer.
"""
from collections.abc import Awaitable, Callable
from typing import Protocol

from .http_message import Request, Response

Forward = Callable[[Request], Awaitable[Response]]


class Fault(Protocol):
    async def __call__(self, request: Request, forward: Forward) -> Response: ...
