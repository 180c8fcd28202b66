"""Caching mirrors of a registry in hosts.toml: nginx that keeps slices, and docker-registry as a pull-through cache."""
import pathlib
import shutil

from harness.case import BLOBS, IntegrationTest
from harness.daemon import Daemon
from harness.hosts_toml import HostsToml
from harness.images import Image
from harness.nginx import SLICE_BYTES, Nginx
from harness.process import wait_until
from harness.registry import Registry
from harness.trees import TreeSpec
from harness.wire_case import Server

SPEC = TreeSpec(seed=9, files=60, big_bytes=16 << 20)


class CachingMirrorTest(IntegrationTest):
    def start_origin(self) -> Image:
        """A registry with an image; what a mirror asks of it is in self.wire."""
        self.start_registry()
        image = self.images.get(SPEC)
        self.push(image)
        return image

    def name_mirror(self, mirror: Server) -> None:
        """References name the registry itself, not by way of self.proxy: so what is on the wire was asked by the mirror."""
        self.addCleanup(mirror.stop)
        self.hosts = HostsToml(self.folder / "certs", self.registry.host, self.registry.port)
        self.hosts.write(f"http://127.0.0.1:{mirror.port}")

    def mount(self, name: str) -> tuple[Daemon, pathlib.Path]:
        """In a daemon of its own, with an empty cache."""
        daemon = self.new_daemon(fetch={"certs_dirs": str(self.hosts.certs_dir)}).start()
        return daemon, daemon.mount(f"{self.registry.address}/test:latest", self.mount_point(name))

    def check_whole(self, daemon: Daemon, image: Image, mounted: pathlib.Path) -> None:
        self.assert_equal_trees(image, mounted)
        self.assertEqual(daemon.status()["errors"], 0)
        daemon.stop()


class NginxTest(CachingMirrorTest):
    def setUp(self) -> None:
        super().setUp()
        if not shutil.which("nginx"):
            self.skipTest("needs nginx")
        self.image = self.start_origin()
        self.name_mirror(Nginx(self.folder / "nginx", self.proxy.origin))

    def slices(self) -> int:
        return sum(-(-blob.stat().st_size // SLICE_BYTES) for blob in (self.image.bootstrap, self.image.device))

    def test_each_slice_is_asked_of_the_origin_once(self) -> None:
        for name in ("one", "another"):
            daemon, mounted = self.mount(name)
            self.assertGreater(daemon.status()["requests"]["206"], 0)
            self.check_whole(daemon, self.image, mounted)
            asked = self.wire.count_by_range(BLOBS)
            self.assertEqual(set(asked.values()), {1}, asked)
            self.assertLessEqual(len(asked), self.slices())

    def test_a_second_daemon_asks_nothing_of_the_origin_for_what_the_first_prefetched(self) -> None:
        daemon, mounted = self.mount("one")
        daemon.ctl("prefetch", "--wait", "--all", f"{self.registry.address}/test:latest")
        self.check_whole(daemon, self.image, mounted)
        self.assertEqual(len(self.wire.requests_for(BLOBS)), self.slices())
        self.wire.clear()
        daemon, mounted = self.mount("another")
        self.check_whole(daemon, self.image, mounted)
        self.assertEqual(self.wire.requests_for(BLOBS), [])

    def test_many_readers_at_once(self) -> None:
        daemon, mounted = self.mount("one")
        found = self.finish_readers(self.start_readers("compare", 1, 32, 30, f"{self.image.tree}={mounted}"))
        self.assertEqual(found["wrong"], [])
        self.assertEqual(set(self.wire.count_by_range(BLOBS).values()), {1})
        self.check_whole(daemon, self.image, mounted)

    def test_an_origin_that_is_gone_is_not_missed(self) -> None:
        daemon, mounted = self.mount("one")
        self.check_whole(daemon, self.image, mounted)
        self.wire.settle()
        second, mounted = self.mount("another")
        self.proxy.vanish()
        self.check_whole(second, self.image, mounted)


class PullThroughTest(CachingMirrorTest):
    def setUp(self) -> None:
        super().setUp()
        self.image = self.start_origin()
        self.name_mirror(Registry(self.folder / "cache", proxy_of=self.proxy.origin))

    def test_a_second_daemon_asks_nothing_more_of_the_origin(self) -> None:
        """docker-registry answers with all of a blob as long as it has not stored it; that does, if with bytes to spare."""
        daemon, mounted = self.mount("one")
        self.check_whole(daemon, self.image, mounted)
        wait_until("the blobs to be stored", self.all_stored)
        self.wire.settle(BLOBS)
        self.wire.clear()
        daemon, mounted = self.mount("another")
        self.assertGreater(daemon.status()["requests"]["206"], 0)
        self.check_whole(daemon, self.image, mounted)
        self.assertEqual(self.wire.requests_for(BLOBS), [])

    def all_stored(self) -> bool:
        sizes = {path.stat().st_size for path in (self.folder / "cache" / "storage").rglob("blobs/**/data")}
        return {blob.stat().st_size for blob in (self.image.bootstrap, self.image.device)} <= sizes
