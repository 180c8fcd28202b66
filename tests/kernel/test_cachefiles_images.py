"""Images of every shape through the cachefiles door on a real kernel."""
import dataclasses
import random

from cachefiles_case import SMALL, CachefilesTest, make_single_blob
from harness.case import BLOBS
from harness.erofs_writer import BLOCK, write_image
from harness.trees import TreeSpec

LAZY_BYTES = 4 << 20  # a larger bootstrap is not brought whole before the mount


def random_files(seed: int, devices: int) -> list[list[tuple[str, bytes]]]:
    """A few files for each device, of sizes around a block's and a chunk's end."""
    source = random.Random(seed)
    sizes = (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 65536, 65537, 300_000)
    return [[(f"device-{device}-{size}", source.randbytes(size)) for size in sizes] for device in range(devices)]


def flat(files: list[list[tuple[str, bytes]]]) -> dict[str, bytes]:
    return dict(item for device in files for item in device)


class SeveralDevicesTest(CachefilesTest):
    kernels = "6.12 6.1"

    def check(self, tags: bool) -> None:
        daemon = self.serve_nothing()
        files = random_files(seed=3, devices=4)
        own = [("in-the-bootstrap", b"metadata and data in one blob\n" * 1000)]
        reference = self.push_files(*write_image(self.folder / "image", files, own, tags))
        self.assert_files(flat([*files, own]), daemon.mount(reference, self.mount_point()))
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [])
        daemon.stop()

    def test_named_by_their_place_only(self) -> None:
        self.check(tags=False)

    def test_with_other_names_in_the_device_table(self) -> None:
        self.check(tags=True)


class LastBlockTest(CachefilesTest):
    """Blobs may end anywhere, objects of the kernel at whole blocks: what a blob does not have reads as zeros."""
    kernels = "6.12 6.1"

    def test_of_a_device_and_a_small_bootstrap(self) -> None:
        source = random.Random(17)
        files = [[("first", source.randbytes(70_000)), ("last", source.randbytes(10_000).ljust(3 * BLOCK, b"\0"))],
                 [("ends-with-the-blob", source.randbytes(66_001))]]
        self.check(files, own=[("own", source.randbytes(5_000).ljust(2 * BLOCK, b"\0"))])

    def test_of_a_bootstrap_that_is_filled_on_demand(self) -> None:
        source = random.Random(18)
        self.check([], own=[("big", source.randbytes(LAZY_BYTES)), ("last", source.randbytes(10_000).ljust(3 * BLOCK, b"\0"))])

    def check(self, files: list[list[tuple[str, bytes]]], own: list[tuple[str, bytes]]) -> None:
        daemon = self.serve_nothing()
        bootstrap, devices = write_image(self.folder / "image", files, own, trimmed=True)
        for blob in (bootstrap, *devices):
            self.assertNotEqual(blob.stat().st_size % BLOCK, 0)
        mounted = daemon.mount(self.push_as_they_are(bootstrap, devices), self.mount_point())
        self.assert_files(flat([*files, own]), mounted)
        daemon.stop()
        daemon.start()  # and what the kernel kept is right too
        self.wire.clear()
        self.assert_files(flat([*files, own]), daemon.mount(self.reference(), mounted))
        self.assertEqual(self.wire.requests_for(BLOBS), [])
        daemon.stop()


class SingleBlobTest(CachefilesTest):
    """An EROFS without devices: its one blob holds the data too."""
    kernels = "6.12 6.1"

    def test_a_large_one_is_filled_on_demand(self) -> None:
        daemon = self.serve_nothing()
        image = self.images.get(SMALL)
        blob = make_single_blob(image)
        self.assertGreater(blob.stat().st_size, LAZY_BYTES)
        mounted = daemon.mount(self.push_files(blob), self.mount_point())
        self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
        self.wire.settle()
        self.assertLess(self.wire.bytes_for(BLOBS), blob.stat().st_size / 2)
        self.assert_equal_trees(image, mounted)
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [])
        daemon.ctl("umount", mounted)
        self.wire.clear()
        self.assert_equal_trees(image, daemon.mount(self.reference(), mounted))
        self.assertEqual(self.wire.requests_for(BLOBS), [])
        daemon.stop()


class CompressedTest(CachefilesTest):
    """Kernels hang or crash on compressed data over fscache, so it is refused before a mount."""
    kernels = "6.12 6.1"

    def check_refusal(self, spec: TreeSpec, large: bool) -> None:
        daemon = self.serve_nothing()
        image = self.images.get(spec)
        blob = make_single_blob(image, "-zlz4")
        self.assertEqual(blob.stat().st_size > LAZY_BYTES, large)
        self.assert_refused(daemon, self.push_files(blob), r"compressed.*door\.kind")
        plain = self.push(image, "plain:latest")
        self.assert_equal_trees(image, daemon.mount(plain, self.mount_point()))
        daemon.stop()

    def test_a_small_one_is_refused(self) -> None:
        self.check_refusal(SMALL, large=False)

    def test_a_large_one_is_refused(self) -> None:
        self.check_refusal(dataclasses.replace(SMALL, big_bytes=5 << 20), large=True)


class HolesTest(CachefilesTest):
    """Kernels zero what follows a hole in the same read over fscache, so an EROFS of somebody's own that has one is refused."""
    kernels = "6.12 6.1"

    def check_refusal(self, own: list[tuple[str, bytes]]) -> None:
        daemon = self.serve_nothing()
        files = [[("file", b"content\n" * 1000)]]
        holed = write_image(self.folder / "holed", files, own, hole=1 << 20)
        self.assert_refused(daemon, self.push_files(*holed), r"holes \(1048576 bytes\).*door\.kind")
        whole = write_image(self.folder / "whole", files, own)
        self.assert_files(flat([*files, own]), daemon.mount(self.push_files(*whole), self.mount_point()))
        daemon.stop()

    def test_in_a_small_bootstrap(self) -> None:
        self.check_refusal(own=[])

    def test_in_one_that_is_filled_on_demand(self) -> None:
        self.check_refusal(own=[("big", random.Random(19).randbytes(LAZY_BYTES))])
