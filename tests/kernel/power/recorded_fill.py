"""What happens to the cache folder whose disk is recorded. Runs in the test machine that recorder.py starts, as a test of its own.

Objects are filled by readers and by prefetch at the same time, in part, in full, again after the daemon was killed, and anew after
they were dropped; and writes of the page cache go to the disk all the time, in between those that lacunad syncs.
"""
import os
import pathlib
import random
import threading

from harness import volume
from harness.case import BLOBS, IntegrationTest
from harness.faults import Throttle
from harness.trees import TreeSpec

DISK = pathlib.Path("/dev/vdb")
SPECS = {name: TreeSpec(seed=seed, files=6, mean_bytes=8 << 10, big_bytes=2 << 20, oddities=False)
         for seed, name in enumerate(("whole", "part", "later", "dropped"), 61)}
SLOT_BYTES = 4096  # of a small object's map
COMMIT_INTERVAL = "20ms"
BYTES_PER_SECOND = 1 << 20  # of each answer: a fill is many commits


class RecordedFill(IntegrationTest):
    def setUp(self) -> None:
        super().setUp()
        for name in ("writeback", "expire"):
            pathlib.Path(f"/proc/sys/vm/dirty_{name}_centisecs").write_text("10")
        self.start_registry(storage=pathlib.Path(os.environ["LACUNA_TEST_STORAGE"]))
        disk = volume.device(self.folder / "disk", DISK, "commit=1")
        self.daemon = self.new_daemon(root=disk / "root", cache={"commit_interval": COMMIT_INTERVAL})
        self.source = random.Random(int(os.environ["LACUNA_TEST_SEED"]))

    def start(self) -> None:
        self.daemon.start("--door", os.environ["LACUNA_TEST_DOOR"])

    def mount(self, name: str) -> pathlib.Path:
        return self.daemon.mount(self.reference(name), self.mount_point(name))

    def reader(self, name: str, reads: int) -> threading.Thread:
        """Reads some of a big file, here and there."""
        source = random.Random(self.source.random())

        def read() -> None:
            with (self.mount_point(name) / "big").open("rb", buffering=0) as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
                for _ in range(reads):
                    os.pread(file.fileno(), 4096, source.randrange(SPECS[name].big_bytes))

        thread = threading.Thread(target=read)
        thread.start()
        return thread

    def test_fill(self) -> None:
        with self.proxy.inject(Throttle(BYTES_PER_SECOND), BLOBS):
            self.fill_whole_and_others_in_part()
            self.daemon.kill()
            self.start()
            self.daemon.await_mounts(*map(self.mount_point, SPECS))
            self.fill_more()
            self.daemon.stop()
            self.damage_the_map("dropped")
            self.start()
            self.fill_what_was_dropped()
        print("recorded")  # the machine ends now, as by a power cut

    def fill_whole_and_others_in_part(self) -> None:
        self.start()
        for name in SPECS:
            self.mount(name)
        readers = [self.reader(name, 12) for name in ("part", "dropped", "later")]
        self.daemon.ctl("prefetch", "--wait", self.reference("whole"))
        for reader in readers:
            reader.join()
        self.daemon.ctl("prefetch", self.reference("later"))

    def fill_more(self) -> None:
        reader = self.reader("part", 8)
        self.daemon.ctl("prefetch", "--wait", self.reference("later"))
        reader.join()

    def damage_the_map(self, name: str) -> None:
        """So that lacunad drops the object at the next start. (The kernel has no maps at the cachefiles door.)"""
        maps = [path for path in (self.daemon.root / "objects").glob("*.map")
                if path.name.startswith(os.environ[f"LACUNA_TEST_OBJECT_{name}"])]
        for path in maps:
            with path.open("r+b") as file:
                for slot in range(2):
                    file.seek(slot * SLOT_BYTES)
                    file.write(b"damaged")
                file.flush()
                os.fsync(file.fileno())

    def fill_what_was_dropped(self) -> None:
        for name in ("dropped", "part"):
            self.mount(name)
        readers = [self.reader(name, 8) for name in ("dropped", "part")]
        for reader in readers:
            reader.join()
        self.daemon.ctl("prefetch", "--wait", self.reference("dropped"))
