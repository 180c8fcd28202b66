"""The base of the tests of `lacunactl upgrade`: programs in a folder of the test's own, which are replaced there."""
import os
import pathlib
import subprocess

from . import proc, programs
from .daemon import Daemon
from .load_case import LoadTest
from .managed_daemon import ManagedDaemon
from .process import wait_until

# Another version; the same one as new files does where there is none.
PREVIOUS = pathlib.Path(os.environ.get("LACUNA_PREVIOUS_BUILD", programs.BUILD))


class UpgradeCase(LoadTest):
    def setUp(self) -> None:
        super().setUp()
        self.programs = programs.copy(self.folder / "programs")
        self.keeper, self.worker = self.programs / "lacunad", self.programs / "lacunad-worker"

    def start_daemon(self, managed: bool = False, **config: dict[str, object]) -> Daemon:
        if managed:
            daemon: Daemon = ManagedDaemon(self.folder / "managed", **config)
            self.addCleanup(self._finish, daemon)
        else:
            daemon = self.new_daemon(**config)
        daemon.program = self.keeper
        return daemon.start()

    def install(self, version: pathlib.Path = programs.BUILD) -> None:
        programs.copy(self.programs, version)

    def begin_upgrade(self, daemon: Daemon) -> subprocess.Popen[str]:
        command = [programs.LACUNACTL, "--run", daemon.run, "upgrade"]
        upgrade = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
        self.addCleanup(upgrade.stderr.close)
        self.addCleanup(upgrade.kill)
        return upgrade

    def finish(self, upgrade: subprocess.Popen[str], status: int) -> str:
        """What it said on stderr."""
        _, errors = upgrade.communicate(timeout=60)
        self.assertEqual(upgrade.returncode, status, errors)
        return errors

    def await_log(self, daemon: Daemon, text: str, times: int = 1) -> None:
        wait_until(f"'{text}' in the log", lambda: daemon.process.log().count(text) >= times, seconds=30, every=0.005)

    def assert_runs(self, daemon: Daemon, keeper: pathlib.Path, worker: pathlib.Path) -> None:
        """That these files run, and nothing besides them."""
        children = proc.children(daemon.process.pid)
        self.assertEqual(children, [daemon.worker_pid()])
        for pid, program in ((daemon.process.pid, keeper), (children[0], worker)):
            self.assertTrue(os.path.samefile(f"/proc/{pid}/exe", program), f"{pid} is not {program}")
