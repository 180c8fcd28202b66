"""An HTTP/1.1 proxy in front of a registry that logs every request and misbehaves on demand (faults.py).

`inject` and `log` may be used from any thread. The proxy connects to the registry once per client connection, without TLS.
"""
import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator

from .fault import Fault, Forward
from .http_message import Request, Response
from .http_server import HttpServer
from .tls import ServerTls
from .upstream import Upstream


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


class FaultProxy(HttpServer):
    def __init__(self, host: str, port: int, tls: ServerTls | None = None, web_host: str | None = None):
        """Listens in front of the registry at host:port, on a free loopback port, with `tls` for https; or as `web_host`, a loopback
        address, on HTTP's own port."""
        self._upstream = (host, port)
        self._rules: list[Rule] = []  # replaced, never changed: the loop reads it without a lock
        listens = {"host": web_host, "port": 80} if web_host else {}
        super().__init__("fault-proxy", tls.context() if tls else None, **listens)

    @contextlib.contextmanager
    def inject(self, fault: Fault, path: str = "", method: str = "GET", times: int | None = None) -> Iterator[Rule]:
        """While the context lasts, requests whose path matches meet `fault` (at most `times` of them)."""
        rule = Rule(fault, re.compile(path), method, times)
        self._rules = [*self._rules, rule]
        try:
            yield rule
        finally:
            self._rules = [r for r in self._rules if r is not rule]

    def handler(self) -> "ProxyHandler":
        return ProxyHandler(Upstream(*self._upstream), lambda: self._rules)


class ProxyHandler:
    """One client connection."""

    def __init__(self, upstream: Upstream, rules: Callable[[], list[Rule]]):
        self._upstream = upstream
        self._rules = rules

    async def answer(self, request: Request) -> Response:
        """Hands the request through every matching fault, the one injected last first."""
        forward = self._upstream.forward
        for rule in self._rules():
            if rule.take(request):
                forward = _bind(rule.fault, forward)
        return await forward(request)

    def close(self) -> None:
        self._upstream.close()


def _bind(fault: Fault, forward: Forward) -> Forward:
    async def call(request: Request) -> Response:
        return await fault(request, forward)

    return call
