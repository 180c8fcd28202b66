"""The base of tests of a worker that does nothing, or of none that lives, at any door."""
import contextlib
import os
import pathlib
import signal
import subprocess
from collections.abc import Iterator

from . import proc, programs
from .daemon import Daemon
from .images import Image
from .process import wait_until
from .takeover_case import TakeoverTest
from .trees import TreeSpec

SYS_PREAD64 = 17


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """SIGSTOP, for good."""
    os.kill(pid, signal.SIGSTOP)
    wait_until("it to stop", lambda: proc.state_of(pid) == proc.STOPPED)
    yield


@contextlib.contextmanager
def not_executable(daemon: Daemon) -> Iterator[None]:
    """The program of the worker, which must be the test's own."""
    program = daemon.program.with_name("lacunad-worker")
    program.chmod(0o600)
    yield
    program.chmod(0o755)


@contextlib.contextmanager
def replaced_by_garbage(path: pathlib.Path) -> Iterator[None]:
    """A file or a folder that a worker needs."""
    away = path.with_name(f"{path.name}-away")
    path.rename(away)
    path.write_text("what is this?\n")
    yield
    path.unlink()
    away.rename(path)


def thread_at_the_door(worker: int, link: str) -> int:
    """The one that polls the device."""
    [device] = proc.descriptors(worker, link)
    return wait_until("the door's thread to wait", lambda: next(
        (thread for thread in proc.threads(worker) if device in proc.polled(thread)), None))


def waiting(readers: subprocess.Popen[str]) -> int:
    """How many of their threads are in a pread."""
    calls = [proc.system_call(thread) for thread in proc.threads(readers.pid)]
    return sum(bool(call) and call[0] == SYS_PREAD64 for call in calls)


class StuckCase(TakeoverTest):
    door = "fuse"
    deadline_seconds = 4.0
    parked, stride = 16, 128 << 10
    spec = TreeSpec(seed=11, files=20, big_bytes=8 << 20)

    def fetch(self) -> dict[str, object]:
        return {"read_deadline": f"{self.deadline_seconds:.0f}s", "failure_memory": "100ms"}

    def start_waiting(self, path: pathlib.Path, count: int) -> subprocess.Popen[str]:
        """Reads that nobody has answered yet."""
        readers = self.start_readers("park", count, self.stride, path)
        wait_until("the reads to wait", lambda: waiting(readers) == count, seconds=20)
        return readers

    def serve_stat(self) -> tuple[Daemon, Image, pathlib.Path]:
        """Mounted, by copies of the programs, and its root folder read."""
        self.start_registry()
        image = self.images.get(self.spec)
        daemon = self.new_daemon(fetch=self.fetch(), door={"kind": self.door})
        self.programs = self.folder / "programs"
        self.programs.mkdir()
        daemon.program = programs.copy_lacunad(self.programs)
        mounted = daemon.start().mount(self.push(image), self.mount_point())
        for path in (mounted / "big", mounted / "four-kib"):
            self.file_system = path.stat().st_dev
        return daemon, image, mounted

    def assert_a_reader_can_be_killed(self, path: pathlib.Path) -> None:
        reader = self.start_waiting(path, 1)
        reader.kill()
        self.assertEqual(reader.wait(self.deadline_seconds / 2), -signal.SIGKILL)

    def assert_well_again(self, daemon: Daemon, image: Image, mounted: pathlib.Path, worker: int) -> None:
        daemon.wait_for_new_worker(worker)
        daemon.forget_failures()
        self.assertEqual(set(daemon.mounts()), {mounted})
        self.assertEqual(mounted.stat().st_dev, self.file_system, "it is the same mount")
        self.assert_equal_trees(image, mounted)
        daemon.ctl("umount", mounted)
        daemon.stop()

    def check_standstill(self, stands_still: contextlib.AbstractContextManager, daemon: Daemon, image: Image,
                         mounted: pathlib.Path) -> None:
        worker = daemon.worker_pid()
        with stands_still:
            readers = self.start_waiting(mounted / "big", self.parked)
            self.assert_a_reader_can_be_killed(mounted / "four-kib")
            found = self.finish_readers(readers)
            print(found)
        self.assertLessEqual(set(found["outcomes"]), {"bytes", "EIO"})
        self.assertLess(found["slowest"], 1.5 * self.deadline_seconds)
        self.assert_well_again(daemon, image, mounted, worker)

    def check_no_start(self, broken: contextlib.AbstractContextManager, daemon: Daemon, image: Image,
                       mounted: pathlib.Path) -> None:
        """Workers that are started within `broken` end at once."""
        gate = self.closed_gate()
        readers = self.start_waiting(mounted / "big", self.parked)
        with broken:
            worker = daemon.kill_worker()
            self.assert_a_reader_can_be_killed(mounted / "four-kib")
            found = self.finish_readers(readers)
            later = self.finish_readers(self.start_readers("park", self.parked, self.stride, mounted / "big"))
            print(found, later)
        self.assertEqual((found["outcomes"], later["outcomes"]), (["EIO"], ["EIO"]))
        self.assertGreater(found["fastest"], self.deadline_seconds / 2)
        self.assertLess(found["slowest"], 1.5 * self.deadline_seconds)
        self.assertLess(later["slowest"], self.deadline_seconds / 2)
        gate.open()
        self.assert_well_again(daemon, image, mounted, worker)

    def check_both_killed(self, daemon: Daemon, image: Image, mounted: pathlib.Path) -> None:
        gate = self.closed_gate()
        readers = self.start_waiting(mounted / "big", self.parked)
        daemon.kill()
        self.assertEqual(self.finish_readers(readers)["outcomes"], ["EIO"])
        later = self.finish_readers(self.start_readers("park", self.parked, self.stride, mounted / "big"))
        self.assertEqual(later["outcomes"], ["EIO"])
        self.assertLess(later["slowest"], 1)
        gate.open()
        daemon.start()
        daemon.await_mounts(mounted)
        self.assert_equal_trees(image, mounted)
        daemon.stop()
