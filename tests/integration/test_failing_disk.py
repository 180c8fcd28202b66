"""A disk that takes writes and loses them: what was lost is noticed, no reader gets a wrong byte, and all is fetched again."""
from harness import programs
from harness.failing_disk import FullMemoryDisk
from harness.failing_disk_case import HERE_BEFORE, WHILE_IT_FAILS, FailingDiskCase
from harness.page_cache import drop_page_cache


class FailingDiskTest(FailingDiskCase):
    def setUp(self) -> None:
        super().setUp()
        if reason := programs.why_no_loop():
            self.skipTest(reason)

    def test_an_object_whose_bytes_were_lost_is_dropped_and_fetched_again(self) -> None:
        self.disk = FullMemoryDisk(self.folder, journal_too=False)
        daemon = self.mounted()
        self.await_commit(daemon)
        self.disk.fail()
        done = daemon.ctl("prefetch", "--wait", self.reference(), check=False)
        self.assertEqual(done.returncode, programs.FAILED, done.stderr)
        # A bug of this test: whether the chunk map can be wiped hangs on whether a commit had its blocks allocated before.
        dropped = r"dropped: (the chunk map is left unwiped \(.*\): )?the object's bytes are lost"
        self.assertRegex(done.stderr, dropped + ": sync .*No space left on device")
        self.await_failed(daemon)
        self.assertRegex(daemon.process.log(), " error object .* " + dropped)
        drop_page_cache()
        self.assertEqual(self.count_failures(WHILE_IT_FAILS), len(WHILE_IT_FAILS))
        self.assertGreaterEqual(daemon.status()["errors"], len(WHILE_IT_FAILS))
        self.disk.heal()
        self.wire.clear()
        self.mount_anew(daemon)
        self.assert_equal_trees(self.image, self.at)
        daemon.ctl("prefetch", "--wait", self.reference())
        self.assertGreaterEqual(self.wire.bytes_for("/blobs/"), self.image.device.stat().st_size)
        daemon.stop()
        self.disk.remount()
        self.check_files(daemon.root)

    def test_no_reader_gets_what_the_disk_lost_before_the_next_commit(self) -> None:
        """A bug: a chunk is present once it is written, and was served as zeros when the kernel had failed to write it back and
        had let go of its pages, until the next commit noticed."""
        self.disk = FullMemoryDisk(self.folder, journal_too=False)
        self.check_that_lost_bytes_are_never_read()

    def test_a_journal_that_cannot_be_written(self) -> None:
        """ext4 gives up and lets nobody write any more: what was on the disk before is true, the rest is fetched again by the next
        daemon, on a disk that works."""
        self.disk = FullMemoryDisk(self.folder, journal_too=True)
        daemon = self.mounted()
        self.await_commit(daemon)
        self.disk.fail()
        done = daemon.ctl("prefetch", "--wait", self.reference(), check=False)
        self.assertEqual(done.returncode, programs.FAILED, done.stderr)
        drop_page_cache()
        self.assertGreater(self.count_failures(WHILE_IT_FAILS), 0)
        self.count_failures(HERE_BEFORE)
        self.assertGreater(daemon.status()["errors"], 0)
        daemon.stop()
        self.disk.heal()
        self.disk.remount()
        self.check_files(daemon.root)
        daemon.start()
        # Elsewhere: that the first mount ended could not be written down, so it may have come back.
        self.assert_equal_trees(self.image, daemon.mount(self.reference(), self.mount_point("again")))
        daemon.ctl("prefetch", "--wait", self.reference())
        daemon.stop()
