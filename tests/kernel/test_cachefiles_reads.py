"""Reads at the cachefiles door on a real kernel: what fails, what is there in part, and many at once."""
import errno
import pathlib
import time

from cachefiles_case import SMALL
from harness import faults, inject_syscall, proc
from harness.case import BLOBS
from harness.page_cache import drop_page_cache
from harness.process import wait_until
from mounted_case import MountedTest, opens, read_at

SEED = 20240611
DEADLINE_SECONDS = 3.0
FAILURE_MEMORY_SECONDS = 0.5
FETCH = {"read_deadline": f"{DEADLINE_SECONDS:.0f}s", "failure_memory": f"{FAILURE_MEMORY_SECONDS * 1000:.0f}ms"}


class FailedReadsTest(MountedTest):
    kernels = "6.12 6.1"

    def reads_eio(self, path: pathlib.Path) -> float:
        """The seconds it took."""
        started = time.monotonic()
        with self.assertRaises(OSError) as caught:
            read_at(path, 0)
        self.assertEqual(caught.exception.errno, errno.EIO)
        return time.monotonic() - started

    def test_a_fetch_that_fails_is_eio_by_the_deadline(self) -> None:
        daemon, image, mounted, _ = self.mounted(fetch=FETCH)
        with self.proxy.inject(faults.Hang(), BLOBS):
            self.assertLess(self.reads_eio(mounted / "big"), 1.2 * DEADLINE_SECONDS)
        daemon.forget_failures(FAILURE_MEMORY_SECONDS)
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_a_read_answered_without_data_is_eio_and_counted(self) -> None:
        daemon, image, mounted, _ = self.mounted(fetch=FETCH)
        errors_before = daemon.status()["errors"]
        with self.proxy.inject(faults.Answer(404), BLOBS):
            self.assertLess(self.reads_eio(mounted / "big"), DEADLINE_SECONDS)
        self.assertGreater(daemon.status()["errors"], errors_before)
        daemon.forget_failures(FAILURE_MEMORY_SECONDS)
        self.assert_equal_trees(image, mounted)
        daemon.stop()


class LostDescriptorTest(MountedTest):
    kernels = "6.12 6.1"

    def test_an_object_whose_descriptor_was_lost_is_opened_again(self) -> None:
        """Something in the daemon closes what it should not: the kernel has lost its way to us, for that object."""
        daemon, image, mounted, reference = self.mounted()
        read_at(mounted / "big", 512 << 10)
        for process in (daemon.worker_pid(), daemon.process.pid):
            lost = proc.descriptors(process, "anon_inode:[cachefiles]")
            self.assertEqual(len(lost), 2, "bootstrap and device")
            for descriptor in lost:  # which keeps the number taken: the daemon would write into whatever gets it next
                inject_syscall.dup2(process, 0, descriptor)
        opened_before = opens(daemon, image.device)
        self.assert_equal_trees(image, mounted)
        opened = opens(daemon, image.device)
        self.assertEqual(len(opened), len(opened_before) + 1)
        self.assertEqual(len(set(opened)), len(opened))
        self.assert_fetched_once()
        daemon.ctl("umount", mounted)
        self.assert_equal_trees(image, daemon.mount(reference, mounted))
        self.assert_fetched_once()
        daemon.stop()


class KilledReaderTest(MountedTest):
    def test_a_killed_reader_goes_at_once_and_the_next_one_is_served(self) -> None:
        daemon, image, mounted, _ = self.mounted()
        gate = self.closed_gate()
        readers = self.start_readers("park", 1, 0, mounted / "big")
        wait_until("the read to wait", lambda: daemon.status()["parked_reads"] == 1)
        readers.kill()
        self.assertEqual(readers.wait(2), -9)
        gate.open()
        wait_until("the late answer", lambda: daemon.status()["parked_reads"] == 0)
        self.assert_equal_trees(image, mounted)
        self.assert_fetched_once()
        self.assertNotIn("READ_COMPLETE", daemon.process.log())
        daemon.stop()


class PartlyPresentTest(MountedTest):
    kernels = "6.12 6.1"

    def test_a_read_across_present_and_missing_chunks_fetches_only_the_missing(self) -> None:
        daemon, image, mounted, _ = self.mounted()
        expected = (image.tree / "big").read_bytes()
        for offset in range(128 << 10, len(expected), 256 << 10):  # three chunks of four are missing then
            self.assertEqual(read_at(mounted / "big", offset), expected[offset:offset + 4096])
        drop_page_cache()
        pieces = len(self.wire.requests_for(BLOBS))
        self.assertEqual((mounted / "big").read_bytes(), expected)
        self.assertGreater(len(self.wire.requests_for(BLOBS)), pieces)
        self.assert_fetched_once()
        self.assert_equal_trees(image, mounted)
        self.assert_fetched_once()
        daemon.stop()


class ManyReadersTest(MountedTest):
    kernels = "6.12 6.1"
    READERS = 64

    def test_64_readers_of_one_file(self) -> None:
        daemon, image, mounted, _ = self.mounted()
        with self.proxy.inject(faults.Delay(0.1), BLOBS):  # so that readers do wait for each other's flights
            readers = self.start_readers("park", self.READERS, SMALL.big_bytes // self.READERS, mounted / "big")
            self.assertEqual(self.finish_readers(readers)["outcomes"], ["bytes"])
        self.assert_equal_trees(image, mounted)
        self.assert_fetched_once()
        daemon.stop()

    def test_64_readers_of_many_files(self) -> None:
        daemon, image, mounted, _ = self.mounted()
        with self.proxy.inject(faults.Delay(0.1), BLOBS):
            found = self.finish_readers(self.start_readers("compare", SEED, self.READERS, 8, f"{image.tree}={mounted}"))
        self.assertEqual(found["wrong"], [], f"seed {SEED}")
        self.assert_equal_trees(image, mounted)
        self.assert_fetched_once()
        daemon.stop()
