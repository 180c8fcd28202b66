"""A worker is killed while its mounts are in use: the next one goes on where it was, and no reader finds out."""
import os

from harness import faults, leftovers, programs
from harness.case import BLOBS
from harness.process import wait_until
from harness.scale import fresh_seed
from harness.takeover_case import Counts, TakeoverTest, rows
from harness.trees import TreeSpec

KILLS = 5
STRIDE = 128 << 10
PARKED = 64
LOT = TreeSpec(seed=8, files=1, big_bytes=PARKED * STRIDE, oddities=False)
TREE = TreeSpec(seed=9, files=60, big_bytes=16 << 20, program=True)


class ParkedReadsTest(TakeoverTest):
    alone = True

    def test_they_get_their_bytes_from_the_next_worker(self) -> None:
        daemon, image, mounted = self.serve_mounted(LOT)
        (mounted / "big").stat()
        self.wire.clear()
        gate = self.closed_gate()
        readers = self.start_readers("park", PARKED, STRIDE, mounted / "big")
        wait_until("the reads to wait", lambda: daemon.status()["parked_reads"] == PARKED)
        wait_until("their requests to arrive", lambda: len(self.wire.requests_for(BLOBS)) == PARKED)
        worker = daemon.kill_worker()
        self.wire.clear()
        daemon.wait_for_new_worker(worker)
        self.assertEqual(daemon.status()["parked_reads"], PARKED)
        gate.open()
        self.assertEqual(self.finish_readers(readers)["outcomes"], ["bytes"])
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [], "the next worker asked for something twice")
        self.assert_equal_trees(image, mounted)
        daemon.stop()


class SteadyReadersTest(TakeoverTest):
    alone = True

    def check(self, **config: dict[str, object]) -> None:
        seed = fresh_seed()
        daemon, image, mounted = self.serve_mounted(TREE, **config)
        before, mounts = Counts.of(daemon, self.folder), daemon.mounts()
        with self.proxy.inject(faults.Delay(0.02), BLOBS):
            readers = self.start_steady(seed, image, mounted)
            for _ in range(KILLS):
                fetched = self.wire.bytes_for(BLOBS)
                wait_until("misses", lambda fetched=fetched: self.wire.bytes_for(BLOBS) > fetched)
                daemon.wait_for_new_worker(daemon.kill_worker())
            found = self.finish_steady(readers)
        print(f"seed {seed}: {found}")
        self.assert_served(found)
        self.assertEqual(daemon.mounts(), mounts)
        self.assert_equal_trees(image, mounted)
        self.assert_counts(before, daemon)
        daemon.stop()

    def test_find_out_nothing(self) -> None:
        self.check()

    def test_find_out_nothing_over_a_loop_device(self) -> None:
        if reason := programs.why_no_loop():
            self.skipTest(reason)
        self.check(door={"fuse_loop": True})


class DetachedMountTest(TakeoverTest):
    def test_is_served_as_long_as_a_process_uses_it(self) -> None:
        daemon, image, mounted = self.serve_mounted(TREE)
        expected = (image.tree / "big").read_bytes()
        with (mounted / "big").open("rb") as opened:
            daemon.ctl("umount", "-l", mounted)
            for offset in range(0, KILLS * STRIDE, STRIDE):
                daemon.kill_worker()
                self.assertEqual(os.pread(opened.fileno(), STRIDE, offset), expected[offset:offset + STRIDE])
        wait_until("its record to go", lambda: not daemon.mounts() and not any(rows(daemon).values()))
        daemon.stop()


class ControlTest(TakeoverTest):
    def test_a_call_meanwhile_waits_for_the_next_worker(self) -> None:
        daemon, image, mounted = self.serve_mounted(TREE)
        for _ in range(KILLS):
            daemon.kill_worker()
            self.assertEqual(set(daemon.mounts()), {mounted})
        self.assert_equal_trees(image, daemon.mount(self.image_reference, self.mount_point("other")))
        daemon.stop()

    def test_what_is_unmounted_after_it_is_gone(self) -> None:
        daemon, _, mounted = self.serve_mounted(TREE)
        (mounted / "big").read_bytes()
        daemon.ctl("umount", mounted)
        self.assertEqual(leftovers.mounts_below(self.folder), [])
        daemon.wait_for_new_worker(daemon.kill_worker())
        self.assertEqual(daemon.mounts(), {})
        daemon.stop()
