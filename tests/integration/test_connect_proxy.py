"""The forward proxy: https goes through it to where a name leads, and nowhere beyond loopback."""
import http.client

from harness import programs
from harness.connect_proxy import ConnectProxy
from harness.registry import Registry
from harness.tls import Authority, ServerTls
from harness.wire_case import WireTest


class ConnectProxyTest(WireTest):
    def setUp(self) -> None:
        super().setUp()
        self.authority = Authority(self.folder / "tls")
        own = self.authority.server(alternative_names=["DNS:registry.test", "IP:127.0.0.1"])
        self.registry = self.started(Registry(self.folder / "registry", tls=ServerTls(own)))
        self.proxy = self.started(ConnectProxy({"registry.test:443": self.registry.port}))

    def curl(self, url: str, **environment: str) -> str:
        """The status that curl got, or 000."""
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", self.authority.certificate, url]
        return programs.run(command, check=False, env={"https_proxy": self.proxy.url} | environment).stdout

    def test_a_name_leads_to_the_registry(self) -> None:
        self.assertEqual(self.curl("https://registry.test/v2/"), "200")
        self.assertEqual(self.proxy.asked, ["registry.test:443"])

    def test_loopback(self) -> None:
        self.assertEqual(self.curl(f"https://{self.registry.address}/v2/"), "200")
        self.assertEqual(self.proxy.asked, [self.registry.address])

    def test_not_asked_for_what_needs_no_proxy(self) -> None:
        self.assertEqual(self.curl(f"https://{self.registry.address}/v2/", no_proxy="127.0.0.1"), "200")
        self.assertEqual(self.proxy.asked, [])

    def test_nowhere_else(self) -> None:
        self.assertEqual(self.curl("https://elsewhere.test/v2/"), "000")
        self.assertEqual((self.proxy.asked, len(self.proxy.refused)), (["elsewhere.test:443"], 1))

    def test_a_plain_request_is_refused(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.port, timeout=10)
        self.addCleanup(connection.close)
        connection.request("GET", "http://registry.test/v2/")
        self.assertEqual(connection.getresponse().status, 502)
        self.assertEqual((self.proxy.asked, len(self.proxy.refused)), ([], 1))
