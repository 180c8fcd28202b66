"""The base of tests that start with a mounted image at the cachefiles door, and what they look at from outside the daemon."""
import os
import pathlib
import re

from cachefiles_case import SMALL, CachefilesTest
from harness.case import BLOBS
from harness.daemon import Daemon
from harness.images import Image
from harness.oci_layout import digest_of

CHUNK = 64 << 10


def read_at(path: pathlib.Path, offset: int, size: int = 4096) -> bytes:
    """One read, without the kernel's readahead around it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        return os.pread(descriptor, size, offset)
    finally:
        os.close(descriptor)


class MountedTest(CachefilesTest):
    def mounted(self, **config: dict[str, object]) -> tuple[Daemon, Image, pathlib.Path, str]:
        """A small image, mounted, its root folder read: (daemon, image, its mount, its reference)."""
        daemon, image, reference = self.serve(SMALL, **config)
        mounted = daemon.mount(reference, self.mount_point())
        (mounted / "big").stat()
        return daemon, image, mounted, reference

    def assert_fetched_once(self) -> None:
        """No byte of a blob went over the wire twice."""
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [])


def name_in_kernel(blob: pathlib.Path) -> str:
    """What the kernel's name for this blob's object has in it."""
    return digest_of(blob.read_bytes()).replace(":", "-")


def kept_file(daemon: Daemon, blob: pathlib.Path) -> pathlib.Path | None:
    """Where the kernel keeps the object of this blob. None before its first umount: until then the file has no name."""
    name = name_in_kernel(blob)
    return next((path for path in (daemon.root / "cachefiles/cache").glob("I*/@*/D*") if name in path.name), None)


def opens(daemon: Daemon, blob: pathlib.Path) -> list[int]:
    """The kernel's numbers for the object of this blob, one for each time it was opened."""
    found = re.findall(rf"cachefiles object \S*{name_in_kernel(blob)} .*opened as (\d+)", daemon.process.log())
    return [int(number) for number in found]
