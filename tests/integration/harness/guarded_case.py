"""The base of tests of credentials: a registry that wants some, in front of an image that was pushed while it wanted none."""
import base64
import json
import pathlib
import subprocess

from . import programs
from .case import IntegrationTest
from .daemon import Daemon
from .fault_proxy import FaultProxy
from .images import Image
from .registry import Registry
from .tls import ServerTls
from .token_server import TokenServer
from .trees import TreeSpec

USER = ("somebody", "pass:word")
SPEC = TreeSpec(seed=4, files=20, big_bytes=4 << 20)
FETCH = {"connect_timeout": "1s", "stall_timeout": "1s", "failure_memory": "100ms"}


def basic(user: tuple[str, str]) -> str:
    """What `auth` in a config.json is, and what follows `Basic` in a header."""
    return base64.b64encode(":".join(user).encode()).decode()


def readable(path: pathlib.Path) -> bool:
    """Whether all of the file can be read now."""
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


class GuardedTest(IntegrationTest):
    def start_tokens(self, **options: object) -> TokenServer:
        """Makes self.tokens, and self.token_proxy, which is the token server that the registry knows of."""
        self.tokens = TokenServer(self.folder / "tokens", **options)
        self.addCleanup(self.tokens.stop)
        self.token_proxy = FaultProxy(self.tokens.host, self.tokens.port)
        self.addCleanup(self.token_proxy.stop)
        self.tokens.realm = f"{self.token_proxy.origin}/token"
        return self.tokens

    def serve_guarded(self, spec: TreeSpec = SPEC, user: tuple[str, str] | None = None, token_server: TokenServer | None = None,
                      proxy_tls: ServerTls | None = None, name: str = "private:latest") -> tuple[Image, str]:
        """The image behind a registry that wants `user`, or tokens: (image, its reference)."""
        image = self.images.get(spec)
        storage = self.push_openly(image, name)
        self.start_registry(user, token_server, proxy_tls, storage)
        return image, self.reference(name)

    def push_openly(self, image: Image, name: str) -> pathlib.Path:
        """The storage of a registry that has the image, and has ended."""
        storage = self.folder / f"storage-{self._registries}"
        open_registry = Registry(storage / "open", storage=storage)
        try:
            programs.run([programs.LACUNA_IMAGE, "push", image.bootstrap, image.device, f"{open_registry.address}/{name}"])
        finally:
            open_registry.stop()
        return storage

    @property
    def registry_host(self) -> str:
        """The registry's host as in a reference."""
        return f"127.0.0.1:{self.proxy.port}"

    def write_docker_config(self, path: pathlib.Path | None = None, **content: object) -> None:
        (path or self.docker_config / "config.json").write_text(json.dumps(content))

    def log_in(self, user: tuple[str, str] = USER, path: pathlib.Path | None = None) -> None:
        """What `docker login` writes."""
        self.write_docker_config(path, auths={self.registry_host: {"auth": basic(user)}})

    def try_to_mount(self, daemon: Daemon, reference: str, *flags: str) -> subprocess.CompletedProcess[str]:
        self.mount_point().mkdir(exist_ok=True)
        return daemon.ctl("mount", *flags, reference, self.mount_point(), check=False)

    def fails_to_mount(self, daemon: Daemon, reference: str, status: int, message: str, *flags: str) -> str:
        """Mounts in vain; returns what lacunactl said."""
        done = self.try_to_mount(daemon, reference, *flags)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr, rf"^lacunactl: mount {reference}: ")
        self.assertRegex(done.stderr, message)
        self.assertFalse(self.mount_point().is_mount())
        return done.stderr

    def mounts(self, daemon: Daemon, image: Image, reference: str, *flags: str) -> pathlib.Path:
        """Mounts, and compares every byte."""
        mounted = daemon.mount(reference, self.mount_point(), *flags)
        self.assert_equal_trees(image, mounted)
        return mounted
