"""Copies of a cache folder in which a daemon is at work, and of what kill -9 leaves: no chunk that a map calls present is wrong."""
import os
import pathlib
import random
import shutil
import time

from harness import faults, programs, volume
from harness.case import BLOBS, IntegrationTest
from harness.daemon import Daemon
from harness.scale import fresh_seed, scaled
from harness.sparse_copy import copy_sparse
from harness.trees import TreeSpec
from harness.truth import Findings, Truth, object_name

SPECS = {f"image-{seed}": TreeSpec(seed=seed, files=10, mean_bytes=8 << 10, big_bytes=1 << 20) for seed in (71, 72, 73)}
COPIES = 500
FILLS = 8  # at most so many caches are filled for them
COMMITS = {"commit_interval": "20ms"}


def copy_live(root: pathlib.Path, target: pathlib.Path) -> None:
    """A copy that a crash could have left. The maps come first: what a map calls present was in the file before the map was
    written, and stays there; so it is also there later, when the file is copied. The other way round a chunk that came between the
    two copies would be in the map and not in the file, which no crash makes of it. (Nothing is dropped meanwhile.)"""
    shutil.rmtree(target, ignore_errors=True)
    (target / "objects").mkdir(parents=True)
    files = sorted((root / "objects").iterdir(), key=lambda file: file.suffix != ".map") + sorted(root.glob("cache.db*"))
    for file in files:
        try:
            copy_sparse(file, target / file.relative_to(root))
        except FileNotFoundError:
            pass  # an object was finished: its map is gone, its file renamed


class LiveCopiesTest(IntegrationTest):
    def setUp(self) -> None:
        super().setUp()
        if reason := programs.why_no_loop():
            self.skipTest(reason)
        # In memory, because each copy is synced when it is looked at.
        self.copies = volume.ext4(volume.tmpfs(self.folder / "memory") / "copies", 128 << 20)
        self.start_registry()
        self.image = {name: self.images.get(spec) for name, spec in SPECS.items()}
        for name, image in self.image.items():
            self.push(image, name)
        blobs = [blob for image in self.image.values() for blob in (image.bootstrap, image.device)]
        self.truth = Truth(self.folder / "truth", blobs)
        self.total, self.looked_at = Findings(), 0
        seed = fresh_seed()
        print(f"seed {seed}")
        self.source = random.Random(seed)

    def fill(self, daemon: Daemon) -> None:
        """All images: the first by readers, the others by prefetch. It takes some seconds."""
        for name in self.image:
            daemon.mount(self.reference(name), self.mount_point(name))
        first, *others = self.image
        pair = f"{self.image[first].tree}={self.mount_point(first)}"
        self.readers = self.start_readers("compare", self.source.randrange(1000), 4, 25, pair)
        for name in others:
            daemon.ctl("prefetch", self.reference(name))

    @staticmethod
    def all_here(daemon: Daemon) -> bool:
        return all(entry["state"] == "finished" for entry in daemon.status()["objects"])

    def finish(self) -> None:
        self.assertEqual(self.finish_readers(self.readers)["wrong"], [])

    def look_at(self, root: pathlib.Path) -> None:
        found = self.truth.check(root)
        self.assertEqual(found.wrong, [], f"copy {self.looked_at}")
        self.total.add(found)
        self.looked_at += 1

    def serves_all(self, daemon: Daemon) -> None:
        """Every byte of every image, after a start where a crash left off."""
        for name, image in self.image.items():
            self.assert_equal_trees(image, daemon.mount(self.reference(name), self.mount_point(f"{name}-again")))
        daemon.stop()

    def report(self) -> None:
        print(f"{self.looked_at} copies, {self.total.chunks} chunks compared, of {self.total.finished} finished and "
              f"{self.total.partial} partly filled objects")
        self.assertGreater(self.total.partial, self.looked_at, "too few were taken while objects were filled")

    def test_copies_of_a_live_cache_folder(self) -> None:
        wanted = scaled(COPIES)
        with self.proxy.inject(faults.Throttle(128 << 10), BLOBS):
            for _ in range(scaled(FILLS)):
                daemon = self.new_daemon(cache=COMMITS).start()
                self.fill(daemon)
                while self.looked_at < wanted and not self.all_here(daemon):
                    self.copy_some(daemon, min(10, wanted - self.looked_at))
                self.finish()
                daemon.stop()
                if self.looked_at == wanted:
                    break
        self.report()
        self.assertEqual(self.looked_at, wanted, f"{FILLS} fills were over sooner")
        self.serves_all(self.new_daemon(root=self.copies / "copy").start())

    def copy_some(self, daemon: Daemon, count: int) -> None:
        for _ in range(count):
            time.sleep(self.source.uniform(0, 0.02))  # any instant will do
            copy_live(daemon.root, self.copies / "copy")
            self.look_at(self.copies / "copy")

    def test_what_kill_9_leaves(self) -> None:
        for _ in range(scaled(4)):
            with self.proxy.inject(faults.Throttle(1 << 20), BLOBS):
                daemon = self.new_daemon(cache=COMMITS).start()
                self.fill(daemon)
                time.sleep(self.source.uniform(0, 1))  # any instant will do
                daemon.kill()
            self.readers.communicate(timeout=60)  # they got EIO
            copy_live(daemon.root, self.copies / "copy")
            self.look_at(self.copies / "copy")
            self.look_at(daemon.root)
            daemon.start()
            daemon.await_mounts(*map(self.mount_point, self.image))
            for name, image in self.image.items():
                self.assert_equal_trees(image, self.mount_point(name))
            daemon.stop()
        self.report()

    def test_the_check_sees_bytes_that_are_not_there(self) -> None:
        """The comparison itself: a chunk that the map calls present and that is a hole, and one wrong byte of a finished object."""
        daemon = self.new_daemon(cache=COMMITS).start()
        part, whole = list(self.image)[:2]
        mounted = daemon.mount(self.reference(part), self.mount_point(part))
        with (mounted / "big").open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            os.pread(file.fileno(), 4096, 512 << 10)
        daemon.mount(self.reference(whole), self.mount_point(whole))
        daemon.ctl("prefetch", "--wait", self.reference(whole))
        daemon.stop()
        self.look_at(daemon.root)
        self.assertEqual((self.total.partial, self.total.finished), (1, 3), "a device in part; a device and the bootstraps")
        planted = {object_name(self.image[part].device) + ".partial": self.make_hole, object_name(self.image[whole].device): self.flip}
        for name, plant in planted.items():
            plant(daemon.root / "objects" / name)
            wrong = self.truth.check(daemon.root).wrong
            self.assertIn(name.partition(".")[0], " ".join(wrong))

    @staticmethod
    def make_hole(file: pathlib.Path) -> None:
        size = file.stat().st_size
        os.truncate(file, 0)
        os.truncate(file, size)

    @staticmethod
    def flip(file: pathlib.Path) -> None:
        with file.open("r+b") as opened:
            first = opened.read(1)[0]
            opened.seek(0)
            opened.write(bytes([first ^ 1]))
