"""What people do with images while workers die: each call of lacunactl meets a kill, and is repeated until it is done."""
import os
import pathlib
import random
import subprocess
import time

from . import programs
from .daemon import Daemon
from .images import Image

READ_BYTES = 1 << 20
MET_A_KILL = (programs.FAILED, programs.UNREACHABLE)


class Churn:
    def __init__(self, daemon: Daemon, source: random.Random, latest_kill_seconds: float = 0.12):
        """A kill comes at the latest so long after a call began: some before it reaches the worker, some after it is done."""
        self.kills = 0
        self.refused: list[str] = []  # calls that met a kill and said so
        self.wrong: list[str] = []
        self._daemon = daemon
        self._random = source
        self._latest_kill_seconds = latest_kill_seconds

    def kill(self) -> None:
        """A worker, and now and then its successor too, which is not ready yet."""
        killed = self._daemon.kill_worker()
        self.kills += 1
        while self._random.random() < 0.2:
            killed = self._daemon.kill_successor(killed)
            self.kills += 1

    def call(self, *arguments: object) -> int:
        """lacunactl's exit status. The worker is killed meanwhile."""
        command = [str(programs.LACUNACTL), "--run", str(self._daemon.run), *map(str, arguments)]
        called = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(self._random.uniform(0, self._latest_kill_seconds))
        self.kill()
        _, said = called.communicate(timeout=60)
        if called.returncode in MET_A_KILL:
            self.refused.append(f"{arguments[0]}: {said.strip()}")
        elif called.returncode != programs.DONE:
            self.wrong.append(f"{' '.join(command)} ended with {called.returncode}: {said}")
        return called.returncode

    def mount(self, reference: str, directory: pathlib.Path) -> None:
        directory.mkdir(exist_ok=True)
        if self.call("mount", reference, directory) != programs.DONE and directory not in self._daemon.mounts():
            self._daemon.ctl("mount", reference, directory)

    def prefetch(self, reference: str) -> None:
        if self.call("prefetch", "--wait", "--all", reference) != programs.DONE:
            self._daemon.ctl("prefetch", "--wait", "--all", reference)

    def unmount(self, directory: pathlib.Path, *flags: str) -> None:
        if self.call("umount", *flags, directory) != programs.DONE and directory in self._daemon.mounts():
            self._daemon.ctl("umount", *flags, directory)
        if directory.is_mount():
            self.wrong.append(f"{directory} is mounted still")

    def cycle(self, image: Image, reference: str, directory: pathlib.Path) -> None:
        """From mount to umount."""
        self.mount(reference, directory)
        lazily = self._random.random() < 0.5
        with (directory / "big").open("rb") as opened, (image.tree / "big").open("rb") as original:
            self.compare(opened.fileno(), original.fileno())
            if self._random.random() < 0.5:
                self.prefetch(reference)
            if lazily:
                self.unmount(directory, "-l")
                self.compare(opened.fileno(), original.fileno())
        if not lazily:
            self.unmount(directory)

    def compare(self, found: int, original: int) -> None:
        offset = self._random.randrange(os.fstat(original).st_size)
        os.posix_fadvise(found, 0, 0, os.POSIX_FADV_DONTNEED)
        if os.pread(found, READ_BYTES, offset) != os.pread(original, READ_BYTES, offset):
            self.wrong.append(f"other bytes at {offset}")
