"""More than one server for a registry (hosts.toml): one that fails, in whatever way, is no reason for an error."""
import concurrent.futures
import pathlib
import time
import urllib.parse
from collections.abc import Callable

from harness import faults, http_message
from harness.case import BLOBS, MANIFESTS
from harness.daemon import Daemon
from harness.fault import Forward
from harness.hosts_toml import Mirror
from harness.http_message import Request, Response
from harness.images import Image
from harness.mirrored_case import MirroredTest
from harness.process import wait_until
from harness.trees import TreeSpec

SPEC = TreeSpec(seed=6, files=60, big_bytes=16 << 20)
FETCH = {"stall_timeout": "1s", "connect_timeout": "1s"}


class FailoverTest(MirroredTest):
    def mounted(self, **fetch: object) -> tuple[Daemon, Image, pathlib.Path]:
        image = self.start_servers(SPEC)
        daemon = self.start_daemon(**(FETCH | fetch))
        return daemon, image, daemon.mount(self.reference(), self.mount_point())

    def check_whole(self, daemon: Daemon, image: Image, mounted: pathlib.Path) -> None:
        self.assert_equal_trees(image, mounted)
        self.assertEqual(daemon.status()["errors"], 0)
        daemon.stop()


class DyingServerTest(FailoverTest):
    def check_dies_while_bodies_stream(self, die: Callable[[], None]) -> None:
        """Throttled, so that the trees are compared with bodies under way when it happens."""
        daemon, image, mounted = self.mounted()
        with self.mirror.inject(faults.Throttle(2_000_000), BLOBS), concurrent.futures.ThreadPoolExecutor() as pool:
            prefetch = pool.submit(daemon.ctl, "prefetch", "--wait", "--all", self.reference())
            compared = pool.submit(self.assert_equal_trees, image, mounted)
            wait_until("bodies that stream", lambda: self.bodies_under_way() >= 2)
            die()
            compared.result()
            prefetch.result()
        self.assertGreater(self.wire.bytes_for(BLOBS), 1 << 20, "the registry had nothing to do")
        self.check_whole(daemon, image, mounted)

    def bodies_under_way(self) -> int:
        return sum(not r.done and 0 < r.body_bytes for r in self.mirror_wire.requests_for(BLOBS))

    def test_vanishes_between_reads_and_comes_back(self) -> None:
        daemon, image, mounted = self.mounted()
        self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
        self.assertEqual(self.wire.requests_for(), [], "the mirror goes first")
        self.mirror.vanish()
        with (mounted / "big").open("rb", buffering=0) as big, (image.tree / "big").open("rb") as original:
            self.assertEqual(big.read(4 << 20), original.read(4 << 20))
            self.assertGreater(len(self.wire.requests_for(BLOBS)), 0)
            self.mirror.resume()
            self.mirror_wire.clear()

            def goes_to_the_mirror() -> bool:
                self.assertEqual(big.read(128 << 10), original.read(128 << 10))
                return len(self.mirror_wire.requests_for(BLOBS)) > 0

            wait_until("traffic at the mirror", goes_to_the_mirror, seconds=12, every=0.2)
        self.check_whole(daemon, image, mounted)

    def test_vanishes_while_bodies_stream(self) -> None:
        self.check_dies_while_bodies_stream(lambda: self.mirror.vanish())

    def check_fault_from_now_on(self, fault: faults.Fault) -> None:
        def from_now_on() -> None:
            rule = self.mirror.inject(fault, BLOBS)
            rule.__enter__()
            self.addCleanup(rule.__exit__, None, None, None)

        self.check_dies_while_bodies_stream(from_now_on)

    def test_resets_in_the_body(self) -> None:
        self.check_fault_from_now_on(faults.Reset(after=50_000))

    def test_truncates(self) -> None:
        self.check_fault_from_now_on(faults.Truncate(after=50_000))

    def test_stalls(self) -> None:
        self.check_fault_from_now_on(faults.Stall(after=50_000))

    def test_dies_before_the_mount(self) -> None:
        image = self.start_servers(SPEC)
        daemon = self.start_daemon(**FETCH)
        self.mirror.vanish()
        mounted = daemon.mount(self.reference(), self.mount_point())
        self.check_whole(daemon, image, mounted)

    def test_the_registry_itself_dies_and_the_mirror_serves(self) -> None:
        daemon, image, mounted = self.mounted()
        self.proxy.vanish()
        self.check_whole(daemon, image, mounted)

    def test_both_die_in_turns(self) -> None:
        daemon, image, mounted = self.mounted(read_deadline="20s")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            compared = pool.submit(self.assert_equal_trees, image, mounted)
            for _ in range(3):
                for server in (self.mirror, self.proxy):
                    server.vanish()
                    time.sleep(0.5)
                    server.resume()
            compared.result()
        self.check_whole(daemon, image, mounted)


class WrongLength:
    """206 for the range that was asked for, of a blob of another size."""

    async def __call__(self, request: Request, forward: Forward) -> Response:
        response = await forward(request)
        if request.range is None or response.status != 206:
            return response
        first, end = request.range
        headers = [*http_message.without(response.headers, "Content-Range"), ("Content-Range", f"bytes {first}-{end - 1}/4711")]
        return Response(response.status, response.reason, headers, response.body)


class WrongHeader:
    """An answer with this header instead of its own."""

    def __init__(self, name: str, value: str):
        self._header = (name, value)

    async def __call__(self, request: Request, forward: Forward) -> Response:
        response = await forward(request)
        headers = [*http_message.without(response.headers, self._header[0]), self._header]
        return Response(response.status, response.reason, headers, response.body)


class Page:
    """200 and a page for people, as from a captive portal."""

    async def __call__(self, request: Request, forward: Forward) -> Response:
        return await http_message.answer(request, 200, [("Content-Type", "text/html")], b"<html>Please log in.</html>")


class BadMirrorTest(FailoverTest):
    """A mirror whose answers for blobs are of no use: the registry serves, and its bytes are right."""

    def check(self, fault: faults.Fault, path: str = BLOBS) -> None:
        image = self.start_servers(SPEC)
        daemon = self.start_daemon(**FETCH)
        with self.mirror.inject(fault, path):
            mounted = daemon.mount(self.reference(), self.mount_point())
            self.assert_equal_trees(image, mounted)
            self.assertGreater(len(self.mirror_wire.requests_for(path)), 0)
            self.assertGreater(len(self.wire.requests_for(path)), 0)
        self.check_whole(daemon, image, mounted)

    def test_401(self) -> None:
        self.check(faults.Answer(401))

    def test_403(self) -> None:
        self.check(faults.Answer(403))

    def test_404(self) -> None:
        self.check(faults.Answer(404))

    def test_416(self) -> None:
        self.check(faults.Answer(416))

    def test_429(self) -> None:
        self.check(faults.Answer(429, retry_after=60))

    def test_503(self) -> None:
        self.check(faults.Answer(503))

    def test_204(self) -> None:
        self.check(faults.Answer(204))

    def test_a_page(self) -> None:
        self.check(Page())

    def test_garbage_for_content_range(self) -> None:
        self.check(WrongHeader("Content-Range", "pages 1-2"))

    def test_other_ranges(self) -> None:
        self.check(faults.ShiftContentRange(4096))

    def test_a_blob_of_another_size(self) -> None:
        self.check(WrongLength())

    def test_redirects_in_circles(self) -> None:
        self.check(faults.RedirectLoop())

    def test_redirects_to_nowhere(self) -> None:
        self.check(faults.RedirectTo("http://127.0.0.1:1"))

    def test_never_answers(self) -> None:
        self.check(faults.Hang())

    def test_ignores_ranges(self) -> None:
        """Its answers are right, if long: they do for themselves."""
        image = self.start_servers(SPEC)
        daemon = self.start_daemon(**FETCH)
        with self.mirror.inject(faults.IgnoreRange(), BLOBS):
            mounted = daemon.mount(self.reference(), self.mount_point())
            self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
        self.check_whole(daemon, image, mounted)

    def test_no_manifests(self) -> None:
        self.check(faults.Answer(404), MANIFESTS)

    def test_manifests_of_other_bytes(self) -> None:
        self.check(faults.Corrupt(20), MANIFESTS)

    def test_a_page_for_a_manifest(self) -> None:
        self.check(Page(), MANIFESTS)


class HostsTomlTest(FailoverTest):
    def test_an_edit_is_noticed(self) -> None:
        daemon, image, mounted = self.mounted()
        self.assertEqual(self.wire.requests_for(), [])
        self.hosts.write()  # no mirror any more
        with (mounted / "big").open("rb", buffering=0) as big, (image.tree / "big").open("rb") as original:

            def goes_past_the_mirror() -> bool:
                self.assertEqual(big.read(256 << 10), original.read(256 << 10))
                return len(self.wire.requests_for(BLOBS)) > 0

            wait_until("traffic at the registry", goes_past_the_mirror, seconds=8, every=0.3)
        self.mirror_wire.clear()
        self.check_whole(daemon, image, mounted)
        self.assertEqual(self.mirror_wire.requests_for(), [])

    def test_an_edit_with_a_mistake_changes_nothing(self) -> None:
        daemon, image, mounted = self.mounted()
        self.hosts.write(Mirror(self.mirror.origin, capabilities=["nonsense"]))
        time.sleep(1.2)
        self.check_whole(daemon, image, mounted)
        self.assertEqual(self.wire.requests_for(), [])
        self.assertIn("hosts.toml", daemon.process.log())

    def test_a_mirror_that_may_not_resolve_is_not_asked_for_tags(self) -> None:
        image = self.start_servers(SPEC)
        self.hosts.write(Mirror(self.mirror.origin, capabilities=["pull"]))
        daemon = self.start_daemon(**FETCH)
        mounted = daemon.mount(self.reference(), self.mount_point())
        self.assertEqual(self.mirror_wire.requests_for(f"{MANIFESTS}latest"), [])
        self.assertEqual(self.mirror_wire.requests_for(f"{MANIFESTS}latest", method="HEAD"), [])
        self.assertEqual(len(self.wire.requests_for(f"{MANIFESTS}latest")), 1)
        self.check_whole(daemon, image, mounted)
        self.assertGreater(len(self.mirror_wire.requests_for(BLOBS)), 0)
        self.assertEqual(self.wire.requests_for(BLOBS), [])

    def test_mirrors_learn_for_whom_they_are_asked(self) -> None:
        daemon, image, mounted = self.mounted()
        self.check_whole(daemon, image, mounted)
        for record in self.mirror_wire.requests_for() + self.mirror_wire.requests_for(method="HEAD"):
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(record.target).query)
            self.assertEqual(query, {"ns": [f"127.0.0.1:{self.proxy.port}"]}, record.target)

    def test_the_registry_itself_is_asked_plainly(self) -> None:
        self.start_servers(SPEC)
        self.hosts.write()
        daemon = self.start_daemon(**FETCH)
        daemon.mount(self.reference(), self.mount_point())
        self.assertEqual([r.target for r in self.wire.requests_for() if "?" in r.target], [])
        self.assertGreater(len(self.wire.requests_for()), 0)
        daemon.stop()

    def test_headers_of_a_mirror_go_there_only(self) -> None:
        image = self.start_servers(SPEC)
        self.hosts.write(Mirror(self.mirror.origin, headers={"X-Pass": "for the mirror", "Authorization": "Basic bTpt"}))
        daemon = self.start_daemon(**FETCH)
        seen = {server: Headers() for server in (self.mirror, self.proxy)}
        with self.mirror.inject(seen[self.mirror]), self.proxy.inject(seen[self.proxy]):
            mounted = daemon.mount(self.reference(), self.mount_point())
            self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
            with self.mirror.inject(faults.Answer(404), BLOBS):
                self.assert_equal_trees(image, mounted)
            with self.mirror.inject(faults.RedirectTo(self.proxy.origin), BLOBS):
                self.assertEqual((mounted / "big").read_bytes(), (image.tree / "big").read_bytes())
        self.assertEqual(set(seen[self.mirror].of("X-Pass")), {"for the mirror"})
        self.assertEqual(set(seen[self.mirror].of("Authorization")), {"Basic bTpt"})
        for name in ("X-Pass", "Authorization"):
            self.assertEqual(set(seen[self.proxy].of(name)), {None}, name)
        daemon.stop()


class Headers:
    """Lets everything pass, and remembers what was shown."""

    def __init__(self) -> None:
        self._seen: list[http_message.Headers] = []

    async def __call__(self, request: Request, forward: Forward) -> Response:
        self._seen.append(request.headers)
        return await forward(request)

    def of(self, name: str) -> list[str | None]:
        return [http_message.find(headers, name) for headers in self._seen]
