"""What a registry can do wrong: what passes is not noticed, what lasts ends a mount with the reason and a read with EIO by its
deadline, and nothing wrong is ever kept."""
import concurrent.futures
import contextlib
import errno
import http.client
import pathlib
import time
from collections.abc import Callable, Iterator

from harness import faults, programs
from harness.case import BLOBS, MANIFESTS, IntegrationTest
from harness.daemon import Daemon
from harness.images import Image
from harness.process import wait_until
from harness.trees import TreeSpec

DEADLINE_SECONDS = 2.0
FETCH = {"read_deadline": f"{DEADLINE_SECONDS:.0f}s", "failure_memory": "100ms", "connect_timeout": "1s", "stall_timeout": "1s"}
SPEC = TreeSpec(seed=4, files=20, big_bytes=4 << 20)
REFUSED = faults.Answer(401, [("WWW-Authenticate", 'Basic realm="test"')])
PASSING = [faults.Answer(500), faults.Answer(503), faults.Answer(429), faults.Reset(), faults.Close(), faults.Reset(after=100),
           faults.Truncate(after=100)]
LOG_IN = r"; mount with --creds USER\[:PASSWORD\], or log in: docker login 127\.0\.0\.1:\d+$"


class MountFaultTest(IntegrationTest):
    """Faults that `lacunactl mount` meets. Each leaves nothing behind that a later mount would trip over."""

    def check(self, fault: faults.Fault, path: str, status: int, message: str) -> None:
        daemon, image, reference = self.serve(SPEC, fetch=FETCH)
        with self.proxy.inject(fault, path), self.proxy.inject(fault, path, method="HEAD"):
            self.fails_to_mount(daemon, reference, status, message)
        self.assert_equal_trees(image, daemon.mount(reference, self.mount_point()))
        daemon.stop()

    def fails_to_mount(self, daemon: Daemon, reference: str, status: int, message: str) -> None:
        self.mount_point().mkdir(exist_ok=True)
        done = daemon.ctl("mount", reference, self.mount_point(), check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr, rf"^lacunactl: mount {reference}: ")
        self.assertRegex(done.stderr, message)
        self.assertEqual(done.stdout, "")
        self.assertEqual(daemon.ctl_json("mounts", "ls")["mounts"], [])
        self.assertFalse(self.mount_point().is_mount())

    def test_no_such_image(self) -> None:
        daemon, _, reference = self.serve(SPEC, fetch=FETCH)
        self.fails_to_mount(daemon, reference + "-other", programs.NOT_FOUND, "404|not found")
        daemon.stop()

    def test_registry_gone(self) -> None:
        daemon, image, reference = self.serve(SPEC, fetch=FETCH)
        self.proxy.vanish()
        self.fails_to_mount(daemon, reference, programs.FAILED, f"127.0.0.1:{self.proxy.port}.*|connect")
        self.proxy.resume()
        self.assert_equal_trees(image, daemon.mount(reference, self.mount_point()))
        daemon.stop()

    def test_manifest_404(self) -> None:
        self.check(faults.Answer(404), MANIFESTS, programs.NOT_FOUND, "404|not found")

    def test_manifest_401(self) -> None:
        self.check(REFUSED, MANIFESTS, programs.AUTHENTICATION, LOG_IN)

    def test_manifest_500(self) -> None:
        self.check(faults.Answer(500), MANIFESTS, programs.FAILED, "500")

    def test_manifest_never_answered(self) -> None:
        self.check(faults.Hang(), MANIFESTS, programs.TIMEOUT, "answer|time|stall")

    def test_manifest_of_another_digest(self) -> None:
        daemon, image, reference = self.serve(SPEC, fetch=FETCH)
        daemon.mount(reference, self.mount_point())
        digest = daemon.ctl_json("mounts", "ls")["mounts"][0]["manifest_digest"]
        daemon.ctl("umount", self.mount_point())
        pinned = f"{reference.rpartition(':')[0]}@{digest}"
        with self.proxy.inject(faults.Corrupt(20), MANIFESTS):
            self.fails_to_mount(daemon, pinned, programs.INTEGRITY, digest)
        daemon.stop()

    def test_manifest_truncated(self) -> None:
        self.check(faults.Truncate(100), MANIFESTS, programs.FAILED, ".")

    def test_blob_404(self) -> None:
        self.check(faults.Answer(404), BLOBS, programs.NOT_FOUND, "404|not found")

    def test_blob_401(self) -> None:
        self.check(REFUSED, BLOBS, programs.AUTHENTICATION, LOG_IN)

    def test_blob_500(self) -> None:
        self.check(faults.Answer(500), BLOBS, programs.FAILED, "500")

    def test_blob_never_answered(self) -> None:
        started = time.monotonic()
        self.check(faults.Hang(), BLOBS, programs.TIMEOUT, ".")
        self.assertLess(time.monotonic() - started, 15)

    def test_bootstrap_of_another_digest(self) -> None:
        self.check(faults.Corrupt(1030), BLOBS, programs.INTEGRITY, "sha256:")

    def test_bootstrap_truncated(self) -> None:
        self.check(faults.Truncate(1000), BLOBS, programs.FAILED, ".")


    def get_over(self, path: str, passing: list[faults.Fault]) -> None:
        """Each fault, twice in a row, is tried through: nobody has to mount again."""
        self.start_registry()
        image = self.images.get(SPEC)
        reference = self.push(image)
        for number, fault in enumerate(passing):
            daemon = self.new_daemon(fetch={"stall_timeout": "500ms"}).start()  # which has nothing yet
            with self.proxy.inject(fault, path, times=2) as rule, self.proxy.inject(fault, path, method="HEAD", times=2):
                mounted = daemon.mount(reference, self.mount_point(f"mnt{number}"))
                self.assertEqual(rule.times, 0, f"{fault} was not met")
            self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
            daemon.stop()

    def test_a_manifest_that_comes_at_the_third_attempt(self) -> None:
        self.get_over(MANIFESTS, PASSING)

    def test_a_manifest_that_is_right_at_the_third_attempt(self) -> None:
        self.get_over(MANIFESTS, [faults.Corrupt(20)])

    def test_a_bootstrap_that_comes_at_the_third_attempt(self) -> None:
        self.get_over(BLOBS, PASSING)


class ReadFaultTest(IntegrationTest):
    """Faults that last while a reader waits: EIO by the deadline, the right bytes once they are lifted."""

    alone = True

    def mounted(self) -> tuple[Daemon, Image, pathlib.Path]:
        daemon, image, reference = self.serve(SPEC, fetch=FETCH)
        mounted = daemon.mount(reference, self.mount_point())
        (mounted / "big").stat()
        self.wire.clear()
        return daemon, image, mounted

    def reads_eio(self, path: pathlib.Path) -> None:
        started = time.monotonic()
        with self.assertRaises(OSError) as caught:
            path.read_bytes()
        self.assertEqual(caught.exception.errno, errno.EIO)
        self.assertLess(time.monotonic() - started, 1.2 * DEADLINE_SECONDS)

    def check(self, fault: faults.Fault) -> None:
        daemon, image, mounted = self.mounted()
        with self.proxy.inject(fault, BLOBS):
            self.reads_eio(mounted / "big")
            self.assertGreater(len(self.wire.requests_for(BLOBS)), 0)
        self.assertGreater(daemon.status()["errors"], 0)
        daemon.forget_failures()
        self.assert_equal_trees(image, mounted)
        daemon.ctl("umount", mounted)
        daemon.stop()

    def test_404(self) -> None:
        self.check(faults.Answer(404))

    def test_401(self) -> None:
        self.check(REFUSED)

    def test_500(self) -> None:
        self.check(faults.Answer(500))

    def test_never_answered(self) -> None:
        self.check(faults.Hang())

    def test_closed(self) -> None:
        self.check(faults.Close())

    def test_403(self) -> None:
        self.check(faults.Answer(403))

    def test_416(self) -> None:
        self.check(faults.Answer(416))

    def test_429(self) -> None:
        self.check(faults.Answer(429))

    def test_429_until_after_the_deadline(self) -> None:
        """Told to wait for longer than its reader does, the daemon asks no more, and says so early."""
        daemon, image, mounted = self.mounted()
        with self.proxy.inject(faults.Answer(429, retry_after=3), BLOBS):
            self.reads_eio(mounted / "four-kib")
            self.assertEqual([r.status for r in self.wire.requests_for(BLOBS)], [429])
        time.sleep(3)
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_reset(self) -> None:
        self.check(faults.Reset())

    def test_stalled(self) -> None:
        self.check(faults.Stall(after=0))

    def test_redirected_in_circles(self) -> None:
        self.check(faults.RedirectLoop())

    def test_truncated_to_next_to_nothing(self) -> None:
        """Each attempt goes on where the last one ended, and still the end is out of reach."""
        self.check(faults.Truncate(after=100))

    def test_wrong_content_range(self) -> None:
        self.check(faults.ShiftContentRange(by=4096))

    def test_registry_gone(self) -> None:
        daemon, image, mounted = self.mounted()
        self.proxy.vanish()
        self.reads_eio(mounted / "big")
        self.proxy.resume()
        daemon.forget_failures()
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_200_for_206_is_kept_only_where_it_was_wanted(self) -> None:
        daemon, image, mounted = self.mounted()
        with self.proxy.inject(faults.IgnoreRange(), BLOBS):
            self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
            self.assertEqual({r.status for r in self.wire.requests_for(BLOBS)}, {200})
        self.assertGreater(daemon.status()["requests"]["200"], 0)
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_a_slow_registry_is_waited_for(self) -> None:
        daemon, image, mounted = self.mounted()
        with self.proxy.inject(faults.Delay(0.3), BLOBS):
            self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
        daemon.stop()

    def test_one_bad_answer_does_not_spoil_other_reads(self) -> None:
        daemon, image, mounted = self.mounted()
        (mounted / "four-kib").read_bytes()
        with self.proxy.inject(faults.Hang(), BLOBS):
            self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
        daemon.stop()

    def test_wrong_bytes_are_found_when_the_object_is_complete(self) -> None:
        """An identity object has one digest, over all of it: nothing of it survives as finished, and nobody is told it is."""
        daemon, image, reference = self.serve(SPEC, fetch=FETCH)
        mounted = daemon.mount(reference, self.mount_point())
        with self.proxy.inject(faults.Corrupt(10), BLOBS):
            done = daemon.ctl("prefetch", "--wait", "--all", reference, check=False)
        self.assertEqual(done.returncode, programs.INTEGRITY, done.stderr)
        self.assertIn("failed", {entry["state"] for entry in daemon.status()["objects"]})
        self.reads_eio(mounted / "big")
        daemon.ctl("umount", mounted)
        again = self.mount_point("again")
        again.mkdir()
        # The kernel lets the old object go a moment after the umount.
        wait_until("the failed object to go", lambda: daemon.ctl("mount", reference, again, check=False).returncode == 0, every=0.2)
        self.assert_equal_trees(image, again)
        daemon.ctl("prefetch", "--wait", "--all", reference)
        self.assert_equal_trees(image, again)
        daemon.stop()


class PassingFaultTest(IntegrationTest):
    """Faults that pass while a reader waits, or that let it get on: the right bytes, and no EIO."""

    def mounted(self) -> tuple[Daemon, Image, pathlib.Path]:
        fetch = {"read_deadline": "5s", "stall_timeout": "1s", "connect_timeout": "1s"}
        daemon, image, reference = self.serve(SPEC, fetch=fetch)
        mounted = daemon.mount(reference, self.mount_point())
        self.wire.clear()
        return daemon, image, mounted

    def check(self, fault: faults.Fault) -> None:
        self.check_for_a_second(lambda: self.proxy.inject(fault, BLOBS))

    def check_for_a_second(self, break_it: Callable[[], contextlib.AbstractContextManager]) -> None:
        daemon, image, mounted = self.mounted()
        with concurrent.futures.ThreadPoolExecutor() as readers:
            with break_it():
                reads = {name: readers.submit((mounted / name).read_bytes) for name in ("four-kib", "big")}
                time.sleep(1)
                self.assertEqual([name for name, read in reads.items() if read.done()], [], "the fault was not met")
            for name, read in reads.items():
                self.assertEqual(read.result(), (image.tree / name).read_bytes(), name)
        self.assertEqual(daemon.status()["errors"], 0)
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_500(self) -> None:
        self.check(faults.Answer(500))

    def test_429(self) -> None:
        self.check(faults.Answer(429))

    def test_429_with_retry_after(self) -> None:
        self.check(faults.Answer(429, retry_after=1))

    def test_503_with_retry_after(self) -> None:
        self.check(faults.Answer(503, retry_after=1))

    def test_reset_before_the_answer(self) -> None:
        self.check(faults.Reset())

    def test_reset_in_the_body(self) -> None:
        self.check(faults.Reset(after=1000))

    def test_truncated(self) -> None:
        self.check(faults.Truncate(after=1000))

    def test_stalled(self) -> None:
        self.check(faults.Stall(after=1000))

    def test_never_answered(self) -> None:
        self.check(faults.Hang())

    def test_gone(self) -> None:
        @contextlib.contextmanager
        def gone() -> Iterator[None]:
            self.proxy.vanish()
            yield
            self.proxy.resume()

        self.check_for_a_second(gone)

    def test_each_attempt_goes_on_where_the_last_one_ended(self) -> None:
        daemon, image, mounted = self.mounted()
        with self.proxy.inject(faults.Truncate(after=30_000), BLOBS):
            self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
        self.wire.settle(BLOBS, timeout=0.1)
        first, *more = [r.range for r in self.wire.requests_for(BLOBS)]
        self.assertEqual(more, [(first[0] + 30_000 * (n + 1), first[1]) for n in range(len(more))])
        self.assertEqual(len(more), (first[1] - first[0]) // 30_000)
        self.assertEqual(daemon.status()["errors"], 0)
        daemon.stop()

    def test_connections_that_never_last(self) -> None:
        """As behind a middlebox that cuts each connection after so many bytes: slower, but it gets on."""
        daemon, image, mounted = self.mounted()
        with self.proxy.inject(faults.Truncate(after=100_000), BLOBS):
            self.assertEqual((mounted / "big").read_bytes(), (image.tree / "big").read_bytes())
        self.assertEqual(daemon.status()["errors"], 0)
        daemon.stop()


class CredentialsTest(IntegrationTest):
    USER = ("somebody", "pass:word")

    def setUp(self) -> None:
        super().setUp()
        self.start_registry(self.USER)
        self.image = self.images.get(SPEC)
        self.good = ":".join(self.USER)
        self.image_reference = self.push(self.image, "private:latest", "--dest-creds", self.good)
        self.daemon = self.new_daemon(fetch=FETCH).start()

    def mount(self, *flags: str) -> tuple[int, str]:
        self.mount_point().mkdir(exist_ok=True)
        done = self.daemon.ctl("mount", *flags, self.image_reference, self.mount_point(), check=False)
        return done.returncode, done.stderr

    def test_right(self) -> None:
        self.assertEqual(self.mount("--creds", self.good), (programs.DONE, ""))
        self.assert_equal_trees(self.image, self.mount_point())
        self.assertNotIn(self.USER[1], self.daemon.process.log())
        self.daemon.stop()

    def test_none_and_wrong(self) -> None:
        for flags in ([], ["--creds", "somebody:else"]):
            status, message = self.mount(*flags)
            self.assertEqual(status, programs.AUTHENTICATION, message)
            self.assertIn("--creds", message)
            self.assertNotIn("somebody:else", message)
        self.daemon.stop()

    def test_a_push_without_them(self) -> None:
        host = f"127.0.0.1:{self.registry.port}/private:latest"
        done = programs.run([programs.LACUNA_IMAGE, "push", self.image.bootstrap, self.image.device, host], check=False)
        self.assertEqual(done.returncode, programs.AUTHENTICATION, done.stderr)
        self.daemon.stop()


class PushTest(IntegrationTest):
    def test_a_registry_that_is_not_there(self) -> None:
        image = self.images.get(SPEC)
        done = programs.run([programs.LACUNA_IMAGE, "push", image.bootstrap, image.device, "127.0.0.1:1/test:latest"], check=False)
        self.assertEqual(done.returncode, programs.FAILED, done.stderr)
        self.assertRegex(done.stderr, "^lacuna-image: push .*127.0.0.1:1")

    def test_again_sends_no_blob_twice(self) -> None:
        self.start_registry()
        image = self.images.get(SPEC)
        self.push(image)
        programs.run([programs.LACUNA_IMAGE, "push", image.bootstrap, image.device, self.reference("test:again")])
        self.assertEqual(self.wire.requests_for("/uploads/", method="PATCH"), [])
        self.assertEqual(self.wire.requests_for("/uploads/", method="PUT"), [])

    def test_what_was_pushed_is_whole(self) -> None:
        self.start_registry()
        image = self.images.get(SPEC)
        self.push(image)
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.port)
        self.addCleanup(connection.close)
        connection.request("GET", "/v2/test/manifests/latest", headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
        manifest = connection.getresponse().read().decode()
        self.assertIn("application/vnd.erofs.layer.v1", manifest)
        self.assertIn("application/vnd.lacuna.erofs.device.v1", manifest)
