"""The test's own certificate authority, and the real registry with its certificates: who trusts whom."""
import socket
import ssl

from harness.registry import Registry
from harness.tls import Authority, Certificate, ServerTls
from harness.wire_case import WireTest


class TlsTest(WireTest):
    def setUp(self) -> None:
        super().setUp()
        self.authority = Authority(self.folder / "tls")

    def registry(self, own: Certificate | None = None, mutual: bool = False) -> Registry:
        client_ca = self.authority.certificate if mutual else None
        return self.started(Registry(self.folder / "registry", tls=ServerTls(own or self.authority.server(), client_ca)))

    def status_with(self, registry: Registry, context: ssl.SSLContext) -> int:
        return self.get(registry, "/v2/", tls=context)[0].status

    def test_trusted(self) -> None:
        registry = self.registry()
        self.assertEqual(self.status_with(registry, self.authority.client_context()), 200)
        with socket.create_connection((registry.host, registry.port)) as plain:  # not every host can look localhost up
            self.authority.client_context().wrap_socket(plain, server_hostname="localhost").close()

    def test_of_an_authority_that_is_not_trusted(self) -> None:
        stranger = Authority(self.folder / "stranger")
        with self.assertRaisesRegex(ssl.SSLCertVerificationError, "self-signed|local issuer"):
            self.status_with(self.registry(), stranger.client_context())

    def test_a_wrong_name(self) -> None:
        other = self.authority.server("other", ["DNS:registry.test"])
        with self.assertRaisesRegex(ssl.SSLCertVerificationError, "not valid for '127.0.0.1'"):
            self.status_with(self.registry(other), self.authority.client_context())

    def test_mutual(self) -> None:
        registry = self.registry(mutual=True)
        known = self.authority.client_context(self.authority.client())
        self.assertEqual(self.status_with(registry, known), 200)
        stranger = Authority(self.folder / "stranger").client()
        for own in (None, stranger):
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                self.status_with(registry, self.authority.client_context(own))
