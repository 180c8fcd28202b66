"""A lacunad of the test's own, and the lacunactl that talks to it.

lacunad is two processes: `process` is the keeper, which goes by that name, and its child, the worker, does the work.
"""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Mapping

from . import leftovers, proc, programs
from .process import Process, wait_until

SHUTDOWN_SECONDS = 2.0  # what lacunad promises
WORKER = "lacunad-worker"


class StartError(Exception):
    """lacunad ended instead of serving."""

    def __init__(self, status: int, log: str):
        super().__init__(f"lacunad ended with status {status}:\n{log}")
        self.status = status
        self.log = log


class Daemon:
    """Folders and configuration of one lacunad; it may be started again and again, on the same cache."""

    def __init__(self, folder: pathlib.Path, root: pathlib.Path | None = None,
                 environment: Mapping[str, str] | None = None, **config: dict[str, object]):
        """`config`: TOML tables by name, e.g. fetch={"read_deadline": "5s"}. `environment`: what is set besides our own."""
        self.root = root or folder / "root"
        self.run = folder / "run"
        self.program = programs.LACUNAD
        self.prefix: tuple[str, ...] = ()  # of its command line
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "lacunad.toml"
        self.config.write_text("\n".join(_toml_table(name, table) for name, table in config.items()))
        self._environment = {**os.environ, **(environment or {})}
        self._starts = 0
        self._loops_before = leftovers.loop_devices()
        self.process: Process | None = None

    def command(self, *more: str) -> list[str]:
        return [*self.prefix, str(self.program), "--config", str(self.config), "--root", str(self.root), "--run", str(self.run), *more]

    def start(self, *more: str) -> "Daemon":
        """Starts it and waits until it answers. StartError when it ends instead."""
        self._starts += 1
        self.process = Process(self.command(*more), self._folder / f"lacunad-{self._starts}.log", self._environment)
        wait_until("lacunad to answer", self._answers, seconds=20)
        return self

    def _answers(self) -> bool:
        if not self.process.running():
            raise StartError(self.process.wait(1), self.process.log())
        return (self.run / "lacunad.sock").exists() and self.ctl("status", check=False).returncode == programs.DONE

    def ctl(self, *arguments: object, check: bool = True, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        return programs.run([programs.LACUNACTL, "--run", self.run, *arguments], check, seconds)

    def ctl_json(self, *arguments: object) -> dict:
        return json.loads(self.ctl("-o", "json", *arguments).stdout)

    def status(self) -> dict:
        return self.ctl_json("status")

    def mount(self, reference: str, directory: pathlib.Path, *flags: str) -> pathlib.Path:
        directory.mkdir(parents=True, exist_ok=True)
        self.ctl("mount", *flags, reference, directory)
        return directory

    def mounts(self) -> dict[pathlib.Path, dict]:
        """What `lacunactl mounts ls` shows, by directory."""
        return {pathlib.Path(mount["directory"]): mount for mount in self.ctl_json("mounts", "ls")["mounts"]}

    def await_mounts(self, *directories: pathlib.Path) -> None:
        """Waits until these, which an earlier daemon had mounted, and no others are mounted again."""
        wait_until("mounts to come back", lambda: self.mounts().keys() == set(directories))

    def forget_failures(self, failure_memory: float = 0.1) -> None:
        """Waits until no read is under way (the kernel's readahead fails later than the read that a test saw fail), and what
        failed may be asked for again."""
        wait_until("all reads to end", lambda: self.status()["parked_reads"] == 0)
        time.sleep(2 * failure_memory)

    def worker_pid(self) -> int | None:
        """Of the newest; None while there is none."""
        workers = [child for child in proc.children(self.process.pid) if _is_worker(child)]
        return workers[-1] if workers else None

    def kill_worker(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Sends it to the worker, or to the next one while there is none. Its pid, for wait_for_new_worker."""
        worker = wait_until("a worker", self.worker_pid, every=0.002)
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, number)
        return worker

    def kill_successor(self, old: int) -> int:
        """The next worker, as soon as there is one. Its pid."""
        successor = wait_until("a new worker", lambda: self._worker_after(old), every=0.002)
        with contextlib.suppress(ProcessLookupError):
            os.kill(successor, signal.SIGKILL)
        return successor

    def wait_for_new_worker(self, old: int, seconds: float = 20) -> int:
        """Until another one answers: its pid."""
        new = wait_until("a new worker", lambda: self._worker_after(old), seconds)
        wait_until("the new worker to answer", lambda: self.ctl("status", check=False).returncode == programs.DONE, seconds)
        return new

    def _worker_after(self, old: int) -> int | None:
        worker = self.worker_pid()
        return None if worker == old else worker

    def kill(self) -> None:
        """kill -9 of the keeper, and so of the worker: what is mounted stays, and answers EIO."""
        children = proc.children(self.process.pid)
        self.process.send(signal.SIGKILL)
        self.process.wait(10)
        for child in children:
            proc.wait_until_gone(child, 10)
        # One that was just being started ends by itself.
        wait_until("the worker to go", lambda: not leftovers.processes_naming(self.config))

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = SHUTDOWN_SECONDS) -> None:
        """Asks it to end, and checks that it did: in time, with status 0, and with nothing left behind."""
        self.process.send(number)
        status = self.process.wait(seconds)
        if status != 0:
            raise AssertionError(f"lacunad ended with status {status}:\n{self.process.log()}")
        self.check_no_leftovers()

    def leftovers(self) -> list[str]:
        new_loops = {name: file for name, file in leftovers.loop_devices().items() if name not in self._loops_before}
        return ([f"mount {point}" for point in leftovers.mounts_below(self._folder)]
                + [f"loop device {name} on {file}" for name, file in new_loops.items()]
                + [f"socket {path}" for path in self.run.rglob("*") if path.is_socket()]
                + [f"process {line}" for line in leftovers.processes_naming(self.config)])

    def check_no_leftovers(self) -> None:
        # A loop device goes a moment after its last user.
        try:
            wait_until("nothing to be left", lambda: not self.leftovers(), seconds=3)
        except TimeoutError:
            raise AssertionError(f"lacunad left behind: {self.leftovers()}\n{self.process.log()}") from None

    def clean_up(self) -> None:
        """For the end of a test, however it went: no process, no mount."""
        if self.process:
            self.process.end()
        leftovers.detach_all_below(self._folder)


def _is_worker(pid: int) -> bool:
    with contextlib.suppress(OSError):  # it ended
        return os.path.basename(proc.program_of(pid)) == WORKER
    return False


def _toml_table(name: str, table: dict[str, object]) -> str:
    # JSON's strings, numbers and booleans are TOML's too.
    return f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
