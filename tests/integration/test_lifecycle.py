"""The daemon's life: how it starts, refuses to start, ends, and comes back after a crash."""
import errno
import os
import pathlib
import signal
import subprocess
import time

from harness import faults, leftovers, programs, volume
from harness.case import BLOBS, IntegrationTest
from harness.daemon import StartError
from harness.process import wait_until
from harness.trees import TreeSpec

BIG = TreeSpec(seed=2, files=60, big_bytes=24 << 20)


class EndTest(IntegrationTest):
    def ends_while_mounted(self, number: signal.Signals) -> None:
        daemon, _, reference = self.serve()
        mounted = daemon.mount(reference, self.mount_point())
        (mounted / "four-kib").read_bytes()
        daemon.stop(number)
        self.assertFalse(mounted.is_mount())

    def test_ctrl_c(self) -> None:
        self.ends_while_mounted(signal.SIGINT)

    def test_sigterm(self) -> None:
        self.ends_while_mounted(signal.SIGTERM)

    def test_while_a_file_is_open(self) -> None:
        daemon, _, reference = self.serve(BIG)
        mounted = daemon.mount(reference, self.mount_point())
        with (mounted / "big").open("rb") as opened:
            opened.read(10)
            daemon.stop()
            with self.assertRaises(OSError) as caught:
                os.pread(opened.fileno(), 4096, 20 << 20)
            self.assertEqual(caught.exception.errno, errno.EIO)

    def test_during_a_prefetch(self) -> None:
        daemon, _, reference = self.serve(BIG)
        daemon.mount(reference, self.mount_point())
        self.wire.clear()
        with self.proxy.inject(faults.Hang(), BLOBS):
            prefetch = subprocess.Popen([*self.ctl_command(daemon), "prefetch", "--wait", reference], stderr=subprocess.PIPE)
            self.addCleanup(prefetch.stderr.close)
            wait_until("the prefetch to fetch", lambda: self.wire.requests_for(BLOBS))
            daemon.stop()
        self.assertNotEqual(prefetch.wait(10), programs.DONE)

    def test_during_a_mount(self) -> None:
        daemon, _, reference = self.serve()
        with self.proxy.inject(faults.Hang()):
            mount = self.mounting(daemon, reference)
            daemon.stop()
        self.assertNotEqual(mount.wait(10), programs.DONE)

    def test_ctrl_c_of_lacunactl_mount(self) -> None:
        daemon, image, reference = self.serve()
        with self.proxy.inject(faults.Hang()):
            mount = self.mounting(daemon, reference)
            mount.send_signal(signal.SIGINT)
            self.assertEqual(mount.wait(10), programs.INTERRUPTED)
        self.assertFalse(self.mount_point().is_mount())
        self.assert_equal_trees(image, daemon.mount(reference, self.mount_point("again")))
        daemon.stop()

    def test_ctrl_c_of_lacunactl_prefetch(self) -> None:
        daemon, _, reference = self.serve(BIG)
        mounted = daemon.mount(reference, self.mount_point())
        self.wire.clear()
        with self.proxy.inject(faults.Hang(), BLOBS):
            prefetch = subprocess.Popen([*self.ctl_command(daemon), "prefetch", "--wait", reference], stderr=subprocess.PIPE)
            self.addCleanup(prefetch.stderr.close)
            wait_until("the prefetch to fetch", lambda: self.wire.requests_for(BLOBS))
            prefetch.send_signal(signal.SIGINT)
            self.assertEqual(prefetch.wait(10), programs.INTERRUPTED)
        self.assertTrue(mounted.is_mount())
        daemon.stop()

    def mounting(self, daemon, reference: str) -> subprocess.Popen:
        """A `lacunactl mount` that waits for the registry."""
        self.mount_point().mkdir()
        self.wire.clear()
        command = [*self.ctl_command(daemon), "mount", reference, str(self.mount_point())]
        mount = subprocess.Popen(command, stderr=subprocess.PIPE)
        self.addCleanup(mount.stderr.close)
        self.addCleanup(mount.kill)
        wait_until("the mount to ask", lambda: self.wire.requests_for() or self.wire.requests_for(method="HEAD"))
        return mount

    @staticmethod
    def ctl_command(daemon) -> list[str]:
        return [str(programs.LACUNACTL), "--run", str(daemon.run)]


class CrashTest(IntegrationTest):
    def crash_and_restart(self, **config: dict[str, object]) -> None:
        daemon, image, reference = self.serve(BIG, cache={"commit_interval": "100ms"}, **config)
        mounted = daemon.mount(reference, self.mount_point())
        expected = (image.tree / "big").read_bytes()
        self.assertEqual((mounted / "big").read_bytes(), expected)
        time.sleep(1)  # ten commits
        daemon.kill()
        self.assertNotEqual(leftovers.mounts_below(self.folder), [])
        with self.assertRaises(OSError) as caught:
            (mounted / "sparse").read_bytes()
        self.assertIn(caught.exception.errno, (errno.EIO, errno.ENOTCONN))
        self.wire.clear()
        daemon.start()
        daemon.await_mounts(mounted)
        self.assertEqual((mounted / "big").read_bytes(), expected)
        self.assertLess(self.wire.bytes_for(BLOBS), 1 << 20)
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_kill_9_then_restart(self) -> None:
        self.crash_and_restart()

    def test_kill_9_then_restart_over_a_loop_device(self) -> None:
        if reason := programs.why_no_loop():
            self.skipTest(reason)
        self.crash_and_restart(door={"fuse_loop": True})

    def test_kill_9_during_the_fill_again_and_again(self) -> None:
        daemon, image, reference = self.serve(BIG, cache={"commit_interval": "20ms"})
        mounted = daemon.mount(reference, self.mount_point())
        for _ in range(6):
            with self.proxy.inject(faults.Delay(0.05), BLOBS):
                daemon.ctl("prefetch", reference)
                time.sleep(0.15)
                daemon.kill()
            daemon.start()
            daemon.await_mounts(mounted)
        self.assert_equal_trees(image, mounted)
        daemon.ctl("prefetch", "--wait", reference)
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_kill_9_with_reads_parked(self) -> None:
        daemon, _, reference = self.serve(BIG)
        mounted = daemon.mount(reference, self.mount_point())
        (mounted / "big").stat()
        with self.proxy.inject(faults.Hang(), BLOBS):
            reader = subprocess.Popen(["cat", str(mounted / "big")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            self.addCleanup(reader.stderr.close)
            wait_until("a parked read", lambda: daemon.status()["parked_reads"])
            daemon.kill()
            self.assertNotEqual(reader.wait(10), 0)


class RefusalTest(IntegrationTest):
    """Where lacunad cannot do its work it says why and what to do, and leaves nothing behind."""

    def refuses(self, daemon, message: str) -> None:
        with self.assertRaises(StartError) as caught:
            daemon.start()
        self.assertEqual(caught.exception.status, programs.FAILED)
        self.assertRegex(caught.exception.log, message)
        self.assertRegex(caught.exception.log, "(?m)^lacunad: ")
        daemon.check_no_leftovers()

    def test_a_second_daemon_on_one_cache_folder(self) -> None:
        first, image, reference = self.serve()
        self.refuses(self.new_daemon(root=first.root), f"{first.root}.*(another|in use|already)")
        self.assert_equal_trees(image, first.mount(reference, self.mount_point()))
        first.stop()

    def test_a_second_daemon_on_one_run_folder(self) -> None:
        first, image, reference = self.serve()
        mounted = first.mount(reference, self.mount_point())
        second = self.new_daemon()
        second.run = first.run
        done = programs.run(second.command(), check=False)
        self.assertEqual(done.returncode, programs.FAILED)
        self.assertRegex(done.stderr, f"(?m)^lacunad: .*{first.run}")
        self.assert_equal_trees(image, mounted)
        first.stop()

    def test_a_read_only_cache_folder(self) -> None:
        root = volume.read_only(self.folder / "root")
        self.refuses(self.new_daemon(root=root), f"{root}.*[Rr]ead-only")

    def test_a_cache_folder_on_tmpfs(self) -> None:
        root = volume.tmpfs(self.folder / "root")
        self.refuses(self.new_daemon(root=root), f"{root}.*tmpfs")

    def test_a_cache_folder_on_overlayfs(self) -> None:
        root = volume.overlayfs(self.folder / "root")
        self.refuses(self.new_daemon(root=root), f"{root}.*overlay")

    def test_not_root(self) -> None:
        # Copies, because nobody may be able to look into the build folder.
        self.folder.chmod(0o711)
        program = programs.copy_lacunad(self.folder)
        home = self.folder / "nobodys"
        home.mkdir()
        os.chown(home, 65534, 65534)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", program,
                   "--root", home / "root", "--run", home / "run"]
        done = programs.run(command, check=False)
        self.assertEqual(done.returncode, programs.FAILED, done.stderr)
        self.assertRegex(done.stderr, "(?m)^lacunad: .*root")
        self.assertEqual([p for p in home.rglob("*") if p.is_socket()], [])

    def test_a_wrong_configuration(self) -> None:
        daemon = self.new_daemon(fetch={"read_deadlin": "5s"})
        self.refuses(daemon, r"lacunad.toml:\d+: .*read_deadlin")
        checked = programs.run([*daemon.command(), "--check-config"], check=False)
        self.assertEqual(checked.returncode, programs.FAILED)

    def test_an_unknown_option(self) -> None:
        done = programs.run([programs.LACUNAD, "--no-such-option"], check=False)
        self.assertEqual(done.returncode, programs.USAGE, done.stderr)

    def test_a_door_that_this_host_does_not_have(self) -> None:
        if pathlib.Path("/dev/cachefiles").exists():
            self.skipTest("this host has /dev/cachefiles; tests/kernel looks at that")
        with self.assertRaises(StartError) as refused:
            self.new_daemon(door={"kind": "cachefiles"}).start()
        self.assertIn("modprobe cachefiles", refused.exception.log)
        self.assertIn("lacunactl doctor", refused.exception.log)


class NoSpaceTest(IntegrationTest):
    def test_a_full_disk_fails_reads_and_nothing_else(self) -> None:
        if reason := programs.why_no_loop():
            self.skipTest(reason)
        root = volume.ext4(self.folder / "small", 16 << 20)
        self.start_registry()
        image = self.images.get(BIG)
        reference = self.push(image)
        daemon = self.new_daemon(root=root / "root").start()
        mounted = daemon.mount(reference, self.mount_point())
        self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
        done = daemon.ctl("prefetch", "--wait", "--all", reference, check=False)
        self.assertEqual(done.returncode, programs.FAILED, done.stderr)
        self.assertRegex(done.stderr, "space|full")
        self.reads_right_or_eio(mounted / "big", (image.tree / "big").read_bytes())
        daemon.status()
        daemon.ctl("umount", mounted)
        daemon.stop()

    def reads_right_or_eio(self, path: pathlib.Path, expected: bytes) -> None:
        failed = 0
        with path.open("rb", buffering=0) as file:
            for offset in range(0, len(expected), 1 << 20):
                try:
                    self.assertEqual(os.pread(file.fileno(), 4096, offset), expected[offset:offset + 4096])
                except OSError as error:
                    self.assertEqual(error.errno, errno.EIO)
                    failed += 1
        self.assertGreater(failed, 0)
