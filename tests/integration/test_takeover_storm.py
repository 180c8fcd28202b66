"""Workers are killed again and again, at random instants, while images are read, mounted, filled and unmounted."""
import random

from harness import faults, images, programs, trees
from harness.case import BLOBS
from harness.churn import Churn
from harness.daemon import Daemon
from harness.images import Image
from harness.oci_layout import digest_of
from harness.scale import fresh_seed, scaled
from harness.takeover_case import Counts, TakeoverTest
from harness.trees import TreeSpec

KILLS = 60
OTHERS = 6
TREE = TreeSpec(seed=10, files=100, big_bytes=64 << 20, program=True)
OTHER = TreeSpec(files=10, big_bytes=2 << 20)
COMMITS = {"commit_interval": "20ms"}


class StormTest(TakeoverTest):
    alone = True

    def push_others(self, source: random.Random) -> list[tuple[Image, str]]:
        """Images that nobody has mounted before, and their references."""
        others = []
        for number in range(scaled(OTHERS)):
            folder = self.folder / f"other-{number}"
            trees.make_tree(folder / "tree", TreeSpec(source.randrange(1 << 30), OTHER.files, big_bytes=OTHER.big_bytes))
            images.make_image(folder)
            others.append((Image(folder), self.push(Image(folder), f"other-{number}:latest")))
        return others

    def assert_only_known_files(self, daemon: Daemon, known: list[Image]) -> None:
        digests = {digest_of(blob.read_bytes()).replace(":", "-") for image in known for blob in (image.bootstrap, image.device)}
        names = {path.name.removesuffix(".partial").removesuffix(".map") for path in (daemon.root / "objects").iterdir()}
        self.assertEqual(names - {f"v1-{digest}" for digest in digests}, set())

    def storm(self, **config: dict[str, object]) -> None:
        seed = fresh_seed()
        print(f"seed {seed}")
        source = random.Random(seed)
        daemon, image, mounted = self.serve_mounted(TREE, cache=COMMITS, **config)
        others = self.push_others(source)
        before, mounts = Counts.of(daemon, self.folder), daemon.mounts()
        churn = Churn(daemon, source)
        with self.proxy.inject(faults.Delay(0.02), BLOBS):
            readers = self.start_steady(seed, image, mounted)
            turn = 0
            while churn.kills < scaled(KILLS):
                churn.cycle(*others[turn % len(others)], self.mount_point(f"other-mount-{turn % 3}"))
                turn += 1
            found = self.finish_steady(readers)
        print(f"{churn.kills} kills, {turn} cycles, {len(churn.refused)} calls refused; readers: {found}")
        print("\n".join(sorted(set(churn.refused))))
        self.assertEqual(churn.wrong, [])
        self.assert_served(found)
        self.assertEqual(daemon.mounts(), mounts)
        self.assert_counts(before, daemon)
        self.assert_only_known_files(daemon, [image, *(other for other, _ in others)])
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_nobody_finds_out(self) -> None:
        self.storm()


class LoopStormTest(StormTest):
    def test_nobody_finds_out(self) -> None:
        if reason := programs.why_no_loop():
            self.skipTest(reason)
        self.storm(door={"fuse_loop": True})
