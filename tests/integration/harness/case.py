"""The base of the integration tests: a folder on a real disk, a registry with its proxy, images, daemons; all gone afterwards."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from collections.abc import Mapping

from . import leftovers, programs
from .daemon import Daemon
from .fault_proxy import FaultProxy
from .gate import Gate
from .images import Image, ImageCache
from .registry import Registry
from .request_log import RequestLog
from .tls import ServerTls
from .token_server import TokenServer
from .trees import TreeSpec, differences

USERS_SETTINGS = ("REGISTRY_AUTH_FILE", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy",
                  "NO_PROXY", "no_proxy")
READERS = str(pathlib.Path(__file__).parents[1] / "readers.py")
BLOBS = "/blobs/"  # what the paths of blobs have in them
MANIFESTS = "/manifests/"


class IntegrationTest(unittest.TestCase):
    longMessage = True
    maxDiff = 4000

    def setUp(self) -> None:
        if reason := programs.why_not_here():
            self.skipTest(reason)
        # On a disk: backing files are refused on tmpfs, and /tmp may be one.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lacuna-test-", dir=os.environ.get("TMPDIR", "/var/tmp")))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(leftovers.detach_all_below, self.folder)
        self._keep_out_the_users_settings()
        self.images = ImageCache(programs.IMAGES)
        self._registries = 0
        self._daemons = 0

    def _keep_out_the_users_settings(self) -> None:
        """A docker login or a proxy of whoever runs the tests must not matter to the programs under test."""
        home = pathlib.Path(tempfile.mkdtemp(prefix="lacuna-home-"))  # not in self.folder: some tests find nothing left there
        self.addCleanup(shutil.rmtree, home)
        self.docker_config = home / ".docker"
        self.docker_config.mkdir()
        patched = unittest.mock.patch.dict(
            os.environ, {"HOME": str(self.docker_config.parent), "DOCKER_CONFIG": str(self.docker_config)})
        patched.start()
        self.addCleanup(patched.stop)
        for name in USERS_SETTINGS:
            os.environ.pop(name, None)

    def start_registry(self, user: tuple[str, str] | None = None, token_server: TokenServer | None = None,
                       proxy_tls: ServerTls | None = None, storage: pathlib.Path | None = None, web_host: str | None = None) -> None:
        """Makes self.registry and, in front of it, self.proxy, whose log is self.wire; `proxy_tls`, `web_host`: as FaultProxy has them."""
        self._registries += 1
        self.registry = Registry(self.folder / f"registry-{self._registries}", user, token_server, storage=storage)
        self.addCleanup(self.registry.stop)
        self.proxy = FaultProxy(self.registry.host, self.registry.port, proxy_tls, web_host)
        self.addCleanup(self.proxy.stop)

    @property
    def wire(self) -> RequestLog:
        return self.proxy.log

    def push(self, image: Image, name: str = "test:latest", *flags: str) -> str:
        """Pushes past the proxy; returns the reference through it."""
        programs.run([programs.LACUNA_IMAGE, "push", *flags, image.bootstrap, image.device, f"{self.registry.address}/{name}"])
        return self.reference(name)

    def reference(self, name: str = "test:latest") -> str:
        host = self.proxy.host if self.proxy.port == 80 else f"{self.proxy.host}:{self.proxy.port}"
        return f"{host}/{name}"

    def new_daemon(self, root: pathlib.Path | None = None, environment: Mapping[str, str] | None = None,
                   **config: dict[str, object]) -> Daemon:
        self._daemons += 1
        config = {"log": {"level": "debug"}} | config
        daemon = Daemon(self.folder / f"daemon-{self._daemons}", root, environment, **config)
        self.addCleanup(self._finish, daemon)
        return daemon

    def serve(self, spec: TreeSpec = TreeSpec(), **config: dict[str, object]) -> tuple[Daemon, Image, str]:
        """A registry with one image behind a proxy, and a daemon that runs: (daemon, image, its reference)."""
        self.start_registry()
        image = self.images.get(spec)
        reference = self.push(image)
        return self.new_daemon(**config).start(), image, reference

    def mount_point(self, name: str = "mnt") -> pathlib.Path:
        return self.folder / name

    def start_readers(self, *arguments: object) -> subprocess.Popen[str]:
        """A process of readers.py."""
        command = [sys.executable, READERS, *map(str, arguments)]
        readers = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addCleanup(readers.stdout.close)
        self.addCleanup(readers.kill)
        return readers

    def finish_readers(self, readers: subprocess.Popen[str]) -> dict:
        """What the readers found."""
        output, _ = readers.communicate(timeout=120)
        self.assertEqual(readers.returncode, 0)
        return json.loads(output)

    def closed_gate(self) -> Gate:
        """No blob comes until it is opened, or the test is over."""
        gate = Gate()
        injected = self.proxy.inject(gate, BLOBS)
        injected.__enter__()
        self.addCleanup(injected.__exit__, None, None, None)
        return gate

    def assert_equal_trees(self, image: Image, mounted: pathlib.Path) -> None:
        self.assertEqual(differences(image.tree, mounted), [])

    def _finish(self, daemon: Daemon) -> None:
        daemon.clean_up()
        if daemon.process and self._failed():
            print(f"---- log of {daemon.process.log_path.name}\n{daemon.process.log()[-20000:]}")

    def _failed(self) -> bool:
        errors = self._outcome.result.failures + self._outcome.result.errors
        return not self._outcome.success or any(test is self for test, _ in errors)
