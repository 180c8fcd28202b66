"""https to registries: whose certificates are trusted, what is shown of ourselves, and by which way a name is reached."""
import asyncio
import pathlib

from harness import programs
from harness.connect_proxy import ConnectProxy
from harness.daemon import Daemon
from harness.guarded_case import FETCH, SPEC, GuardedTest
from harness.images import Image
from harness.loopback_server import LoopbackServer, reset_at_once
from harness.process import wait_until
from harness.registry import Registry
from harness.tls import Authority, Certificate, ServerTls
from harness.token_server import TokenServer

NAME = "registry.test"
NOT_TRUSTED = "certificate not trusted"


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset_at_once(writer)


class TlsCase(GuardedTest):
    def setUp(self) -> None:
        super().setUp()
        self.authority = Authority(self.folder / "tls")
        self.certs_dir = self.folder / "certs.d"
        self.certs_dir.mkdir()

    def start_daemon(self, **environment: str) -> Daemon:
        return self.new_daemon(environment=environment, fetch=FETCH | {"certs_dirs": str(self.certs_dir)}).start()

    def serve_tls(self, own: Certificate) -> tuple[Daemon, Image]:
        """A registry behind https, a daemon, and the image test:latest."""
        self.start_registry(proxy_tls=ServerTls(own))
        image = self.images.get(SPEC)
        self.push(image)
        return self.start_daemon(), image

    def host_folder(self, host: str) -> pathlib.Path:
        name, colon, port = host.partition(":")
        folder = self.certs_dir / (f"{name}_{port}_" if colon else name)
        folder.mkdir(exist_ok=True)
        return folder

    def write_hosts_toml(self, *lines: str, host: str = "") -> None:
        """hosts.toml of the registry: plain http is what loopback is spoken to with, unless this says https."""
        host = host or self.registry_host
        text = "\n".join([f'server = "https://{host}"', *lines])
        (self.host_folder(host) / "hosts.toml").write_text(text + "\n")

    def is_served(self, daemon: Daemon, image: Image, reference: str = "") -> None:
        self.mounts(daemon, image, reference or self.reference())
        self.assertGreater(len(self.wire.requests_for()), 0)
        daemon.stop()


class TrustTest(TlsCase):
    def is_refused(self, daemon: Daemon) -> None:
        self.fails_to_mount(daemon, self.reference(), programs.FAILED, f"{NOT_TRUSTED} of {self.registry_host}")
        self.assertEqual(self.wire.requests_for(), [])
        daemon.stop()

    def ca_line(self) -> str:
        return f'ca = "{self.authority.certificate}"'

    def test_an_unknown_authority(self) -> None:
        daemon, _ = self.serve_tls(self.authority.server())
        self.write_hosts_toml()
        self.is_refused(daemon)

    def test_another_authority_than_was_said(self) -> None:
        daemon, _ = self.serve_tls(self.authority.server())
        self.write_hosts_toml(f'ca = "{Authority(self.folder / "stranger").certificate}"')
        self.is_refused(daemon)

    def test_the_authority_that_was_said(self) -> None:
        daemon, image = self.serve_tls(self.authority.server())
        self.write_hosts_toml(self.ca_line())
        self.is_served(daemon, image)

    def test_an_authority_that_is_said_later(self) -> None:
        daemon, image = self.serve_tls(self.authority.server())
        self.write_hosts_toml()
        self.fails_to_mount(daemon, self.reference(), programs.FAILED, NOT_TRUSTED)
        self.write_hosts_toml(self.ca_line())
        wait_until("the new hosts.toml", lambda: self.try_to_mount(daemon, self.reference()).returncode == 0,
                   seconds=30, every=0.5)
        self.assert_equal_trees(image, self.mount_point())
        daemon.stop()

    def test_a_wrong_name(self) -> None:
        daemon, _ = self.serve_tls(self.authority.server("other", [f"DNS:{NAME}"]))
        self.write_hosts_toml(self.ca_line())
        self.is_refused(daemon)

    def test_anybody_where_that_was_said(self) -> None:
        daemon, image = self.serve_tls(Authority(self.folder / "stranger").server("other", [f"DNS:{NAME}"]))
        self.write_hosts_toml("skip_verify = true")
        self.is_served(daemon, image)

    def test_plain_http_where_https_was_said(self) -> None:
        """Nothing is sent in the clear instead."""
        self.start_registry()
        self.push(self.images.get(SPEC))
        host = self.registry.address  # the real one, which answers by what is no TLS
        self.write_hosts_toml(self.ca_line(), host=host)
        daemon = self.start_daemon()
        self.fails_to_mount(daemon, f"{host}/test:latest", programs.FAILED, f"TLS failed with {host}")
        daemon.stop()

    def test_a_token_server_of_the_same_authority(self) -> None:
        tls = ServerTls(self.authority.server())
        tokens = TokenServer(self.folder / "tokens", lifetime=60.0, tls=tls)
        self.addCleanup(tokens.stop)
        image, reference = self.serve_guarded(token_server=tokens, proxy_tls=tls)
        self.write_hosts_toml(self.ca_line())
        daemon = self.start_daemon()
        self.is_served(daemon, image, reference)
        self.assertEqual([issued.how for issued in tokens.issued], ["get-anonymous"])


class MutualTest(TlsCase):
    """The real registry, which says by a TLS alert why it hangs up. With TLS 1.3 that comes after our first request."""

    def setUp(self) -> None:
        super().setUp()
        self.image = self.images.get(SPEC)
        tls = ServerTls(self.authority.server(), self.authority.certificate)
        self.mutual = Registry(self.folder / "mutual", tls=tls, storage=self.push_openly(self.image, "test:latest"))
        self.addCleanup(self.mutual.stop)
        self.mutual_reference = f"{self.mutual.address}/test:latest"

    def start_as(self, own: Certificate | None) -> Daemon:
        client = [f'client = [["{own.certificate}", "{own.key}"]]'] if own else []
        self.write_hosts_toml(f'ca = "{self.authority.certificate}"', *client, host=self.mutual.address)
        return self.start_daemon()

    def is_refused(self, own: Certificate | None, cause: str, status: int = programs.FAILED) -> None:
        daemon = self.start_as(own)
        self.fails_to_mount(daemon, self.mutual_reference, status, cause)
        daemon.stop()

    def test_a_certificate(self) -> None:
        daemon = self.start_as(self.authority.client())
        self.mounts(daemon, self.image, self.mutual_reference)
        daemon.stop()

    def test_none(self) -> None:
        for _ in range(4):  # the alert and the end of the connection race with our request: all ways must be clear
            self.is_refused(None, f"{self.mutual.address}: .*certificate")

    def test_of_another_authority(self) -> None:
        self.is_refused(Authority(self.folder / "stranger").client(), f"{self.mutual.address}: .*(certificate|unknown ca)")

    def test_a_server_that_hangs_up_before_our_first_frame(self) -> None:
        """As one does that refuses us, when the end of the connection overtakes its alert."""
        tls = ServerTls(self.authority.server()).context()
        tls.set_alpn_protocols(["h2"])
        rude = LoopbackServer("rude", hang_up, tls)
        self.addCleanup(rude.stop)
        host = f"127.0.0.1:{rude.port}"
        self.write_hosts_toml(f'ca = "{self.authority.certificate}"', host=host)
        daemon = self.start_daemon()
        for _ in range(4):  # which of our calls the reset meets is a matter of chance
            self.fails_to_mount(daemon, f"{host}/test:latest", programs.FAILED, f"{host}: .*may want a client certificate")
        daemon.stop()

    def test_a_key_of_another(self) -> None:
        mixed = Certificate(self.authority.client("one").certificate, self.authority.client("two").key)
        self.is_refused(mixed, f"our client certificate cannot be used for {self.mutual.address}")

    def test_a_key_that_is_not_there(self) -> None:
        gone = Certificate(self.authority.client().certificate, self.folder / "nowhere.key")
        self.is_refused(gone, str(gone.key), programs.NOT_FOUND)


class ProxyTest(TlsCase):
    """Through the proxy of the environment to a registry with a name, with docker's layout: HOST/ca.crt and no hosts.toml."""

    def serve_by_proxy(self, host: str, own: Certificate, **environment: str) -> tuple[Daemon, Image]:
        """`host` leads to the registry, for those who ask the proxy. "PORT" in it is the registry's."""
        self.start_registry(proxy_tls=ServerTls(own))
        image = self.images.get(SPEC)
        self.push(image)
        self.host = host.replace("PORT", str(self.proxy.port))
        name = self.host if ":" in self.host else f"{self.host}:443"
        self.way = ConnectProxy({name: self.proxy.port})
        self.addCleanup(self.way.stop)
        return self.start_daemon(**{"HTTPS_PROXY": self.way.url} | environment), image

    def trust(self) -> None:
        (self.host_folder(self.host) / "ca.crt").write_text(self.authority.certificate.read_text())

    def test_by_name(self) -> None:
        daemon, image = self.serve_by_proxy(NAME, self.authority.server("named", [f"DNS:{NAME}"]))
        self.trust()
        self.is_served(daemon, image, f"{NAME}/test:latest")
        self.assertEqual(set(self.way.asked), {f"{NAME}:443"})

    def test_by_name_without_the_authority(self) -> None:
        daemon, _ = self.serve_by_proxy(NAME, self.authority.server("named", [f"DNS:{NAME}"]))
        self.fails_to_mount(daemon, f"{NAME}/test:latest", programs.FAILED, f"{NOT_TRUSTED} of {NAME}")
        daemon.stop()

    def test_a_proxy_that_refuses(self) -> None:
        daemon, _ = self.serve_by_proxy(NAME, self.authority.server("named", [f"DNS:{NAME}"]))
        self.fails_to_mount(daemon, "elsewhere.test/test:latest", programs.FAILED, "elsewhere.test.*502")
        self.assertEqual(set(self.way.asked), {"elsewhere.test:443"})
        daemon.stop()

    def serve_this_host(self, **environment: str) -> tuple[Daemon, Image]:
        """By 0.0.0.0, which leads to this host as loopback does, but is not exempt from proxies."""
        served = self.serve_by_proxy("0.0.0.0:PORT", self.authority.server("this-host", ["IP:0.0.0.0"]), **environment)
        self.trust()
        return served

    def test_an_address(self) -> None:
        daemon, image = self.serve_this_host()
        self.is_served(daemon, image, f"{self.host}/test:latest")
        self.assertEqual(set(self.way.asked), {self.host})

    def test_not_for_whom_no_proxy_names(self) -> None:
        daemon, image = self.serve_this_host(NO_PROXY="localhost,0.0.0.0")
        self.is_served(daemon, image, f"{self.host}/test:latest")
        self.assertEqual(self.way.asked, [])

    def test_not_for_loopback(self) -> None:
        daemon, image = self.serve_by_proxy("127.0.0.1:PORT", self.authority.server())
        self.write_hosts_toml(f'ca = "{self.authority.certificate}"')
        self.is_served(daemon, image)
        self.assertEqual(self.way.asked, [])
