"""The mount tests of the fuse door, as they run on the build's own kernel, on the kernels that lacuna is made for."""
from gtest import GoogleTest


class MountTest(GoogleTest):
    kernels = "6.12 6.1"

    def test_local_images(self) -> None:
        self.run_program("erofs_mount_test", "ErofsMountTest.*:MountApi.*")


class LoopTest(GoogleTest):
    kernels = "6.12 6.1"
    cpus = 2

    def test_one_file(self) -> None:
        self.run_program("erofs_mount_test", "FuseMountTest.*/Loop")

    def test_separate_blob(self) -> None:
        self.run_program("erofs_mount_test", "FuseMountTest.*/LoopWithBlob")


class FileBackedTest(GoogleTest):
    """6.1 mounts EROFS from block devices only."""

    cpus = 2

    def test_one_file(self) -> None:
        self.run_program("erofs_mount_test", "FuseMountTest.*/FileBacked")

    def test_separate_blob(self) -> None:
        self.run_program("erofs_mount_test", "FuseMountTest.*/FileBackedWithBlob")
