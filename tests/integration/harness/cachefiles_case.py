"""The base of tests of the cachefiles door: a small image behind that door, and what tests look at from outside."""
import hashlib
import os
import pathlib
import re

from .case import BLOBS, IntegrationTest
from .daemon import Daemon
from .gate import Gate
from .images import Image
from .trees import TreeSpec

SMALL = TreeSpec(files=30, mean_bytes=16 << 10, big_bytes=1 << 20)  # a machine without KVM is ten times slower
CHUNK = 64 << 10
DOOR = {"kind": "cachefiles"}


def read_at(path: pathlib.Path, offset: int, size: int = 4096) -> bytes:
    """One read, without the kernel's readahead around it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        return os.pread(descriptor, size, offset)
    finally:
        os.close(descriptor)


def drop_page_cache() -> None:
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")


def blob_path(file: pathlib.Path) -> str:
    """The end of the path by which a registry knows this file, for the request log."""
    return f"/blobs/sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}$"


class CachefilesTest(IntegrationTest):
    def serve(self, spec: TreeSpec = SMALL, **config: dict[str, object]) -> tuple[Daemon, Image, str]:
        return super().serve(spec, door=DOOR, **config)

    def mounted(self, spec: TreeSpec = SMALL, **config: dict[str, object]) -> tuple[Daemon, Image, pathlib.Path, str]:
        """Mounted, with the root folder read: (daemon, image, its mount, its reference)."""
        daemon, image, reference = self.serve(spec, **config)
        mounted = daemon.mount(reference, self.mount_point())
        self.assertEqual(daemon.status()["door"], "cachefiles")
        (mounted / "big").stat()
        return daemon, image, mounted, reference

    def closed_gate(self) -> Gate:
        """No blob comes until it is opened, or the test is over."""
        gate = Gate()
        injected = self.proxy.inject(gate, BLOBS)
        injected.__enter__()
        self.addCleanup(injected.__exit__, None, None, None)
        return gate

    def assert_fetched_once(self) -> None:
        """No byte of a blob went over the wire twice."""
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [])

    @staticmethod
    def kept_file(daemon: Daemon, file: pathlib.Path) -> pathlib.Path | None:
        """Where the kernel keeps the object of this blob. None before its first umount: until then it has no name."""
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        found = [path for path in (daemon.root / "cachefiles/cache").glob("I*/@*/D*") if digest in path.name]
        return found[0] if found else None

    @staticmethod
    def opens(daemon: Daemon, file: pathlib.Path) -> list[int]:
        """The kernel's numbers for the object of this blob, one for each time it was opened."""
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        return [int(number) for number in re.findall(rf"cachefiles object \S*{digest}\S* .*opened as (\d+)", daemon.process.log())]
