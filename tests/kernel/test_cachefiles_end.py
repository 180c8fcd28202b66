"""Ends at the cachefiles door on a real kernel: of a mount and of the daemon, while somebody still reads."""
import dataclasses
import pathlib
import random
import subprocess

from cachefiles_case import SMALL
from harness import programs
from harness.daemon import Daemon
from harness.erofs_writer import write_image
from harness.process import wait_until
from mounted_case import MountedTest

READERS = 8


class BusyMountTest(MountedTest):
    kernels = "6.12 6.1"

    def test_unmounting_while_a_read_waits(self) -> None:
        daemon, image, mounted, reference = self.mounted()
        gate = self.closed_gate()
        readers = self.start_readers("park", 1, 0, mounted / "big")
        wait_until("the read to wait", lambda: daemon.status()["parked_reads"] == 1)
        self.assertEqual(daemon.ctl("umount", mounted, check=False).returncode, programs.BUSY)
        daemon.ctl("umount", "-l", mounted)
        self.assertFalse(mounted.is_mount())
        gate.open()
        self.assertEqual(self.finish_readers(readers)["outcomes"], ["bytes"])
        self.assert_equal_trees(image, daemon.mount(reference, mounted))
        self.assert_fetched_once()
        daemon.ctl("umount", mounted)
        daemon.stop()


class EndTest(MountedTest):
    kernels = "6.12 6.1"

    def test_sigterm_while_reads_wait_and_a_start_right_after_it(self) -> None:
        daemon, image, mounted, reference = self.mounted()
        gate = self.closed_gate()
        readers = self.start_readers("park", READERS, SMALL.big_bytes // READERS, mounted / "big")
        wait_until("the reads to wait", lambda: daemon.status()["parked_reads"] == READERS)
        daemon.stop()
        self.assertEqual(self.finish_readers(readers)["outcomes"], ["EIO"])
        gate.open()
        daemon.start()
        self.assert_equal_trees(image, daemon.mount(reference, mounted))
        daemon.ctl("umount", mounted)
        daemon.stop()


class CrashTest(MountedTest):
    kernels = "6.12 6.1"

    def test_the_next_daemon_mounts_again_what_was_mounted(self) -> None:
        daemon, image, mounted, _ = self.mounted()
        self.assert_equal_trees(image, mounted)
        daemon.kill()
        daemon.start()
        daemon.await_mounts(mounted)
        self.assert_equal_trees(image, mounted)
        daemon.stop()


class DetachedMountTest(MountedTest):
    """A process goes on to use a mount that is gone for everybody else: the kernel keeps its objects as they are for it."""
    kernels = "6.12 6.1"

    def detached_and_used(self, daemon: Daemon, mounted: pathlib.Path, name: str) -> subprocess.Popen:
        """The process that has a file of it open."""
        with (mounted / name).open("rb") as opened:
            user = subprocess.Popen(["sleep", "1000"], stdin=opened)
        self.addCleanup(user.wait)
        self.addCleanup(user.kill)
        daemon.ctl("umount", "-l", mounted)
        return user

    def assert_busy(self, daemon: Daemon, reference: str, directory: pathlib.Path) -> None:
        done = daemon.ctl("mount", reference, directory, check=False)
        self.assertEqual(done.returncode, programs.BUSY, done.stderr)
        self.assertRegex(done.stderr, "a process still uses")
        self.assertFalse(directory.is_mount())

    def test_its_image_can_be_mounted_again_when_that_process_has_ended(self) -> None:
        daemon, image, mounted, reference = self.mounted()
        user = self.detached_and_used(daemon, mounted, "big")
        self.assert_busy(daemon, reference, mounted)
        daemon.stop()
        daemon.start()
        self.assert_busy(daemon, reference, mounted)
        other = self.images.get(dataclasses.replace(SMALL, seed=2))
        self.assert_equal_trees(other, daemon.mount(self.push(other, "other:latest"), self.mount_point("other")))
        user.kill()
        user.wait(10)
        self.assert_equal_trees(image, daemon.mount(reference, mounted))
        daemon.stop()

    def test_the_next_daemon_mounts_nothing_that_shares_its_dead_device(self) -> None:
        daemon = self.serve_nothing()
        shared = ("shared", random.Random(11).randbytes(200_000))
        first, other = ([*write_image(self.folder / name, [[shared]], [(name, b"own")])] for name in ("first", "other"))
        first_reference, other_reference = self.push_files(*first, "first:latest"), self.push_files(*other, "other:latest")
        user = self.detached_and_used(daemon, daemon.mount(first_reference, self.mount_point()), "shared")
        daemon.stop()
        daemon.start()
        other_mounted = self.mount_point("other-mnt")
        other_mounted.mkdir()
        self.assert_busy(daemon, other_reference, other_mounted)
        user.kill()
        user.wait(10)
        self.assert_files(dict([shared, ("other", b"own")]), daemon.mount(other_reference, other_mounted))
        daemon.stop()
