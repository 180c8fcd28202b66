"""Redirects astray, in circles, to other origins, and to signed URLs that expire: where no credentials may come along."""
import urllib.parse

from harness import faults
from harness.blob_store import BlobStore
from harness.fault_proxy import FaultProxy
from harness.process import wait_until
from harness.registry import Registry
from harness.tls import Authority, ServerTls
from harness.token_server import TokenServer
from harness.wire_case import BLOB, blob_path, digest
from test_fault_proxy import ProxyTest


class RedirectTest(ProxyTest):
    def location(self, fault: faults.Fault, path: str = blob_path()) -> tuple[int, str]:
        with self.proxy.inject(fault):
            response, body = self.get(self.proxy, path)
        self.assertEqual(body, b"")
        return response.status, response.getheader("Location")

    def test_to_anywhere(self) -> None:
        for status in (301, 302, 303, 307, 308):
            redirect = faults.Redirect(lambda request: request.path + "/elsewhere", status)
            self.assertEqual(self.location(redirect), (status, blob_path() + "/elsewhere"))

    def test_in_circles(self) -> None:
        seen = [blob_path()]
        for _ in range(7):
            seen.append(self.location(faults.RedirectLoop(length=3), seen[-1])[1])
        self.assertEqual(seen[1:4], seen[4:7])
        self.assertEqual(len(set(seen[1:])), 3)

    def test_to_another_origin(self) -> None:
        other = self.started(FaultProxy(self.registry.host, self.registry.port))
        _, location = self.location(faults.RedirectTo(other.origin), blob_path() + "?a=b")
        self.assertEqual(location, f"http://127.0.0.1:{other.port}{blob_path()}?a=b")
        self.assertEqual(self.get(other, location.removeprefix(other.origin))[1], BLOB)


class BlobStoreTest(ProxyTest):
    def setUp(self) -> None:
        super().setUp()
        self.store = self.started(BlobStore(self.registry.host, self.registry.port, secret_header="X-Secret"))

    def signed(self, lifetime: float = 60) -> str:
        """Path and query of the URL that a client of the registry is sent to."""
        with self.proxy.inject(faults.RedirectBlobs(self.store, lifetime)):
            response, _ = self.get(self.proxy)
        self.assertEqual(response.status, 307)
        self.assertEqual(response.getheader("Location")[:len(self.store.origin)], self.store.origin)
        return response.getheader("Location").removeprefix(self.store.origin)

    def test_serves_ranges_at_a_signed_url(self) -> None:
        response, body = self.get(self.store, self.signed(), (1000, 1999))
        self.assertEqual((response.status, body), (206, BLOB[1000:2000]))
        [record] = self.store.log.requests_for(digest(BLOB))
        self.assertEqual((record.range, record.authorization), ((1000, 2000), None))
        self.assertIn("sig=", record.target)

    def test_only_at_a_signed_url(self) -> None:
        self.assertEqual(self.status(self.store), 403)
        other = self.store.sign(blob_path(b"other"), 60).removeprefix(self.store.origin)
        self.assertEqual(self.status(self.store, blob_path() + "?" + urllib.parse.urlsplit(other).query), 403)

    def test_only_in_its_lifetime(self) -> None:
        path = self.signed(lifetime=0.4)
        self.assertEqual(self.status(self.store, path), 200)
        wait_until("the URL to expire", lambda: self.status(self.store, path) == 403)
        self.assertEqual(self.status(self.store, self.signed()), 200)

    def test_expired_when_told_so(self) -> None:
        store = self.started(BlobStore(self.registry.host, self.registry.port, expired_status=404))
        path = store.sign(blob_path(), 60).removeprefix(store.origin)
        self.assertEqual(self.status(store, path), 200)
        store.expire_all()
        self.assertEqual(self.status(store, path), 404)
        self.assertEqual(self.status(store, store.sign(blob_path(), 60).removeprefix(store.origin)), 200)

    def test_credentials_that_follow_are_told(self) -> None:
        path = self.signed()
        for header in ("Authorization", "Cookie", "x-secret"):
            self.assertEqual(self.status(self.store, path, {header: "my own"}), 400)
        self.assertEqual([leak.split()[0] for leak in self.store.leaks], ["Authorization", "Cookie", "X-Secret"])
        self.assertEqual(self.status(self.store, path, {"X-Other": "anything"}), 200)
        self.assertEqual(len(self.store.leaks), 3)

    def test_what_the_registry_refuses_is_not_redirected(self) -> None:
        with self.proxy.inject(faults.RedirectBlobs(self.store)):
            response, body = self.get(self.proxy, blob_path(b"no such blob"))
            self.assertEqual((response.status, b"BLOB_UNKNOWN" in body), (404, True))
            self.assertEqual(self.status(self.proxy, "/v2/"), 200)
        self.assertEqual(self.store.log.requests_for(), [])

    def test_before_a_registry_that_wants_tokens(self) -> None:
        tokens = self.started(TokenServer(self.folder / "tokens", lifetime=60))
        self.registry = self.started(Registry(self.folder / "private", token_server=tokens))
        self.push(self.registry, headers={"Authorization": "Bearer " + tokens.token("repository:test:pull,push")})
        bearer = {"Authorization": "Bearer " + tokens.token("repository:test:pull")}
        proxy = self.started(FaultProxy(self.registry.host, self.registry.port))
        store = self.started(BlobStore(self.registry.host, self.registry.port, authorization=lambda: bearer["Authorization"]))
        with proxy.inject(faults.RedirectBlobs(store)):
            self.assertEqual(self.status(proxy), 401)
            response, _ = self.get(proxy, headers=bearer)
        path = response.getheader("Location").removeprefix(store.origin)
        self.assertEqual(self.get(store, path)[1], BLOB)
        self.assertEqual(self.status(store, path, bearer), 400)

    def test_by_https(self) -> None:
        authority = Authority(self.folder)
        tls = ServerTls(authority.server())
        store = self.started(BlobStore(self.registry.host, self.registry.port, tls))
        path = store.sign(blob_path(), 60).removeprefix(f"https://127.0.0.1:{store.port}")
        self.assertEqual(self.get(store, path, tls=authority.client_context())[1], BLOB)
