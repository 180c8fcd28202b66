"""`lacunactl upgrade`: from one version to the next while many read."""
import os
import signal
import time

from harness import proc, programs, tiny_elf
from harness.load_case import BIG
from harness.process import wait_until
from harness.scale import scaled
from harness.upgrade_case import PREVIOUS, UpgradeCase

UPGRADES = 20
TAKEN_OVER = "has taken over"


class UpgradeTest(UpgradeCase):
    alone = True

    def test_back_and_forth_under_readers(self) -> None:
        """No read fails, lacunad keeps its process id, and nothing becomes more."""
        self.start_registry()
        image = self.images.get(BIG)
        daemon = self.start_daemon()
        mounted = daemon.mount(self.push(image), self.mount_point())
        device, pid, descriptors = mounted.stat().st_dev, daemon.process.pid, []
        with self.under_readers(image, mounted, seconds=scaled(25)):
            for number in range(scaled(UPGRADES)):
                self.install(PREVIOUS if number % 2 == 0 else programs.BUILD)
                self.assertRegex(daemon.ctl("upgrade").stdout, "^upgraded to lacunad ")
                self.assert_runs(daemon, self.keeper, self.worker)
                descriptors.append(self.least_descriptors(pid))
        self.assertTrue(daemon.process.running())
        self.assertEqual(mounted.stat().st_dev, device)
        self.assertEqual(set(descriptors[1:]), {descriptors[1]})
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def least_descriptors(self, pid: int) -> int:
        """Within a moment: what an upgrade ended with may still be open right after it."""
        counts = []
        for _ in range(5):
            counts.append(len(list(proc.links(pid))))
            time.sleep(0.05)
        return min(counts)

    def test_to_what_runs_already(self) -> None:
        daemon = self.start_daemon()
        worker = daemon.worker_pid()
        daemon.ctl("upgrade")
        self.assertNotEqual(daemon.worker_pid(), worker)
        self.assert_runs(daemon, self.keeper, self.worker)
        daemon.stop()

    def test_installed_again_while_an_upgrade_runs(self) -> None:
        """What began to be installed is gone from its path when it takes over: the next upgrade finds the newer one."""
        daemon = self.start_daemon()
        self.install()
        upgrade = self.begin_upgrade(daemon)
        self.await_log(daemon, TAKEN_OVER)
        self.install()
        self.finish(upgrade, programs.DONE)
        daemon.ctl("upgrade")
        self.assert_runs(daemon, self.keeper, self.worker)
        daemon.stop()

    def test_during_an_upgrade(self) -> None:
        daemon = self.start_daemon()
        tiny_elf.hangs(self.keeper)
        first = self.begin_upgrade(daemon)
        self.await_check(daemon)
        done = daemon.ctl("upgrade", check=False)
        self.assertEqual(done.returncode, programs.BUSY, done.stderr)
        self.assertIn("the new lacunad hangs", self.finish(first, programs.FAILED))
        self.install()
        daemon.ctl("upgrade")
        daemon.stop()

    def await_check(self, daemon) -> None:
        """Until the keeper checks the new one: a child that is no worker."""
        wait_until("the check", lambda: len(proc.children(daemon.process.pid)) == 2)

    def test_interrupted(self) -> None:
        """Ctrl-C of lacunactl is not the end of the upgrade."""
        daemon = self.start_daemon()
        self.install()
        upgrade = self.begin_upgrade(daemon)
        self.await_log(daemon, TAKEN_OVER)
        upgrade.send_signal(signal.SIGINT)
        self.assertIn("what has begun goes on", self.finish(upgrade, programs.INTERRUPTED))
        self.await_log(daemon, "upgraded")
        daemon.ctl("upgrade")
        self.assert_runs(daemon, self.keeper, self.worker)
        daemon.stop()

    def test_a_new_keeper_that_is_killed_as_it_is_checked(self) -> None:
        """And with it everything: the next lacunad knows that this upgrade is over."""
        daemon = self.start_daemon(managed=True)
        tiny_elf.hangs(self.keeper)
        upgrade = self.begin_upgrade(daemon)
        self.await_check(daemon)
        check = next(child for child in proc.children(daemon.process.pid) if child != daemon.worker_pid())
        self.install()
        daemon.process.send(signal.SIGKILL)
        os.kill(check, signal.SIGKILL)
        daemon.restart(signal.SIGKILL)
        self.assertIn("ended before it was over", self.finish(upgrade, programs.FAILED))
        daemon.ctl("upgrade")
        daemon.stop()
