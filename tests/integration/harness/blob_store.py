"""The object store behind a registry: it serves the registry's blobs at signed URLs that expire, and to nobody who shows
the registry's credentials."""
import hashlib
import hmac
import secrets
import time
import urllib.parse
from collections.abc import Callable

from . import http_message
from .http_message import Request, Response
from .http_server import HttpServer
from .tls import ServerTls
from .upstream import Upstream


class BlobStore(HttpServer):
    """`log` has its requests; `leaks` names each header that should not have come here, and the request that had it."""

    def __init__(self, host: str, port: int, tls: ServerTls | None = None, expired_status: int = 403, secret_header: str = "",
                 authorization: Callable[[], str] | None = None):
        """In front of the registry at host:port, to which it shows its own `authorization`, if it has any.

        `secret_header`: one more header, beside Authorization and Cookie, that must not come.
        """
        self.leaks: list[str] = []
        self.authorization = authorization
        self._registry = (host, port)
        self._expired_status = expired_status
        self._secret_headers = [name for name in ("Authorization", "Cookie", secret_header) if name]
        self._key = secrets.token_bytes()
        super().__init__("blob-store", tls.context() if tls else None)

    def sign(self, path: str, lifetime: float) -> str:
        """The URL of this path that is good for `lifetime` seconds, for anyone."""
        expires = f"{time.time() + lifetime:.3f}"
        return f"{self.origin}{path}?expires={expires}&sig={self._signature(path, expires)}"

    def expire_all(self) -> None:
        """Every URL signed so far has expired."""
        self._key = secrets.token_bytes()

    def refusal(self, request: Request) -> int | None:
        """The status for a request that is not served."""
        shown = [name for name in self._secret_headers if http_message.find(request.headers, name) is not None]
        if shown:
            self.leaks += [f"{name} in {request.method} {request.target}" for name in shown]
            return 400
        query = dict(urllib.parse.parse_qsl(request.query))
        expires, signature = query.get("expires", "0"), query.get("sig", "")
        if not hmac.compare_digest(signature, self._signature(request.path, expires)) or time.time() > float(expires):
            return self._expired_status
        return None

    def _signature(self, path: str, expires: str) -> str:
        return hmac.new(self._key, f"{path}?{expires}".encode(), hashlib.sha256).hexdigest()

    def handler(self) -> "BlobStoreHandler":
        return BlobStoreHandler(self, Upstream(*self._registry))


class BlobStoreHandler:
    """One client connection."""

    def __init__(self, store: BlobStore, registry: Upstream):
        self._store = store
        self._registry = registry

    async def answer(self, request: Request) -> Response:
        status = 405 if request.method not in ("GET", "HEAD") else self._store.refusal(request)
        if status:
            return await http_message.answer(request, status, [])
        own = [("Authorization", self._store.authorization())] if self._store.authorization else []
        return await self._registry.forward(Request(request.method, request.path, [*request.headers, *own], request.body))

    def close(self) -> None:
        self._registry.close()
