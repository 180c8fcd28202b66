"""What images share over the cachefiles door on a real kernel: objects, devices, whole file systems."""
import os
import pathlib
import random

from cachefiles_case import CachefilesTest, blob_path
from harness.case import BLOBS
from harness.erofs_writer import write_image
from harness.page_cache import drop_page_cache

OTHER_PLATFORM = ("--platform", "linux/riscv64")


class SharingTest(CachefilesTest):
    kernels = "6.12 6.1"

    def test_two_images_on_one_device_fetch_each_chunk_once(self) -> None:
        daemon = self.serve_nothing()
        source = random.Random(5)
        contents = [source.randbytes(300_000) for _ in range(6)]
        expected, mounted = [], []
        for image in ("one", "other"):
            files = [(f"{image}-{number}", content) for number, content in enumerate(contents)]
            bootstrap, [device] = write_image(self.folder / image, [files])
            reference = self.push_files(bootstrap, [device], f"{image}:latest")
            expected.append(dict(files))
            mounted.append(daemon.mount(reference, self.mount_point(f"mnt-{image}")))
        # Both file systems are there before the first byte is read: neither may have an object of its own.
        self.assertNotEqual(mounted[0].stat().st_dev, mounted[1].stat().st_dev)
        self.assertEqual((mounted[1] / "other-5").read_bytes(), contents[5])
        for files, directory in zip(expected, mounted):
            self.assert_files(files, directory)
        self.wire.settle()
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [])
        self.assertEqual(self.wire.bytes_for(blob_path(device)), device.stat().st_size)
        daemon.stop()

    def test_an_image_at_two_directories(self) -> None:
        daemon, image, reference = self.serve()
        one = daemon.mount(reference, self.mount_point("one"))
        self.assert_equal_trees(image, one)
        self.wire.clear()
        other = daemon.mount(reference, self.mount_point("other"))
        self.assert_equal_trees(image, other)
        self.check_that_each_may_go(daemon, image, {one: reference, other: reference})

    def test_two_manifests_with_one_bootstrap(self) -> None:
        daemon, image, reference = self.serve()
        other_reference = self.push(image, "other:latest", *OTHER_PLATFORM)
        one = daemon.mount(reference, self.mount_point("one"))
        self.assert_equal_trees(image, one)
        self.wire.clear()
        other = daemon.mount(other_reference, self.mount_point("other"), *OTHER_PLATFORM)
        self.assert_equal_trees(image, other)
        digests = {mount["manifest_digest"] for mount in daemon.ctl_json("mounts", "ls")["mounts"]}
        self.assertEqual(len(digests), 2)
        self.check_that_each_may_go(daemon, image, {one: reference, other: other_reference})

    def check_that_each_may_go(self, daemon, image, mounts: dict[pathlib.Path, str]) -> None:
        """Of two mounts of what was read before: the first may end before the second, and both may come again."""
        one, other = mounts
        daemon.ctl("umount", one)
        self.assertEqual(os.listdir(one), [])
        drop_page_cache()
        self.assert_equal_trees(image, other)
        daemon.ctl("umount", other)
        self.assert_equal_trees(image, daemon.mount(mounts[one], one))
        self.assertEqual(self.wire.requests_for(BLOBS), [])
        daemon.stop()
