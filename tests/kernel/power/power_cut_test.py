"""Power cuts: a guest fills a cache on a disk that QEMU records; then its disk is made anew as hundreds of power cuts could have left
it, and each time every chunk that a successor believes to be there is compared with the truth.
"""
import pathlib
import random

from harness import programs, volume
from harness.case import IntegrationTest
from harness.registry_storage import store_image
from harness.scale import SCALE, fresh_seed, scaled
from harness.truth import Findings, Truth, object_name
from vm import machine
from vm.kernel import Kernel

from . import crash_states, recorder
from .recorded_fill import SPECS
from .write_log import read_epochs

STATES = 240
STARTS = 10  # of these lacunad itself is started on
KERNEL_STATES = 3  # that a machine with the cachefiles door is started on
MOST_DISKS = 8  # of one machine
RECORD_SECONDS = 110


class PowerCutCase(IntegrationTest):
    door: str

    def setUp(self) -> None:
        super().setUp()
        self.kernel = Kernel("6.12")
        if reason := machine.why_not_here() or self.kernel.why_missing() or programs.why_no_loop():
            self.skipTest(reason)
        self.seed = fresh_seed()
        self.source = random.Random(self.seed)
        print(f"seed {self.seed}: LACUNA_TEST_SEED={self.seed} draws the same states of another recording")
        self.image = {name: self.images.get(spec) for name, spec in SPECS.items()}
        self.storage = self.folder / "storage"
        for name, image in self.image.items():
            store_image(self.storage, name, "latest", image.bootstrap.read_bytes(), [image.device.read_bytes()])
        blobs = [blob for image in self.image.values() for blob in (image.bootstrap, image.device)]
        self.truth = Truth(self.folder / "truth", blobs)

    def record(self, base: pathlib.Path, log: pathlib.Path) -> None:
        recorder.make_disk(log.with_name("guest"))
        crash_states.copy_sparse(log.with_name("guest"), base)
        names = {f"LACUNA_TEST_OBJECT_{name}": object_name(image.device) for name, image in self.image.items()}
        outcome = recorder.record(self.kernel.path, log.with_name("guest"), log, round(RECORD_SECONDS * max(1, SCALE)),
                                  self.storage, LACUNA_TEST_SEED=str(self.seed), LACUNA_TEST_DOOR=self.door, **names)
        self.assertEqual((outcome.status, outcome.complaints), (0, []), outcome.output + outcome.kernel_log[-4000:])


class PowerCutTest(PowerCutCase):
    door = "fuse"

    def test_no_power_cut_leaves_a_wrong_byte(self) -> None:
        # In memory: the disks are written hundreds of times, and nobody wants to keep them.
        disks = volume.tmpfs(self.folder / "disks")
        base, log = disks / "base", disks / "log"
        self.record(base, log)
        epochs = read_epochs(log)
        states = crash_states.draw(epochs, scaled(STATES), self.source)
        started_on = set(self.source.sample(range(len(states)), min(STARTS, len(states))))
        print(f"{sum(len(epoch.writes) for epoch in epochs)} writes in {len(epochs)} epochs")
        self.start_registry(storage=self.storage)
        total, bad = Findings(), []
        for number, state in enumerate(crash_states.replay(base, epochs, states, disks / "state")):
            found = self.look_at(disks / "state", str(state), number in started_on)
            total.add(found)
            bad += [f"{state}: {found.wrong}"] if found.wrong else []
        print(f"{len(states)} states, {total.chunks} chunks compared, of {total.finished} finished and {total.partial} partly filled "
              f"objects, {total.empty} empty; {len(bad)} states are bad")
        self.assertEqual(bad[:3], [])
        self.assertGreater(total.chunks, 10 * len(states), "too little was there to be wrong")
        self.assertGreater(total.partial, len(states))

    def look_at(self, disk: pathlib.Path, state: str, start: bool) -> Findings:
        point = volume.device(self.folder / "replayed", disk, "loop")
        try:
            root = point / "root"
            if not root.exists():
                return Findings()
            found = self.truth.check(root)
            if start and not found.wrong:
                self.start_on(root, state)
            return found
        finally:
            volume.unmount(point)

    def start_on(self, root: pathlib.Path, state: str) -> None:
        """A daemon starts there, whatever happened to cache.db, and serves what is there and what is not."""
        for file in root.glob("cache.db*"):
            if self.source.random() < 0.3:
                self.damage(file)
        daemon = self.new_daemon(root=root).start()
        self.assertEqual(daemon.mounts(), {}, f"{state}: what another boot had mounted")
        for name in self.source.sample(sorted(self.image), 2):
            mounted = daemon.mount(self.reference(name), self.mount_point(name))
            with self.subTest(state=state, image=name):
                self.assert_equal_trees(self.image[name], mounted)
        daemon.stop()

    def damage(self, file: pathlib.Path) -> None:
        size = file.stat().st_size
        with file.open("r+b") as opened:
            for _ in range(3):
                opened.seek(self.source.randrange(size) // 512 * 512 if size else 0)
                opened.write(self.source.randbytes(512))


class CachefilesPowerCutTest(PowerCutCase):
    """There the kernel knows what it has, and nobody can ask it but by reading, on a kernel that has the door."""
    door = "cachefiles"

    def test_no_power_cut_leaves_a_wrong_byte(self) -> None:
        disks = volume.tmpfs(self.folder / "disks")
        base, log = disks / "base", disks / "log"
        self.record(base, log)
        epochs = read_epochs(log)
        filled = epochs[len(epochs) // 3:]  # before that there is little to be wrong
        states = crash_states.draw(filled, min(scaled(KERNEL_STATES), MOST_DISKS), self.source)
        kept = []
        for state in crash_states.replay(base, epochs, states, disks / "state"):
            print(state)
            kept.append((disks / "state").rename(disks / f"state-{len(kept)}"))
        files = {f"LACUNA_TEST_FILE_{name}": str(image.tree / "big") for name, image in self.image.items()}
        outcome = recorder.serve(self.kernel.path, kept, RECORD_SECONDS, self.storage, LACUNA_TEST_SEED=str(self.seed), **files)
        print(outcome.output)
        self.assertEqual((outcome.status, outcome.complaints), (0, []), outcome.kernel_log[-4000:])
