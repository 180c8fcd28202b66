"""A daemon that was killed had mounts: the next one mounts them again, by what it knows itself."""
import contextlib
import pathlib
import sqlite3

from harness import faults, leftovers
from harness.case import IntegrationTest
from harness.daemon import Daemon
from harness.process import wait_until
from harness.trees import TreeSpec

SMALL = TreeSpec(seed=5, files=20)
ANOTHER = TreeSpec(seed=6, files=20)


class MountsAfterCrashTest(IntegrationTest):
    def records(self, daemon: Daemon) -> dict[str, list[tuple]]:
        with contextlib.closing(sqlite3.connect(daemon.root / "cache.db")) as db:
            return {table: db.execute(f"SELECT * FROM {table}").fetchall()
                    for table in ("file_systems", "file_system_objects", "mounts")}

    def assert_nothing_is_recorded(self, daemon: Daemon) -> None:
        self.assertEqual(self.records(daemon), {"file_systems": [], "file_system_objects": [], "mounts": []})

    def warnings(self, daemon: Daemon) -> list[str]:
        return [line for line in daemon.process.log().splitlines() if "cannot be mounted again" in line]

    def serve_two(self) -> tuple[Daemon, list[pathlib.Path]]:
        """A daemon with three mounts of two images."""
        daemon, self.image, self.first = self.serve(SMALL)
        self.second = self.push(self.images.get(ANOTHER), "another:latest")
        directories = [self.mount_point(name) for name in ("a", "b", "c d")]
        for reference, directory in zip((self.first, self.first, self.second), directories):
            daemon.mount(reference, directory)
        return daemon, directories

    def test_every_directory_shows_its_image_again(self) -> None:
        daemon, directories = self.serve_two()
        before = daemon.mounts()
        daemon.kill()
        daemon.start()
        daemon.await_mounts(*directories)
        after = daemon.mounts()
        for directory in directories:
            self.assertEqual(after[directory]["reference"], before[directory]["reference"])
            self.assertEqual(after[directory]["manifest_digest"], before[directory]["manifest_digest"])
        self.assert_equal_trees(self.image, directories[0])
        self.assert_equal_trees(self.image, directories[1])
        self.assert_equal_trees(self.images.get(ANOTHER), directories[2])
        self.assertEqual(len(self.records(daemon)["file_systems"]), 2)
        daemon.stop()
        self.assert_nothing_is_recorded(daemon)

    def test_twice(self) -> None:
        daemon, directories = self.serve_two()
        for _ in range(2):
            daemon.kill()
            daemon.start()
            daemon.await_mounts(*directories)
        self.assert_equal_trees(self.image, directories[0])
        daemon.stop()

    def test_what_was_unmounted_stays_so(self) -> None:
        daemon, directories = self.serve_two()
        daemon.ctl("umount", directories[0])
        daemon.ctl("umount", directories[2])
        daemon.kill()
        daemon.start()
        daemon.await_mounts(directories[1])
        self.assertEqual(len(self.records(daemon)["mounts"]), 1)
        daemon.stop()

    def test_a_registry_that_hangs_delays_nothing(self) -> None:
        daemon, directories = self.serve_two()
        daemon.kill()
        with self.proxy.inject(faults.Hang()):
            daemon.start()
            daemon.await_mounts(*directories)
        self.assert_equal_trees(self.image, directories[0])
        daemon.stop()

    def test_what_cannot_be_mounted_again_is_said_once_and_forgotten(self) -> None:
        daemon, directories = self.serve_two()
        daemon.kill()
        leftovers.detach_all_below(self.folder)
        directories[0].rmdir()
        daemon.start()
        daemon.await_mounts(*directories[1:])
        wait_until("the old records to go", lambda: len(self.records(daemon)["file_systems"]) == 2)
        warning, = self.warnings(daemon)
        self.assertIn(f"{self.first} was mounted at {directories[0]} when lacunad died", warning)
        self.assertIn("No such file", warning)
        directories[0].mkdir()
        daemon.kill()
        daemon.start()
        daemon.await_mounts(*directories[1:])
        self.assertEqual(self.warnings(daemon), [])
        daemon.stop()

    def test_an_end_while_mounts_come_back(self) -> None:
        daemon, directories = self.serve_two()
        daemon.kill()
        for file in (daemon.root / "objects").iterdir():
            file.unlink()  # now even a bootstrap has to be asked for
        with self.proxy.inject(faults.Hang()):
            self.wire.clear()
            daemon.start()
            wait_until("a mount to ask", self.wire.requests_for)
            daemon.stop()
        self.assertEqual(self.warnings(daemon), [])
        self.assert_nothing_is_recorded(daemon)
        self.assertFalse(directories[0].is_mount())

    def test_what_another_boot_had_mounted_is_forgotten(self) -> None:
        daemon, _ = self.serve_two()
        daemon.kill()
        with contextlib.closing(sqlite3.connect(daemon.root / "cache.db")) as db, db:
            db.execute("UPDATE file_systems SET boot_id = 'another'")
        daemon.start()
        self.assert_nothing_is_recorded(daemon)
        self.assertEqual(daemon.mounts(), {})
        self.assertEqual(leftovers.mounts_below(self.folder), [])
        daemon.stop()

    def test_a_mount_that_cannot_be_recorded_is_none(self) -> None:
        daemon, _, reference = self.serve(SMALL)
        with contextlib.closing(sqlite3.connect(daemon.root / "cache.db")) as db, db:
            db.execute("CREATE TRIGGER stop BEFORE INSERT ON mounts BEGIN SELECT RAISE(ABORT, 'no room here'); END")
        self.mount_point().mkdir()
        done = daemon.ctl("mount", reference, self.mount_point(), check=False)
        self.assertIn("no room here", done.stderr)
        self.assertEqual(leftovers.mounts_below(self.folder), [])
        self.assertEqual(daemon.mounts(), {})
        self.assert_nothing_is_recorded(daemon)
        daemon.stop()
