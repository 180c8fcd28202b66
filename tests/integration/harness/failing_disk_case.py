"""The base of tests of a cache on a disk that takes writes and loses them."""
import errno
import os
import pathlib
import time

from . import programs
from .case import IntegrationTest
from .daemon import Daemon
from .failing_disk import FlakeyDisk, FullMemoryDisk
from .page_cache import drop_page_cache
from .process import wait_until
from .trees import TreeSpec
from .truth import Truth, object_name

SPEC = TreeSpec(seed=81, files=6, mean_bytes=8 << 10, big_bytes=3 << 20)
CHUNK = 64 << 10
HERE_BEFORE = range(0, 8 * CHUNK, CHUNK)  # of the big file
WHILE_IT_FAILS = range(32 * CHUNK, 40 * CHUNK, CHUNK)
SETTLED_SECONDS = 0.5  # ten commit intervals


class FailingDiskCase(IntegrationTest):
    disk: FullMemoryDisk | FlakeyDisk
    door: dict[str, object] = {"kind": "fuse"}

    def mounted(self, commit_interval: str = "50ms") -> Daemon:
        """A daemon with its cache on self.disk, and self.image mounted at self.at, HERE_BEFORE read."""
        self.start_registry()
        self.image = self.images.get(SPEC)
        self.push(self.image)
        self.expected = (self.image.tree / "big").read_bytes()
        daemon = self.new_daemon(root=self.disk.point / "root", cache={"commit_interval": commit_interval}, door=self.door,
                                 fetch={"failure_memory": "100ms"}).start()
        self.at = daemon.mount(self.reference(), self.mount_point())
        self.assertEqual(self.count_failures(HERE_BEFORE), 0)
        return daemon

    def await_commit(self, daemon: Daemon) -> None:
        """What was read is committed: a disk that fails from here on loses nothing of it."""
        file = daemon.root / "objects" / f"{object_name(self.image.device)}.map"
        wait_until("the last commit", lambda: any(file.read_bytes()) and file.stat().st_mtime < time.time() - SETTLED_SECONDS)

    def count_failures(self, offsets: range) -> int:
        """Reads 4 KiB at each: how many were EIO. All others are right, or the test fails."""
        failed = 0
        with (self.at / "big").open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            for offset in offsets:
                try:
                    found = os.pread(file.fileno(), 4096, offset)
                except OSError as error:
                    self.assertEqual(error.errno, errno.EIO)
                    failed += 1
                else:
                    self.assertTrue(found == self.expected[offset:offset + 4096], f"wrong bytes at {offset}")
        return failed

    def check_that_lost_bytes_are_never_read(self) -> None:
        """On a disk that fails between two commits."""
        daemon = self.mounted(commit_interval="60s")
        self.disk.fail()
        self.assertEqual(self.count_failures(WHILE_IT_FAILS), 0, "they are in the page cache")
        drop_page_cache()  # which has all of it written back first
        self.assertEqual(self.count_failures(WHILE_IT_FAILS), len(WHILE_IT_FAILS))
        self.disk.heal()
        daemon.stop()
        self.assertRegex(daemon.process.log(), "last commit: the object's bytes are lost")
        daemon.start()
        daemon.mount(self.reference(), self.at)
        self.assert_equal_trees(self.image, self.at)
        daemon.stop()

    def await_failed(self, daemon: Daemon) -> None:
        wait_until("the object to be dropped", lambda: "failed" in {entry["state"] for entry in daemon.status()["objects"]})

    def mount_anew(self, daemon: Daemon) -> None:
        """The kernel lets the old object go a moment after the umount."""
        daemon.ctl("umount", self.at)
        wait_until("the failed object to go",
                   lambda: daemon.ctl("mount", self.reference(), self.at, check=False).returncode == programs.DONE, every=0.2)

    def check_files(self, root: pathlib.Path) -> None:
        """What a daemon that starts there would believe is true."""
        truth = Truth(self.folder / "truth", (self.image.bootstrap, self.image.device))
        self.assertEqual(truth.check(root).wrong, [])
