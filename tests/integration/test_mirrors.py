"""What may stand before a registry: nginx as a caching mirror, and docker-registry as a pull-through cache."""
import random
import shutil

from harness.nginx import SLICE_BYTES, Nginx
from harness.fault_proxy import FaultProxy
from harness.process import wait_until
from harness.registry import Registry
from harness.wire_case import WireTest, blob_path

BIG = random.Random(8).randbytes(2 * SLICE_BYTES + 500_000)
PATH = blob_path(BIG)


class MirrorTest(WireTest):
    def setUp(self) -> None:
        super().setUp()
        registry = self.started(Registry(self.folder / "registry"))
        self.push(registry, BIG)
        self.origin = self.started(FaultProxy(registry.host, registry.port))  # counts what the mirror asks for


class NginxTest(MirrorTest):
    def setUp(self) -> None:
        if not shutil.which("nginx"):
            self.skipTest("needs nginx")
        super().setUp()
        self.mirror = self.started(Nginx(self.folder / "nginx", self.origin.origin))

    def check_range(self, first: int, last: int) -> None:
        response, body = self.get(self.mirror, PATH, (first, last))
        self.assertEqual((response.status, response.getheader("Content-Range")), (206, f"bytes {first}-{last}/{len(BIG)}"))
        self.assertEqual(body, BIG[first:last + 1])

    def test_ranges_are_right_and_the_origin_is_asked_once_a_slice(self) -> None:
        chance = random.Random(1)
        for _ in range(40):
            first = chance.randrange(len(BIG) - 1)
            self.check_range(first, min(len(BIG) - 1, first + chance.choice([0, 100, 70_000, SLICE_BYTES])))
        self.check_range(0, len(BIG) - 1)
        slices = [(PATH, (first, first + SLICE_BYTES)) for first in range(0, len(BIG), SLICE_BYTES)]
        self.assertEqual(self.origin.log.count_by_range(), dict.fromkeys(slices, 1))

    def test_without_a_range(self) -> None:
        for _ in range(2):
            response, body = self.get(self.mirror, PATH)
            self.assertEqual((response.status, body == BIG), (200, True))
        self.assertEqual(set(self.origin.log.count_by_range().values()), {1})

    def test_what_is_no_blob_passes(self) -> None:
        for _ in range(2):
            self.assertEqual(self.status(self.mirror, "/v2/test/tags/list"), 404)
        self.assertEqual(self.origin.log.count_by_path(), {"/v2/test/tags/list": 2})
        self.push(self.mirror, b"another blob")
        self.assertEqual(self.get(self.mirror, blob_path(b"another blob"))[1], b"another blob")


class PullThroughTest(MirrorTest):
    def setUp(self) -> None:
        super().setUp()
        self.cache = self.started(Registry(self.folder / "cache", proxy_of=self.origin.origin))

    def test_ranges_are_right_and_the_origin_is_asked_no_more(self) -> None:
        """docker-registry 2.8 answers the first request for a blob with 200 and all of it, whatever range it asks for, and
        asks the origin twice: for the client, and for its store."""
        response, body = self.get(self.cache, PATH, (1000, 1999))
        self.assertEqual((response.status, body == BIG), (200, True))
        wait_until("the blob to be stored", lambda: self.get(self.cache, PATH, (0, 0))[0].status == 206)
        self.origin.log.settle()
        asked = self.origin.log.count_by_path("/blobs/")
        for first, last in [(0, 0), (1000, 1999), (500_000, len(BIG) - 1)]:
            response, body = self.get(self.cache, PATH, (first, last))
            self.assertEqual((response.status, body), (206, BIG[first:last + 1]))
        self.assertEqual(self.origin.log.count_by_path("/blobs/"), asked)
