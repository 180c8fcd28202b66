"""The base of tests whose cache lies on a small disk of its own, and two images that fit there beside each other."""
import os
import pathlib

from cachefiles_case import CACHEFILES, SMALL
from harness import volume
from harness.trees import TreeSpec
from mounted_case import MountedTest

OTHER = TreeSpec(seed=2, files=SMALL.files, mean_bytes=SMALL.mean_bytes, big_bytes=SMALL.big_bytes)
DISK_BYTES = 64 << 20
# Percent of the disk: below CULL the kernel asks for culling, until RUN is free; below STOP it writes nothing.
RUN, CULL, STOP = 7, 5, 1


class SmallDiskTest(MountedTest):
    door = CACHEFILES
    fetch = {"failure_memory": "100ms"}

    def setUp(self) -> None:
        super().setUp()
        self.disk = volume.ext4(self.folder / "disk", DISK_BYTES)
        self.start_registry()
        self.first, self.other = (self.images.get(spec) for spec in (SMALL, OTHER))
        self.first_reference, self.other_reference = self.push(self.first, "first:latest"), self.push(self.other, "other:latest")
        self.daemon = self.new_daemon(root=self.disk / "root", fetch=self.fetch, door=self.door).start()

    def leave_free(self, percent: float) -> None:
        """Fills the disk, or frees it: (f_bavail, f_blocks) is what the kernel compares."""
        filler = self.disk / "filler"
        filler.unlink(missing_ok=True)
        os.sync()
        disk = os.statvfs(self.disk)
        size = int((disk.f_bavail - disk.f_blocks * percent / 100) * disk.f_frsize)
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        os.sync()

    def free_percent(self) -> float:
        disk = os.statvfs(self.disk)
        return 100 * disk.f_bavail / disk.f_blocks

    def mount(self, reference: str, name: str) -> pathlib.Path:
        return self.daemon.mount(reference, self.mount_point(name))
