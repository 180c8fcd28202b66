"""What is read from caches that a power cut left, at the cachefiles door. Runs in the test machine that recorder.py starts."""
import os
import pathlib
import random

from harness import volume
from harness.case import IntegrationTest

from .recorded_fill import SPECS

FIRST_DISK = "b"  # /dev/vda is the machine's own


class ReplayedStates(IntegrationTest):
    def test_serve(self) -> None:
        """Of each disk two images, every byte. What is missing is fetched; what the kernel takes for data must be."""
        self.start_registry(storage=pathlib.Path(os.environ["LACUNA_TEST_STORAGE"]))
        source = random.Random(int(os.environ["LACUNA_TEST_SEED"]))
        for number in range(int(os.environ["LACUNA_TEST_DISKS"])):
            disk = volume.device(self.folder / "disk", pathlib.Path(f"/dev/vd{chr(ord(FIRST_DISK) + number)}"))
            self.serve(disk / "root", source.sample(sorted(SPECS), 2))
            volume.unmount(disk)

    def serve(self, root: pathlib.Path, names: list[str]) -> None:
        daemon = self.new_daemon(root=root).start("--door", "cachefiles")
        for name in names:
            mounted = daemon.mount(self.reference(name), self.mount_point(name))
            original = pathlib.Path(os.environ[f"LACUNA_TEST_FILE_{name}"])
            self.assertTrue((mounted / "big").read_bytes() == original.read_bytes(), f"{root}: {name}")
        print(f"fetched again: {self.wire.bytes_for('/blobs/')} bytes")
        self.wire.clear()
        daemon.stop()
