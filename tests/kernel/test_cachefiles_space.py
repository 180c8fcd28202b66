"""The disk below a door on a real kernel: what is kept, what is taken away, and a disk that is full or stuck."""
import concurrent.futures
import contextlib
import ctypes
import errno
import os
import pathlib
import time
from collections.abc import Iterator

from cachefiles_case import blob_path
from harness import proc, programs
from harness.case import BLOBS
from harness.daemon import Daemon
from harness.page_cache import drop_page_cache
from harness.process import wait_until
from mounted_case import CHUNK, MountedTest, kept_file, read_at
from small_disk_case import CULL, RUN, STOP, SmallDiskTest

KEEP_SIZE, PUNCH_HOLE = 1, 2  # of fallocate(2)
SYS_PIDFD_GETFD = 438

_libc = ctypes.CDLL(None, use_errno=True)


def punch(file: pathlib.Path, offset: int, size: int) -> None:
    descriptor = os.open(file, os.O_RDWR)
    try:
        if _libc.fallocate(descriptor, KEEP_SIZE | PUNCH_HOLE, ctypes.c_long(offset), ctypes.c_long(size)) != 0:
            raise OSError(ctypes.get_errno(), f"punching a hole into {file}")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def borrow_descriptor(pid: int, number: int) -> int:
    """A descriptor of our own for what the process has at `number` (pidfd_getfd(2))."""
    process = os.pidfd_open(pid)
    try:
        borrowed = _libc.syscall(SYS_PIDFD_GETFD, process, number, 0)
    finally:
        os.close(process)
    if borrowed < 0:
        raise OSError(ctypes.get_errno(), f"pidfd_getfd({pid}, {number})")
    return borrowed


class KeptTest(MountedTest):
    kernels = "6.12 6.1"

    def test_a_filled_image_needs_no_network(self) -> None:
        daemon, image, mounted, _ = self.mounted()
        self.assert_equal_trees(image, mounted)
        drop_page_cache()
        self.wire.clear()
        self.proxy.vanish()
        self.assert_equal_trees(image, mounted)
        self.assertEqual(self.wire.requests_for(), [])
        daemon.stop()

    def test_a_chunk_that_was_taken_away_is_fetched_again_and_nothing_else(self) -> None:
        daemon, image, mounted, reference = self.mounted()
        self.assert_equal_trees(image, mounted)
        daemon.ctl("umount", mounted)
        punch(wait_until("the object to get its name", lambda: kept_file(daemon, image.device)), 5 * CHUNK, CHUNK)
        self.wire.clear()
        drop_page_cache()
        self.assert_equal_trees(image, daemon.mount(reference, mounted))
        self.assertEqual(self.wire.ranges_for(blob_path(image.device)), [(5 * CHUNK, 6 * CHUNK)])
        self.assertEqual(self.wire.ranges_for(BLOBS), [(5 * CHUNK, 6 * CHUNK)])
        daemon.stop()


class InUseTest(MountedTest):
    """What the kernel itself says to `inuse`, whose word the culler takes."""

    kernels = "6.12 6.1"

    def error_of(self, daemon: Daemon, command: str, file: pathlib.Path) -> int:
        """0, or the errno that the kernel answers to `command NAME`, which goes by the caller's working directory."""
        [number] = proc.descriptors(daemon.process.pid, "/dev/cachefiles")
        device, before = borrow_descriptor(daemon.process.pid, number), os.getcwd()
        os.chdir(file.parent)
        try:
            os.write(device, f"{command} {file.name}".encode())
        except OSError as error:
            return error.errno
        finally:
            os.chdir(before)
            os.close(device)
        return 0

    def test_what_is_mounted_is_in_use_and_nothing_else(self) -> None:
        daemon, image, mounted, reference = self.mounted()
        read_at(mounted / "big", 0)
        daemon.ctl("umount", mounted)
        file = wait_until("the object to get its name", lambda: kept_file(daemon, image.device))
        self.assertEqual(self.error_of(daemon, "inuse", file), 0)
        daemon.mount(reference, mounted)
        read_at(mounted / "big", 512 << 10)
        for command in ("inuse", "cull"):
            self.assertEqual(self.error_of(daemon, command, file), errno.EBUSY, command)
        self.assert_equal_trees(image, mounted)
        daemon.ctl("umount", mounted)
        wait_until("the object to be free", lambda: self.error_of(daemon, "inuse", file) == 0)
        self.assertEqual(self.error_of(daemon, "cull", file), 0)
        self.assertEqual(self.error_of(daemon, "inuse", file), errno.ENOENT)
        self.wire.clear()
        self.assert_equal_trees(image, daemon.mount(reference, mounted))
        self.assertGreater(self.wire.bytes_for(blob_path(image.device)), image.device.stat().st_size // 2)
        daemon.stop()


class CullTest(SmallDiskTest):
    kernels = "6.12 6.1"

    def test_the_unused_is_culled_and_what_is_in_use_is_not(self) -> None:
        for reference, image in ((self.first_reference, self.first), (self.other_reference, self.other)):
            mounted = self.mount(reference, "mnt")
            (mounted / "four-kib").read_bytes()
            read_at(mounted / "big", 0, 512 << 10)
            self.daemon.ctl("umount", mounted)
            wait_until("the object to get its name", lambda: kept_file(self.daemon, image.device))
        mounted = self.mount(self.other_reference, "mnt")
        self.leave_free((STOP + CULL) / 2)
        self.assert_equal_trees(self.other, mounted)  # which writes, so that the kernel looks at the disk
        wait_until("the unused object to go", lambda: not kept_file(self.daemon, self.first.device))
        self.assertLess(self.free_percent(), RUN, "there was no reason to touch the object in use")
        drop_page_cache()
        self.assert_equal_trees(self.other, mounted)
        self.assertIsNotNone(kept_file(self.daemon, self.other.device))
        self.daemon.ctl("umount", mounted)
        wait_until("the other object to go", lambda: not kept_file(self.daemon, self.other.device), seconds=20)
        self.leave_free(50)
        self.wire.clear()
        self.assert_equal_trees(self.first, self.mount(self.first_reference, "again"))
        self.assertGreater(self.wire.bytes_for(blob_path(self.first.device)), self.first.device.stat().st_size // 2)
        self.assert_fetched_once()
        self.daemon.stop()


class FullDiskTest(SmallDiskTest):
    kernels = "6.12 6.1"

    def test_a_full_disk_fails_reads_of_what_is_missing_and_nothing_else(self) -> None:
        mounted = self.mount(self.first_reference, "mnt")
        expected = (self.first.tree / "big").read_bytes()
        self.assertEqual(read_at(mounted / "big", 0), expected[:4096])
        self.leave_free(STOP / 2)
        for _ in range(2):
            with self.assertRaises(OSError) as caught:
                read_at(mounted / "big", 512 << 10)
            self.assertEqual(caught.exception.errno, errno.EIO)
        self.assertGreater(self.daemon.status()["errors"], 0)
        self.assertEqual(len(self.daemon.ctl_json("mounts", "ls")["mounts"]), 1)
        drop_page_cache()
        self.assertEqual(read_at(mounted / "big", 0), expected[:4096])
        self.leave_free(50)
        self.daemon.forget_failures()
        self.assert_equal_trees(self.first, mounted)
        self.daemon.ctl("umount", mounted)
        self.daemon.stop()


class StuckDiskCase(SmallDiskTest):
    """A disk that holds every write up, and lets all else through."""

    deadline_seconds = 4.0
    fetch = SmallDiskTest.fetch | {"read_deadline": f"{deadline_seconds:.0f}s"}

    @contextlib.contextmanager
    def writes_held_up(self) -> Iterator[None]:
        programs.run(["fsfreeze", "--freeze", self.disk])
        try:
            yield
        finally:
            programs.run(["fsfreeze", "--unfreeze", self.disk])

    def check_that_a_reader_gets_eio_by_its_deadline(self) -> None:
        mounted = self.mount(self.first_reference, "mnt")
        (mounted / "big").stat()
        started = time.monotonic()
        with self.writes_held_up():
            with self.assertRaises(OSError) as caught:
                read_at(mounted / "big", 512 << 10)
            self.assertLess(time.monotonic() - started, 1.2 * self.deadline_seconds)
        self.assertEqual(caught.exception.errno, errno.EIO)
        self.daemon.forget_failures()
        self.assert_equal_trees(self.first, mounted)
        self.daemon.stop()


class StuckDiskTest(StuckDiskCase):
    kernels = "6.12 6.1"

    def test_a_reader_gets_its_bytes_once_they_are_written_and_not_before(self) -> None:
        mounted = self.mount(self.first_reference, "mnt")
        (mounted / "big").stat()
        self.wire.clear()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            with self.writes_held_up():
                read = pool.submit(read_at, mounted / "big", 512 << 10)
                wait_until("the chunk to come", lambda: self.wire.bytes_for(blob_path(self.first.device)) >= CHUNK)
                self.assertEqual(concurrent.futures.wait([read], self.deadline_seconds / 4).done, set())
            self.assertEqual(read.result(), (self.first.tree / "big").read_bytes()[512 << 10:][:4096])
        self.assert_equal_trees(self.first, mounted)
        self.assert_fetched_once()
        self.daemon.stop()

    def test_a_reader_gets_eio_by_its_deadline(self) -> None:
        self.check_that_a_reader_gets_eio_by_its_deadline()


class StuckDiskBelowFuseTest(StuckDiskCase):
    door = {"kind": "fuse"}

    def test_a_reader_gets_eio_by_its_deadline(self) -> None:
        self.check_that_a_reader_gets_eio_by_its_deadline()
