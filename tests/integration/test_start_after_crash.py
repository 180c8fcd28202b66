"""How long it takes until 1,000 objects are served again after a crash, of the worker alone and of everything."""
import os
import pathlib
import random
import signal
import time

from harness import programs, volume
from harness.case import BLOBS, IntegrationTest
from harness.daemon import Daemon
from harness.erofs_writer import write_image
from harness.page_cache import drop_page_cache
from harness.process import wait_until
from harness.registry_storage import store_image

IMAGES, DEVICES = 10, 99  # of each image, and its bootstrap: 1,000 objects
BYTES = 70_000  # of a device: two chunks, of which one is here
PROMISED_SECONDS = 10.0


class StartAfterCrashTest(IntegrationTest):
    def setUp(self) -> None:
        super().setUp()
        if reason := programs.why_no_loop():
            self.skipTest(reason)
        # In memory: what is measured is ours, not how busy the disk of the host is.
        self.memory = volume.tmpfs(self.folder / "memory")
        source = random.Random(91)
        storage = self.memory / "storage"
        self.files = {}
        for image in range(IMAGES):
            files = [(f"file-{number:02}", source.randbytes(BYTES)) for number in range(DEVICES)]
            bootstrap, devices = write_image(self.memory / f"image-{image}", [[file] for file in files])
            store_image(storage, f"image-{image}", "latest", bootstrap.read_bytes(), [device.read_bytes() for device in devices])
            self.files |= {self.mount_point(f"mnt-{image}") / name: content for name, content in files}
        self.start_registry(storage=storage)
        self.root = volume.ext4(self.memory / "disk", 256 << 20) / "root"

    def mounted(self) -> Daemon:
        """A daemon with all images mounted, the first chunk of each device here and committed."""
        daemon = self.new_daemon(root=self.root, cache={"commit_interval": "100ms"}).start()
        for image in range(IMAGES):
            daemon.mount(self.reference(f"image-{image}:latest"), self.mount_point(f"mnt-{image}"))
        self.check_reads(0)
        wait_until("the maps", lambda: self.committed(daemon.root) == IMAGES * DEVICES)
        return daemon

    @staticmethod
    def committed(root: pathlib.Path) -> int:
        return sum(map_file.stat().st_size > 0 for map_file in (root / "objects").glob("*.map"))

    def check_reads(self, offset: int, every: int = 1) -> None:
        for path, content in list(self.files.items())[::every]:
            with path.open("rb", buffering=0) as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
                found = os.pread(file.fileno(), 1000, offset)
            self.assertTrue(found == content[offset:offset + 1000], f"{path} at {offset}")

    def served_again(self, crashed: str, began: float, daemon: Daemon) -> None:
        """What is here is read without the registry."""
        answered = time.monotonic() - began
        daemon.await_mounts(*map(self.mount_point, (f"mnt-{image}" for image in range(IMAGES))))
        mounted = time.monotonic() - began
        drop_page_cache()
        self.wire.clear()
        self.check_reads(0)
        read = time.monotonic() - began
        self.assertEqual(self.wire.bytes_for(BLOBS), 0)
        print(f"crash of {crashed}: {len(self.files) + IMAGES} objects, {IMAGES} mounts: answers after {answered:.2f} s, "
              f"all mounted after {mounted:.2f} s, a chunk of each read after {read:.2f} s")
        self.assertLess(mounted, PROMISED_SECONDS)

    def test_of_the_worker_alone_and_then_of_everything(self) -> None:
        daemon = self.mounted()
        worker, = self.children(daemon.process.pid)
        began = time.monotonic()
        os.kill(worker, signal.SIGKILL)
        wait_until("another worker", lambda: self.children(daemon.process.pid) not in ([], [worker]))
        wait_until("it to answer", lambda: daemon.ctl("status", check=False).returncode == 0)
        self.served_again("the worker", began, daemon)
        daemon.kill()
        began = time.monotonic()
        daemon.start()
        self.served_again("everything", began, daemon)
        self.check_reads(BYTES - 1000, every=10)
        daemon.stop()

    @staticmethod
    def children(pid: int) -> list[int]:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
