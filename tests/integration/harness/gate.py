"""A fault that holds answers back for exactly as long as a test wants."""
import asyncio
import threading

from .fault import Forward
from .http_message import Request, Response


class Gate:
    """Requests wait until `open` is called, from any thread; then they pass, and all later ones."""
    LOOK_AGAIN_SECONDS = 0.01

    def __init__(self) -> None:
        self._open = threading.Event()

    def open(self) -> None:
        self._open.set()

    async def __call__(self, request: Request, forward: Forward) -> Response:
        while not self._open.is_set():
            await asyncio.sleep(self.LOOK_AGAIN_SECONDS)
        return await forward(request)
