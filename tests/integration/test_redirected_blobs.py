"""A registry before an object store: each blob is redirected once, to a signed URL, for as long as that holds; its end, and the
store's, are no reason for an error, and no credentials go there."""
import base64
import concurrent.futures
import errno
import os
import pathlib
import time

from harness import faults
from harness.blob_store import BlobStore
from harness.case import BLOBS, MANIFESTS, IntegrationTest
from harness.daemon import Daemon
from harness.images import Image
from harness.trees import TreeSpec

SPEC = TreeSpec(seed=8, files=40, big_bytes=12 << 20)
FETCH = {"stall_timeout": "1s", "connect_timeout": "1s", "failure_memory": "100ms"}
USER = ("somebody", "pass:word")
BASIC = "Basic " + base64.b64encode(":".join(USER).encode()).decode()


class RedirectedBlobsTest(IntegrationTest):
    def mounted(self, lifetime: float = 60, expired_status: int = 403, **fetch: object) -> tuple[Daemon, Image, pathlib.Path]:
        """An image of a registry that wants credentials, and redirects; one chunk of its device has been read."""
        self.start_registry(USER)
        image = self.images.get(SPEC)
        reference = self.push(image, "private:latest", "--dest-creds", ":".join(USER))
        self.store = BlobStore(self.registry.host, self.registry.port, expired_status=expired_status,
                               authorization=lambda: BASIC)
        self.addCleanup(self.store.stop)
        rule = self.proxy.inject(faults.RedirectBlobs(self.store, lifetime))
        rule.__enter__()
        self.addCleanup(rule.__exit__, None, None, None)
        daemon = self.new_daemon(fetch=FETCH | fetch).start()
        mounted = daemon.mount(reference, self.mount_point(), "--creds", ":".join(USER))
        self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
        return daemon, image, mounted

    def redirects(self) -> list[str]:
        return [r.path for r in self.wire.requests_for(BLOBS) if r.status == 307]

    def finish_without_errors(self, daemon: Daemon, image: Image, mounted: pathlib.Path) -> None:
        self.assert_equal_trees(image, mounted)
        self.assertEqual(daemon.status()["errors"], 0)
        self.assertEqual(self.store.leaks, [])
        self.assertEqual(self.wire.bytes_for(BLOBS), 0, "bytes that did not come from the store")
        daemon.stop()

    def test_one_redirect_for_each_blob(self) -> None:
        daemon, image, mounted = self.mounted()
        self.assert_equal_trees(image, mounted)
        self.assertEqual(len(self.redirects()), 2, "one for the bootstrap, one for the device")
        self.assertEqual(len(set(self.redirects())), 2)
        self.assertGreater(len(self.store.log.requests_for(BLOBS)), 10)
        self.assertEqual(self.store.log.overlapping_ranges(BLOBS), [])
        self.finish_without_errors(daemon, image, mounted)

    def test_a_prefetch_goes_where_the_readers_went(self) -> None:
        daemon, image, mounted = self.mounted(prefetch_connections=4)
        self.wire.clear()
        daemon.ctl("prefetch", "--wait", "--all", f"127.0.0.1:{self.proxy.port}/private:latest")
        self.assertEqual(self.redirects(), [], "where the device is was known")
        self.finish_without_errors(daemon, image, mounted)

    def check_expired(self, expired_status: int) -> None:
        daemon, image, mounted = self.mounted(expired_status=expired_status)
        before = len(self.redirects())
        with (mounted / "big").open("rb", buffering=0) as big, (image.tree / "big").open("rb") as original:
            for offset in (4 << 20, 2 << 20, 0):  # backwards: nothing of it was read ahead
                self.store.expire_all()
                self.assertEqual(os.pread(big.fileno(), 2 << 20, offset), os.pread(original.fileno(), 2 << 20, offset))
        refused = [r for r in self.store.log.requests_for(BLOBS) if r.status == expired_status]
        self.assertGreaterEqual(len(refused), 3)
        self.assertGreaterEqual(len(self.redirects()), before + 3)
        # The kernel reads ahead: what it asks for at once finds out at once, each for itself.
        self.assertLessEqual(len(self.redirects()), before + 3 * 6)
        self.finish_without_errors(daemon, image, mounted)

    def test_expired_urls_are_refused_with_403(self) -> None:
        self.check_expired(403)

    def test_expired_urls_are_refused_with_404(self) -> None:
        self.check_expired(404)

    def test_urls_expire_while_many_read(self) -> None:
        daemon, image, mounted = self.mounted()
        readers = self.start_readers("compare", 1, 16, 40, f"{image.tree}={mounted}")
        while readers.poll() is None:
            self.store.expire_all()
            time.sleep(0.1)
        self.assertEqual(self.finish_readers(readers)["wrong"], [])
        self.finish_without_errors(daemon, image, mounted)

    def test_urls_that_hold_for_a_moment_only(self) -> None:
        daemon, image, mounted = self.mounted(lifetime=0.3)
        with self.proxy.inject(faults.Delay(0.05), BLOBS):
            self.finish_without_errors(daemon, image, mounted)

    def test_a_store_that_is_dead_and_lives_again(self) -> None:
        daemon, image, mounted = self.mounted(read_deadline="2s")
        self.store.vanish()
        started = time.monotonic()
        with self.assertRaises(OSError) as caught:
            (mounted / "big").read_bytes()
        self.assertEqual(caught.exception.errno, errno.EIO)
        self.assertLess(time.monotonic() - started, 2 * 1.2 + 1)
        self.store.resume()
        daemon.forget_failures()
        self.assert_equal_trees(image, mounted)
        self.assertEqual(self.store.leaks, [])
        daemon.stop()

    def test_a_store_that_lives_again_while_a_reader_waits(self) -> None:
        daemon, image, mounted = self.mounted(read_deadline="10s")
        self.store.vanish()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            read = pool.submit((mounted / "big").read_bytes)
            time.sleep(1)
            self.assertFalse(read.done())
            self.store.resume()
            self.assertEqual(read.result(), (image.tree / "big").read_bytes())
        self.finish_without_errors(daemon, image, mounted)

    def test_a_registry_that_is_dead_does_not_matter_while_the_urls_hold(self) -> None:
        daemon, image, mounted = self.mounted()
        self.proxy.vanish()
        self.finish_without_errors(daemon, image, mounted)

    def check_registry_left_alone(self, fault: faults.Fault) -> None:
        """Who is sent to the store already needs nothing of the registry, whatever that says to others."""
        daemon, image, mounted = self.mounted(read_deadline="5s")
        with self.proxy.inject(fault, MANIFESTS), self.proxy.inject(fault, MANIFESTS, method="HEAD"):
            other = daemon.ctl("mount", f"127.0.0.1:{self.proxy.port}/private:latest", self.folder, check=False)
            self.assertNotEqual(other.returncode, 0)
            self.finish_without_errors(daemon, image, mounted)

    def test_a_registry_that_asks_others_for_time_does_not_hold_up_what_is_at_the_store(self) -> None:
        self.check_registry_left_alone(faults.Answer(429, retry_after=60))

    def test_a_registry_that_fails_others_does_not_hold_up_what_is_at_the_store(self) -> None:
        self.check_registry_left_alone(faults.Answer(503))
