"""`lacunactl upgrade` to versions that are broken, each in its way: the old one goes on, and says why."""
import os
import pathlib
import platform
import signal

from harness import proc, programs, tiny_elf
from harness.daemon import Daemon
from harness.process import wait_until
from harness.trees import TreeSpec
from harness.upgrade_case import UpgradeCase

SMALL = TreeSpec()
CHECK_PASSED = 86  # daemon/keeper/child_environment.h
DOES_NOT_RUN = "the new lacunad does not run, or cannot take over"
NOT_BOTH_THERE = "not both where they were"


def garbage(path: pathlib.Path) -> None:
    path.unlink()
    path.write_bytes(b"garbage" * 1000)
    path.chmod(0o755)


def script(path: pathlib.Path) -> None:
    garbage(path)
    path.write_text("#!/bin/sh\nexec sleep 60\n")


def cut_short(path: pathlib.Path) -> None:
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[:6000])  # of the whole much is for the debugger
    path.chmod(0o755)


def not_executable(path: pathlib.Path) -> None:
    garbage(path)
    path.write_bytes(pathlib.Path("/bin/true").read_bytes())
    path.chmod(0o644)


class RolledBackTest(UpgradeCase):
    alone = True

    def setUp(self) -> None:
        if platform.machine() != "x86_64":
            self.skipTest("its broken programs are for x86-64")
        super().setUp()

    def served(self, **options: object) -> Daemon:
        """One with a mount, and hard links to the programs that it was started from."""
        self.start_registry()
        self.image = self.images.get(SMALL)
        self.old = self.folder / "old-lacunad", self.folder / "old-lacunad-worker"
        for old, program in zip(self.old, (self.keeper, self.worker)):
            old.hardlink_to(program)
        daemon = self.start_daemon(**options)
        self.mounted = daemon.mount(self.push(self.image), self.mount_point())
        self.device = self.mounted.stat().st_dev
        return daemon

    def assert_old_version_serves(self, daemon: Daemon) -> None:
        self.assertEqual(self.mounted.stat().st_dev, self.device)
        self.assert_runs(daemon, *self.old)

    def rolled_back(self, daemon: Daemon, reason: str) -> None:
        done = daemon.ctl("upgrade", check=False)
        self.assertEqual(done.returncode, programs.FAILED, done.stderr)
        self.assertRegex(done.stderr, rf"lacunactl: upgrade: .*{reason}.*which ran before, goes on")
        self.assert_old_version_serves(daemon)

    def goes_on(self, daemon: Daemon) -> None:
        """Every byte is there, and a good upgrade works."""
        self.assert_equal_trees(self.image, self.mounted)
        self.install()
        daemon.ctl("upgrade")
        self.assert_runs(daemon, self.keeper, self.worker)
        daemon.stop()

    def test_keepers_that_do_not_run(self) -> None:
        daemon = self.served()
        for breaks in (garbage, script, cut_short, not_executable):
            self.install()
            breaks(self.keeper)
            self.rolled_back(daemon, DOES_NOT_RUN)
        for status in (0, 1):  # /bin/true is no keeper
            tiny_elf.exits(self.keeper, status)
            self.rolled_back(daemon, DOES_NOT_RUN)
        self.keeper.unlink()
        self.rolled_back(daemon, NOT_BOTH_THERE)
        self.goes_on(daemon)

    def test_a_keeper_that_hangs(self) -> None:
        daemon = self.served()
        tiny_elf.hangs(self.keeper)
        self.rolled_back(daemon, "the new lacunad hangs")
        self.goes_on(daemon)

    def test_workers_that_do_not_run(self) -> None:
        daemon = self.served()
        for breaks in (garbage, script, cut_short, not_executable):
            self.install()
            breaks(self.worker)
            self.rolled_back(daemon, "the new lacunad-worker ended with (status 127|signal)")
        for status in (0, 1):
            tiny_elf.exits(self.worker, status)
            self.rolled_back(daemon, f"the new lacunad-worker ended with status {status}")
        self.worker.unlink()
        self.rolled_back(daemon, NOT_BOTH_THERE)
        self.goes_on(daemon)

    def test_a_worker_that_hangs(self) -> None:
        """Reads wait for the old one meanwhile."""
        daemon = self.served()
        tiny_elf.hangs(self.worker)
        upgrade = self.begin_upgrade(daemon)
        wait_until("the trial", lambda: os.path.samefile(f"/proc/{self.newest_child(daemon)}/exe", self.worker))
        self.assert_equal_trees(self.image, self.mounted)
        self.assertIn("the new lacunad-worker is not ready in time", self.finish(upgrade, programs.FAILED))
        self.assert_old_version_serves(daemon)
        self.goes_on(daemon)

    def newest_child(self, daemon: Daemon) -> int:
        return (proc.children(daemon.process.pid) or [os.getpid()])[-1]

    def test_a_worker_that_dies_when_it_has_just_got_ready(self) -> None:
        daemon = self.served()
        self.install()
        upgrade = self.begin_upgrade(daemon)
        self.await_log(daemon, "has taken over")
        daemon.kill_worker()
        self.assertRegex(self.finish(upgrade, programs.FAILED), "the new lacunad-worker (died|ended with signal 9)")
        self.assert_old_version_serves(daemon)
        self.goes_on(daemon)

    def test_the_old_worker_dies_while_the_new_keeper_is_checked(self) -> None:
        """Its successor, which is not ready when the check ends, is none of the new version: no reason to roll back. (What
        stands for the new keeper takes its time, and the new worker is broken, lest it be executed.)"""
        daemon = self.served()
        tiny_elf.exits(self.keeper, CHECK_PASSED, after_seconds=2)
        garbage(self.worker)
        upgrade = self.begin_upgrade(daemon)
        wait_until("the check", lambda: os.path.samefile(f"/proc/{self.newest_child(daemon)}/exe", self.keeper))
        killed = daemon.kill_worker()
        os.kill(wait_until("the next one", lambda: self.other_worker(daemon, killed), every=0.001), signal.SIGSTOP)
        errors = self.finish(upgrade, programs.FAILED)
        self.assertIn("the new lacunad-worker ended with status 127", errors)
        self.assert_old_version_serves(daemon)
        self.goes_on(daemon)

    def other_worker(self, daemon: Daemon, killed: int) -> int | None:
        worker = daemon.worker_pid()
        return worker if worker != killed else None
