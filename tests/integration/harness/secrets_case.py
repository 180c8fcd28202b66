"""The base of the test of secrets: servers of every kind with all that they want to be shown, each of it planted."""
import contextlib
import pathlib
import stat
import subprocess
from typing import TypeVar

from . import faults
from .blob_store import BlobStore
from .connect_proxy import ConnectProxy
from .fault_proxy import FaultProxy
from .guarded_case import FETCH, SPEC, GuardedTest, basic
from .planted_secrets import PlantedSecrets
from .process import wait_until
from .registry import Registry
from .tls import Authority, ServerTls
from .token_server import TokenServer
from .wire_case import Server

AnyServer = TypeVar("AnyServer", bound=Server)
NAME = "private:latest"
HEADER = "X-Secret"


class SecretsCase(GuardedTest):
    """A daemon that knows secrets of every kind, and servers that want them; what was run says so to `heard`."""

    def setUp(self) -> None:
        super().setUp()
        self.planted = PlantedSecrets()
        self.said: list[tuple[str, str]] = []  # what was run, without what it was given, and what it printed
        self.image = self.images.get(SPEC)
        self.storage = self.push_openly(self.image, NAME)
        self.mounts_made = 0
        self.start_token_registry()
        self.start_password_registry()
        self.write_settings()
        # The proxy's own password is in its URL, where people have it.
        self.way = ConnectProxy()
        self.addCleanup(self.way.stop)
        way = self.way.url.replace("//", f"//proxy-user:{self.proxy_password}@")
        self.server = self.new_daemon(environment={"HTTPS_PROXY": way, "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin"},
                                      fetch=FETCH | {"certs_dirs": str(self.certs_dir), "read_deadline": "2s"})

    def served(self, server: AnyServer) -> AnyServer:
        """The server, which stops with the test."""
        self.addCleanup(server.stop)
        return server

    def start_token_registry(self) -> None:
        """https with client certificates, a header of its own, tokens for an identity token, blobs elsewhere."""
        authority = Authority(self.folder / "tls")
        self.authority, self.client = authority, authority.client()
        self.planted.add_pem("the client's key", self.client.key)
        own = authority.server()
        self.identity_token = self.planted.new("the identity token")
        self.tokens = self.served(TokenServer(self.folder / "tokens", refresh_tokens=[self.identity_token], lifetime=20.0,
                                              anonymous_pull=False))
        self.token_proxy = self.served(FaultProxy(self.tokens.host, self.tokens.port, ServerTls(own)))
        self.tokens.realm = f"{self.token_proxy.origin}/token"
        registry = self.served(Registry(self.folder / "by-token", token_server=self.tokens, storage=self.storage))
        self.by_token = self.served(FaultProxy(registry.host, registry.port, ServerTls(own, authority.certificate)))
        self.store = self.served(BlobStore(registry.host, registry.port, ServerTls(own), secret_header=HEADER,
                                           authorization=self.store_authorization))
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        stack.enter_context(self.by_token.inject(faults.RedirectBlobs(self.store)))

    def store_authorization(self) -> str:
        token = self.tokens.token("repository:private:pull")
        self.planted.add("the blob store's own token", token)
        return f"Bearer {token}"

    def start_password_registry(self) -> None:
        """One registry by three names: the password comes from config.json, from a helper, or from --creds."""
        self.user = ("somebody", self.planted.new("the password"))
        self.planted.add_user("the password", self.user)
        registry = self.served(Registry(self.folder / "by-password", self.user, storage=self.storage))
        self.by_config, self.by_helper, self.by_creds = (self.served(FaultProxy(registry.host, registry.port)) for _ in range(3))
        self.wrong_user = ("somebody", self.planted.new("the wrong password"))
        self.planted.add_user("the wrong password", self.wrong_user)
        self.proxy_password = self.planted.new("the proxy's password").replace(":/+%", "")
        self.planted.add_user("the proxy's password", ("proxy-user", self.proxy_password))

    def write_settings(self) -> None:
        self.header = self.planted.new("the header")
        self.said_by_helper = self.planted.new("what the helper said")
        self.certs_dir = self.folder / "certs.d"
        self.host_folder = self.certs_dir / f"127.0.0.1_{self.by_token.port}_"
        self.host_folder.mkdir(parents=True)
        (self.folder / "bin").mkdir()
        self.mend()

    def mend(self) -> None:
        """Everything as it should be."""
        (self.host_folder / "hosts.toml").write_text(
            f'server = "{self.by_token.origin}"\nca = "{self.authority.certificate}"\n'
            f'client = [["{self.client.certificate}", "{self.client.key}"]]\n[header]\n{HEADER} = "{self.header}"\n')
        self.write_docker_config(auths={f"127.0.0.1:{self.by_token.port}": {"identitytoken": self.identity_token},
                                        f"127.0.0.1:{self.by_config.port}": {"auth": basic(self.user)}},
                                 credHelpers={f"127.0.0.1:{self.by_helper.port}": "test"})
        self.write_helper(f"printf '%s' '{{\"Username\": \"{self.user[0]}\", \"Secret\": \"{self.user[1]}\"}}'")

    def write_helper(self, *lines: str) -> None:
        """One that takes long enough to be seen while it runs."""
        helper = self.folder / "bin" / "docker-credential-test"
        helper.write_text("\n".join(["#!/bin/sh", f"echo '{self.said_by_helper}' >&2", "sleep 0.05", *lines]) + "\n")
        helper.chmod(stat.S_IRWXU)

    def mount(self, proxy: FaultProxy, *flags: str, works: bool, patiently: bool = False) -> pathlib.Path:
        """Mounts somewhere new. `patiently`: again and again, because servers that failed are left alone for a while."""
        point = self.mount_point(f"mnt-{self.mounts_made}")
        self.mounts_made += 1
        point.mkdir()

        def try_it() -> bool:
            done = self.server.ctl("mount", *flags, f"127.0.0.1:{proxy.port}/{NAME}", point, check=False)
            self.heard(f"lacunactl mount, number {self.mounts_made}", done)
            return done.returncode == 0

        if patiently:
            wait_until(f"a mount: {self.said}", try_it, seconds=30, every=0.5)
        else:
            self.assertEqual(try_it(), works, self.said[-1])
        return point

    def restart(self) -> None:
        """So that nothing is known any more, and no server is left alone. Everything that was said stays on record."""
        self.server.ctl("umount", "-l", "--all")
        self.said.append(("an earlier lacunad", self.server.process.log()))
        self.server.stop()
        self.server.start()

    def heard(self, what: str, done: subprocess.CompletedProcess[str]) -> None:
        self.said.append((what, done.stdout + done.stderr))
