"""A TCP server on a loopback port of its own: one event loop in one thread, so that thousands of connections cost little.

Its methods may be called from any thread but the loop's.
"""
import asyncio
import contextlib
import fcntl
import resource
import socket
import ssl
import struct
import termios
import threading
from collections.abc import Awaitable, Callable, Coroutine

from .http_message import CloseConnection, ResetConnection

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class LoopbackServer:
    def __init__(self, name: str, serve: Serve, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0):
        """Listens, on a free port if `port` is 0. `serve` is called in the loop for each connection, which ends when it returns or raises."""
        self.host = host
        self.port = port
        self.connections = 0  # open now
        self._serve = serve
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name=name)
        self._thread.start()
        self.resume()

    def resume(self) -> None:
        """Listens (again), on the same port."""
        self._run(self._listen())

    def vanish(self) -> None:
        """Stops listening and closes every connection, as a server that died."""
        self._run(self._close_all())

    def stop(self) -> None:
        self.vanish()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._on_connection, self.host, self.port, limit=1 << 20, backlog=4096,
                                                  ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close_all(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # the server ends: no time for a TLS goodbye
        except ResetConnection:
            await _reset(writer)
        except (CloseConnection, OSError, asyncio.IncompleteReadError):
            pass  # either end went away, or a fault closed it
        finally:
            writer.close()
            self.connections -= 1
            self._tasks.discard(task)


def reset_at_once(writer: asyncio.StreamWriter) -> None:
    """A TCP reset, which throws away what still waits to be sent."""
    connection = writer.get_extra_info("socket")
    if connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _reset(writer: asyncio.StreamWriter) -> None:
    """A TCP reset behind all that was sent, which a client that reads gets first."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            while connection.fileno() >= 0 and (writer.transport.get_write_buffer_size() or _unacknowledged_bytes(connection)):
                await asyncio.sleep(0.001)
    reset_at_once(writer)


def _unacknowledged_bytes(connection: socket.socket) -> int:
    return struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
