"""Disks that fail writes, below each door on a real kernel: EIO or the right bytes, never others, and all is fetched again."""
import shutil

from cachefiles_case import CACHEFILES
from harness.daemon import Daemon
from harness.failing_disk import FlakeyDisk, FullMemoryDisk
from harness.failing_disk_case import HERE_BEFORE, WHILE_IT_FAILS, FailingDiskCase
from harness.page_cache import drop_page_cache


class FullMemoryBelowFuseTest(FailingDiskCase):
    kernels = "6.12 6.1"

    def test_lost_bytes_are_never_read(self) -> None:
        """The kernel says in time that it lost something, also where ext4 itself goes on as if nothing had happened."""
        self.disk = FullMemoryDisk(self.folder, journal_too=False)
        self.check_that_lost_bytes_are_never_read()


class FlakeyDiskTest(FailingDiskCase):
    """dm-flakey fails every write, those of ext4's journal too, which may make ext4 refuse reads as well."""

    def setUp(self) -> None:
        super().setUp()
        if not shutil.which("dmsetup"):
            self.skipTest("needs dmsetup; try deploy/install-packages")
        self.disk = FlakeyDisk(self.folder)
        self.addCleanup(self.disk.clean_up)

    def fetches_again(self, daemon: Daemon) -> None:
        """Once the disk works again, and was mounted anew."""
        daemon.stop()
        self.disk.heal()
        self.disk.remount()
        if self.door != CACHEFILES:
            self.assertIn("the object's bytes are lost", daemon.process.log())
            self.check_files(daemon.root)
        daemon.start()
        self.assert_equal_trees(self.image, daemon.mount(self.reference(), self.mount_point("again")))
        daemon.stop()

    def test_below_fuse(self) -> None:
        daemon = self.mounted(commit_interval="60s")
        self.disk.fail()
        self.assertEqual(self.count_failures(WHILE_IT_FAILS), 0, "they are in the page cache")
        drop_page_cache()  # which has all of it written back first
        self.assertEqual(self.count_failures(WHILE_IT_FAILS), len(WHILE_IT_FAILS))
        self.fetches_again(daemon)

    def test_below_cachefiles(self) -> None:
        """The kernel's own files are written past the page cache: a read that needs a write knows at once."""
        self.door = CACHEFILES
        daemon = self.mounted()
        self.disk.fail()
        self.assertEqual(self.count_failures(WHILE_IT_FAILS), len(WHILE_IT_FAILS))
        self.assertGreaterEqual(daemon.status()["errors"], len(WHILE_IT_FAILS))
        drop_page_cache()
        self.count_failures(HERE_BEFORE)
        self.fetches_again(daemon)
