"""The fuse door on kernels of old and new: the programs as a user runs them, every byte compared."""
from harness.case import BLOBS, IntegrationTest
from harness.daemon import Daemon
from harness.images import Image
from harness.trees import TreeSpec

SMALL = TreeSpec(files=30, mean_bytes=16 << 10, big_bytes=1 << 20)


class FuseDoorTest(IntegrationTest):
    kernels = "6.12 6.1"

    def serve_by_fuse(self, **config: dict[str, object]) -> tuple[Daemon, Image, str]:
        self.start_registry()
        image = self.images.get(SMALL)
        reference = self.push(image)
        daemon = self.new_daemon(**config).start("--door", "fuse")
        self.assertEqual(daemon.status()["door"], "fuse")
        return daemon, image, reference

    def test_every_file_is_equal(self) -> None:
        self.check_whole_image()

    def test_every_file_is_equal_over_a_loop_device(self) -> None:
        self.check_whole_image(door={"fuse_loop": True})

    def check_whole_image(self, **config: dict[str, object]) -> None:
        daemon, image, reference = self.serve_by_fuse(**config)
        mounted = daemon.mount(reference, self.mount_point())
        self.assert_equal_trees(image, mounted)
        daemon.ctl("umount", mounted)
        daemon.stop()

    def test_a_finished_image_is_served_from_the_disk(self) -> None:
        daemon, image, reference = self.serve_by_fuse()
        daemon.mount(reference, self.mount_point())
        daemon.ctl("prefetch", "--wait", "--all", reference)
        daemon.stop()
        self.wire.clear()
        daemon.start("--door", "fuse")
        self.assert_equal_trees(image, daemon.mount(reference, self.mount_point()))
        self.assertEqual(self.wire.bytes_for(BLOBS), 0)
        daemon.stop()
