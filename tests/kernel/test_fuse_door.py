"""The fuse door on a real kernel: the programs as a user runs them, every byte compared."""
from harness.case import IntegrationTest
from harness.trees import TreeSpec

SMALL = TreeSpec(files=30, mean_bytes=16 << 10, big_bytes=1 << 20)  # a machine without KVM is ten times slower


class FuseDoorTest(IntegrationTest):
    kernels = "6.12 6.1"

    def test_every_file_is_equal(self) -> None:
        daemon, image, reference = self.serve(SMALL)
        mounted = daemon.mount(reference, self.mount_point())
        self.assertEqual(daemon.status()["door"], "fuse")
        self.assert_equal_trees(image, mounted)
        daemon.ctl("umount", mounted)
        daemon.stop()
