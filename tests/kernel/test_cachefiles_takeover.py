"""Workers are killed at the cachefiles door on a real kernel: the next one goes on where they were, and no reader finds out."""
import dataclasses
import random
import time

from cachefiles_case import SMALL, erofs_mounts
from harness import faults
from harness.case import BLOBS
from harness.churn import Churn
from harness.process import wait_until
from harness.scale import fresh_seed, scaled
from harness.takeover_case import Counts, TakeoverTest
from harness.trees import TreeSpec
from mounted_case import CHUNK, MountedTest, kept_file, name_in_kernel, read_at
from small_disk_case import CULL, STOP, SmallDiskTest

READERS = 8
STEADY_READERS = 3
KILLS = 10
CULLS = 4
STRIDE = SMALL.big_bytes // READERS
TREE = TreeSpec(seed=12, files=30, mean_bytes=16 << 10, big_bytes=8 << 20, program=True)


class CachefilesTakeoverTest(TakeoverTest, MountedTest):
    pass


class ParkedReadsTest(CachefilesTakeoverTest):
    kernels = "6.12 6.1"

    def test_they_get_their_bytes_from_the_next_worker(self) -> None:
        daemon, image, mounted, reference = self.mounted()
        gate = self.closed_gate()
        readers = self.start_readers("park", READERS, STRIDE, mounted / "big")
        wait_until("the reads to wait", lambda: daemon.status()["parked_reads"] == READERS)
        for _ in range(2):
            self.wire.clear()
            daemon.wait_for_new_worker(daemon.kill_worker())
            wait_until("the reads to wait again", lambda: daemon.status()["parked_reads"] == READERS)
        gate.open()
        self.assertEqual(self.finish_readers(readers)["outcomes"], ["bytes"])
        self.assert_equal_trees(image, mounted)
        self.assert_fetched_once()
        daemon.ctl("umount", mounted)
        self.assertEqual(erofs_mounts(), [])
        self.assert_equal_trees(image, daemon.mount(reference, mounted))
        self.assert_fetched_once()
        daemon.stop()


class StormTest(CachefilesTakeoverTest):
    def test_nobody_finds_out(self) -> None:
        seed = fresh_seed()
        print(f"seed {seed}")
        daemon, image, mounted = self.serve_mounted(TREE)
        other = self.images.get(dataclasses.replace(SMALL, seed=2))
        other_reference = self.push(other, "other:latest")
        before, mounts = Counts.of(daemon, self.folder), daemon.mounts()
        churn = Churn(daemon, random.Random(seed), latest_kill_seconds=1.0)
        with self.proxy.inject(faults.Delay(0.1), BLOBS):
            readers = self.start_steady(seed, image, mounted, STEADY_READERS)
            while churn.kills < scaled(KILLS):
                churn.cycle(other, other_reference, self.mount_point("other"))
            found = self.finish_steady(readers)
        print(f"{churn.kills} kills, {churn.refused}; readers: {found}")
        self.assertEqual(churn.wrong, [])
        self.assertEqual((found["wrong"], found["errors"], found["died"]), ([], {}, []))
        self.assertEqual(daemon.mounts(), mounts)
        self.assert_counts(before, daemon)
        self.assertEqual([line for line in erofs_mounts() if name_in_kernel(other.device) in line], [])
        self.assert_equal_trees(image, mounted)
        daemon.ctl("umount", mounted)
        daemon.stop()


class CullTest(TakeoverTest, SmallDiskTest):
    def test_what_is_culled_is_gone_and_what_is_in_use_is_whole(self) -> None:
        source = random.Random(fresh_seed())
        used = self.mount(self.other_reference, "used")
        for turn in range(scaled(CULLS)):
            mounted = self.mount(self.first_reference, "mnt")
            read_at(mounted / "big", 0, 512 << 10)
            self.daemon.ctl("umount", mounted)
            wait_until("the object to get its name", lambda: kept_file(self.daemon, self.first.device))
            self.leave_free((STOP + CULL) / 2)
            # Which writes, the first times, so that the kernel looks at the disk; backwards, since what lies ahead is prefetched.
            read_at(used / "big", (15 - turn % 16) * CHUNK)
            time.sleep(source.uniform(0, 0.3))
            self.daemon.kill_worker()
            wait_until("the unused object to go", lambda: not kept_file(self.daemon, self.first.device), seconds=30)
            self.assertIsNotNone(self.daemon.mounts().get(used))
            self.leave_free(50)
        self.assert_equal_trees(self.other, used)
        self.assert_equal_trees(self.first, self.mount(self.first_reference, "mnt"))
        self.daemon.ctl("umount", "--all")
        self.daemon.stop()
