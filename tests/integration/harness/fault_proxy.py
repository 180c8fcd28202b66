"""An HTTP/1.1 proxy in front of a registry that logs every request and misbehaves on demand (faults.py).

One event loop in one thread: thousands of connections that hang cost little. `inject` and `log` may be used from any
thread. The proxy connects to the registry once per client connection.
"""
import asyncio
import contextlib
import dataclasses
import re
import resource
import threading
from collections.abc import Iterator

from . import http_message
from .faults import Fault, Forward
from .http_message import CloseConnection, Request, Response
from .request_log import Record, RequestLog


@dataclasses.dataclass
class Rule:
    fault: Fault
    path: re.Pattern[str]
    method: str
    times: int | None  # how often still; None: always

    def take(self, request: Request) -> bool:
        if self.method != request.method or not self.path.search(request.path) or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Upstream:
    """One connection to the registry, opened when it is needed and again when the registry closed it."""

    def __init__(self, host: str, port: int):
        self._address = (host, port)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def forward(self, request: Request) -> Response:
        if self._writer is None or self._reader.at_eof():
            self.close()
            self._reader, self._writer = await asyncio.open_connection(*self._address, limit=1 << 20)
        headers = http_message.without(request.headers, "Expect", "Connection")
        await http_message.write_message(self._writer, f"{request.method} {request.target} HTTP/1.1", headers, request.body)
        head = await http_message.read_head(self._reader)
        if head is None:
            raise CloseConnection
        start, answer_headers = head
        _, status, reason = (start + " ").split(" ", 2)
        bodiless = request.method == "HEAD" or status in ("204", "304")
        body = http_message.no_body() if bodiless else http_message.body_of(self._reader, answer_headers)
        return Response(int(status), reason.strip(), answer_headers, body)

    def close(self) -> None:
        if self._writer:
            self._writer.close()
            self._writer = None


class FaultProxy:
    def __init__(self, host: str, port: int):
        """Listens on a free loopback port, in front of the registry at host:port."""
        self.log = RequestLog()
        self.port = 0
        self.connections = 0  # open now
        self._upstream = (host, port)
        self._rules: list[Rule] = []  # replaced, never changed: the loop reads it without a lock
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="fault-proxy")
        self._thread.start()
        self.resume()

    @contextlib.contextmanager
    def inject(self, fault: Fault, path: str = "", method: str = "GET", times: int | None = None) -> Iterator[Rule]:
        """While the context lasts, requests whose path matches meet `fault` (at most `times` of them)."""
        rule = Rule(fault, re.compile(path), method, times)
        self._rules = [*self._rules, rule]
        try:
            yield rule
        finally:
            self._rules = [r for r in self._rules if r is not rule]

    def resume(self) -> None:
        """Listens (again), on the same port."""
        self._run(self._listen())

    def vanish(self) -> None:
        """Stops listening and closes every connection, as a registry that died."""
        self._run(self._close_all())

    def stop(self) -> None:
        self.vanish()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._on_connection, "127.0.0.1", self.port, limit=1 << 20, backlog=4096)
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
        upstream = Upstream(*self._upstream)
        try:
            while await self._serve_one(reader, writer, upstream):
                pass
        except (CloseConnection, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # either end went away, a fault closed it, or the proxy ends
        finally:
            upstream.close()
            writer.close()
            self.connections -= 1
            self._tasks.discard(task)

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: Upstream) -> bool:
        """Serves one request; false at the end of the connection."""
        head = await http_message.read_head(reader)
        if head is None:
            return False
        method, target, _ = head[0].split(" ", 2)
        request = Request(method, target, head[1], http_message.body_of(reader, head[1]))
        if http_message.find(request.headers, "Expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        record = self.log.begin(request.method, request.path, request.range)
        response = await self._answer(request, upstream.forward)
        record.status = response.status
        await self._send(writer, response, record)
        return (http_message.find(response.headers, "Connection") or "").lower() != "close"

    async def _answer(self, request: Request, forward: Forward) -> Response:
        """Hands the request through every matching fault, the one injected last first."""
        for rule in self._rules:
            if rule.take(request):
                forward = _bind(rule.fault, forward)
        return await forward(request)

    async def _send(self, writer: asyncio.StreamWriter, response: Response, record: Record) -> None:
        def count(size: int) -> None:
            record.body_bytes += size

        await http_message.write_message(writer, f"HTTP/1.1 {response.status} {response.reason}", response.headers,
                                         response.body, count)
        record.done = True


def _bind(fault: Fault, forward: Forward) -> Forward:
    async def call(request: Request) -> Response:
        return await fault(request, forward)

    return call
