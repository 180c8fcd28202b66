"""Many readers at once, on real mounts."""
import time

from harness import faults, proc, programs
from harness.case import BLOBS, IntegrationTest
from harness.process import wait_until
from harness.trees import TreeSpec

SEED = 20240607
PARKED = 1000
STRIDE = 128 << 10  # two chunks apart: no two readers wait for the same
PARKING_LOT = TreeSpec(seed=3, files=1, big_bytes=PARKED * STRIDE, oddities=False)
MAY_GROW_BYTES = 64 << 20


class ReadersTest(IntegrationTest):
    alone = True

    def test_64_readers_of_4_objects(self) -> None:
        self.start_registry()
        images = [self.images.get(TreeSpec(seed=seed, files=40, mean_bytes=150_000, big_bytes=8 << 20)) for seed in range(4)]
        references = [self.push(image, f"test{i}:latest") for i, image in enumerate(images)]
        daemon = self.new_daemon().start()
        mounts = [daemon.mount(r, self.mount_point(f"mnt{i}")) for i, r in enumerate(references)]
        worker = daemon.worker_pid()
        threads_before = threads_most = len(proc.threads(worker))
        with self.proxy.inject(faults.Delay(0.02), BLOBS):  # so that readers do wait for each other's flights
            readers = self.start_readers("compare", SEED, 64, 40,
                                         *(f"{image.tree}={mount}" for image, mount in zip(images, mounts)))
            while readers.poll() is None:
                threads_most = max(threads_most, len(proc.threads(worker)))
                time.sleep(0.02)
        found = self.finish_readers(readers)
        self.assertEqual(found["wrong"], [], f"seed {SEED}")
        self.assertGreater(found["bytes"], 50 << 20)
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [])
        self.assertGreater(daemon.status()["misses"], 100)
        self.assertLessEqual(threads_most - threads_before, 4, "threads grow with misses")
        daemon.stop()

    def park(self, read_deadline: str) -> tuple:
        """A daemon with 1,000 reads parked, against a registry that never answers: (daemon, readers, memory before)."""
        fetch = {"read_deadline": read_deadline, "stall_timeout": "60s"}
        daemon, _, reference = self.serve(PARKING_LOT, fetch=fetch)
        mounted = daemon.mount(reference, self.mount_point())
        (mounted / "big").stat()
        resident_before = proc.resident_bytes(daemon.worker_pid())
        hang = self.proxy.inject(faults.Hang(), BLOBS)
        hang.__enter__()
        self.addCleanup(hang.__exit__, None, None, None)
        readers = self.start_readers("park", PARKED, STRIDE, mounted / "big")
        wait_until("1,000 parked reads", lambda: daemon.status()["parked_reads"] >= PARKED)
        return daemon, readers, resident_before

    def test_1000_parked_reads_end_by_their_deadline(self) -> None:
        deadline = 6.0
        daemon, readers, resident_before = self.park(f"{deadline:.0f}s")
        grown = proc.resident_bytes(daemon.worker_pid()) - resident_before
        found = self.finish_readers(readers)
        grown = max(grown, proc.resident_bytes(daemon.worker_pid()) - resident_before)
        print(f"{PARKED} parked reads: {grown >> 20} MiB more, readers waited {found['fastest']:.2f} to {found['slowest']:.2f} s")
        self.assertLess(grown, MAY_GROW_BYTES)
        self.assertEqual(found["outcomes"], ["EIO"])
        self.assertLessEqual(found["slowest"], 1.2 * deadline)
        self.assertEqual(daemon.status()["parked_reads"], 0)
        daemon.stop()

    def test_1000_parked_reads_do_not_hold_up_the_end(self) -> None:
        daemon, readers, _ = self.park("60s")
        daemon.stop()  # within 2 s
        self.assertEqual(self.finish_readers(readers)["outcomes"], ["EIO"])

    def test_a_killed_reader_goes_away_and_the_rest_is_served(self) -> None:
        daemon, image, reference = self.serve(PARKING_LOT, fetch={"read_deadline": "20s"})
        mounted = daemon.mount(reference, self.mount_point())
        with self.proxy.inject(faults.Delay(1.0), BLOBS):
            readers = self.start_readers("park", 50, STRIDE, mounted / "big")
            wait_until("parked reads", lambda: daemon.status()["parked_reads"] > 0)
            readers.kill()
        self.assertEqual((mounted / "big").read_bytes(), (image.tree / "big").read_bytes())
        self.assertEqual(readers.wait(10), -9)
        daemon.stop()


class UnreachableTest(IntegrationTest):
    def test_lacunactl_without_a_daemon(self) -> None:
        done = programs.run([programs.LACUNACTL, "--run", self.folder / "nowhere", "status"], check=False)
        self.assertEqual(done.returncode, programs.UNREACHABLE, done.stderr)
        self.assertRegex(done.stderr, r"^lacunactl: status.*lacunad")
