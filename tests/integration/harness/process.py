"""Child processes that cannot outlive the test: they get a signal when the test dies, and have their output in a file."""
import contextlib
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Sequence


def wait_until(what: str, condition: Callable[[], object], seconds: float = 10.0, every: float = 0.02) -> object:
    """The first true value of `condition`; TimeoutError, naming `what`, when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(every)


class Process:
    _all: list["Process"] = []

    @classmethod
    def kill_all(cls) -> None:
        """The way out of a test that hangs: a reader in D state is let go when the daemon that owes it dies."""
        for process in cls._all:
            process.send(signal.SIGKILL)

    def __init__(self, command: list[str], log: pathlib.Path, environment: dict[str, str] | None = None,
                 death_signal: str = "TERM", pass_fds: Sequence[int] = ()):
        self.log_path = log
        self.name = os.path.basename(command[0])
        with log.open("wb") as output:
            self._popen = subprocess.Popen(["setpriv", "--pdeathsig", death_signal, *command], stdin=subprocess.DEVNULL,
                                           stdout=output, stderr=output, env=environment, pass_fds=pass_fds)
        self._all.append(self)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def running(self) -> bool:
        return self._popen.poll() is None

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def wait(self, seconds: float) -> int:
        """The exit status; negative for a signal. subprocess.TimeoutExpired when it does not end."""
        return self._popen.wait(seconds)

    def end(self, seconds: float = 10.0) -> int:
        """SIGTERM, and SIGKILL where that does not help in time: the exit status tells which."""
        if self.running():
            self.send(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.wait(seconds)
            self.send(signal.SIGKILL)
        return self.wait(seconds)
