"""The harness notices what it is there to notice: every kind of difference, and everything that may be left behind."""
import os
import pathlib
import shutil
import socket

from harness import leftovers, volume
from harness.case import IntegrationTest
from harness.trees import TreeSpec, differences, make_tree

SPEC = TreeSpec(seed=6, files=5, mean_bytes=1000, big_bytes=0)


class DifferencesTest(IntegrationTest):
    def setUp(self) -> None:
        super().setUp()
        self.original, self.copy = self.folder / "original", self.folder / "copy"
        make_tree(self.original, SPEC)
        shutil.copytree(self.original, self.copy, symlinks=True, copy_function=self.copy_file)
        os.chown(self.copy / "empty", 1234, 70000)
        self.assertEqual(differences(self.original, self.copy), [])

    @staticmethod
    def copy_file(source: str, target: str) -> None:
        if pathlib.Path(source).is_fifo():
            os.mkfifo(target)
        else:
            shutil.copyfile(source, target)
        shutil.copystat(source, target)

    def finds(self, name: str) -> None:
        self.assertRegex("\n".join(differences(self.original, self.copy)), name)

    def test_one_byte(self) -> None:
        before = (self.copy / "four-kib").stat()
        with (self.copy / "four-kib").open("r+b") as file:
            last = file.read()[-1]
            file.seek(4095)
            file.write(bytes([last ^ 1]))
        os.utime(self.copy / "four-kib", ns=(before.st_atime_ns, before.st_mtime_ns))
        self.finds("^four-kib: other bytes")

    def test_names(self) -> None:
        (self.copy / "empty").rename(self.copy / "renamed")
        self.finds("only in one: empty\nonly in one: renamed")

    def test_mode(self) -> None:
        (self.copy / "executable").chmod(0o755)
        self.finds("^executable: ")

    def test_owner(self) -> None:
        os.chown(self.copy / "executable", 0, 1)
        self.finds("^executable: ")

    def test_xattr(self) -> None:
        os.setxattr(self.copy / "four-kib", "user.lacuna", b"other")
        self.finds("^four-kib: ")

    def test_link_target(self) -> None:
        (self.copy / "link").unlink()
        (self.copy / "link").symlink_to("deep/level-1")
        self.finds("link: ")

    def test_a_hole_that_is_filled_with_something(self) -> None:
        before = (self.copy / "sparse").stat()
        with (self.copy / "sparse").open("r+b") as file:
            file.seek(5 << 20)
            file.write(b"x")
        os.utime(self.copy / "sparse", ns=(before.st_atime_ns, before.st_mtime_ns))
        self.finds("^sparse: other bytes")


class LeftoversTest(IntegrationTest):
    def test_a_mount_a_loop_device_a_socket_and_a_process_are_seen(self) -> None:
        daemon, _, reference = self.serve(door={"fuse_loop": True})
        daemon.mount(reference, self.mount_point())
        kinds = {line.split()[0] for line in daemon.leftovers()}
        self.assertEqual(kinds, {"mount", "loop", "socket", "process"})
        daemon.stop()
        self.assertEqual(daemon.leftovers(), [])

    def test_a_socket_that_nobody_listens_at(self) -> None:
        daemon = self.new_daemon().start()
        daemon.stop()
        with socket.socket(socket.AF_UNIX) as forgotten:
            forgotten.bind(str(daemon.run / "lacunad.sock"))
        with self.assertRaisesRegex(AssertionError, "socket .*lacunad.sock"):
            daemon.check_no_leftovers()

    def test_mounts_are_detached_the_last_one_first(self) -> None:
        volume.tmpfs(self.folder / "outer")
        volume.tmpfs(self.folder / "outer" / "inner")
        self.assertEqual([pathlib.Path(p).name for p in leftovers.detach_all_below(self.folder)], ["inner", "outer"])
        self.assertEqual(leftovers.mounts_below(self.folder), [])
