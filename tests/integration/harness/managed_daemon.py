"""A lacunad under the fake service manager, which starts it again with what it has stored."""
import contextlib
import pathlib
import os
import signal
import sys

from . import leftovers
from .daemon import Daemon
from .fake_manager import FakeManager
from .process import Process, wait_until

LISTEN_FDS = str(pathlib.Path(__file__).with_name("listen_fds.py"))


class ManagedDaemon(Daemon):
    def __init__(self, folder: pathlib.Path, **config: dict[str, object]):
        super().__init__(folder, **config)
        self.manager = FakeManager(folder / "notify")
        self._options: tuple[str, ...] = ()

    def start(self, *more: str) -> "ManagedDaemon":
        self._options = more
        self.launch()
        wait_until("lacunad to answer", self._answers, seconds=20)
        return self

    def launch(self) -> None:
        """Does not wait."""
        self._starts += 1
        self.manager.told.clear()
        stored = self.manager.stored()
        environment = self._environment | {
            "NOTIFY_SOCKET": str(self.manager.path), "WATCHDOG_USEC": "10000000", "LISTEN_FDS": str(len(stored)),
            "LISTEN_FDNAMES": ":".join(name for name, _ in stored)}
        descriptors = [descriptor for _, descriptor in stored]
        command = [sys.executable, "-I", "-S", LISTEN_FDS, ",".join(map(str, descriptors)), *self.command(*self._options)]
        self.process = Process(command, self._folder / f"lacunad-{self._starts}.log", environment, pass_fds=descriptors)
        self.manager.main_pid = self.process.pid

    def restart(self, number: signal.Signals = signal.SIGUSR2) -> None:
        """Ends it by this signal, waits until nothing of it is left, as KillMode=mixed does, and starts it again."""
        self.end_by(number)
        self.start(*self._options)

    def end_by(self, number: signal.Signals) -> None:
        self.process.send(number)
        self.process.wait(10)
        wait_until("its worker to go", lambda: not leftovers.processes_naming(self.config))

    def await_ready(self) -> None:
        wait_until("READY=1", lambda: "READY=1" in self.manager.told)

    def clean_up(self) -> None:
        super().clean_up()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.manager.path)
        self.manager.close()
