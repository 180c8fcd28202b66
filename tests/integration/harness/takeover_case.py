"""The base of tests in which a worker is killed while its mounts are in use."""
import collections
import contextlib
import dataclasses
import json
import pathlib
import sqlite3
import subprocess
import sys

from . import leftovers, proc
from .case import IntegrationTest
from .daemon import Daemon
from .images import Image
from .process import wait_until
from .trees import TreeSpec

STEADY_READERS = str(pathlib.Path(__file__).parents[1] / "steady_readers.py")
READERS = 8
SLOWEST_SECONDS = 5.0  # of a read that meets the end of a worker
TABLES = ("file_systems", "file_system_objects", "mounts")


@dataclasses.dataclass(frozen=True)
class Counts:
    """What must not grow with the number of workers that died."""
    keeper: collections.Counter[str]  # descriptors, by what they are
    worker: collections.Counter[str]
    threads: tuple[int, int]  # but for gRPC's, of which there are as many as calls at a time so far
    processes: int
    mounts: list[str]
    loop_devices: dict[str, str]
    fuse_connections: set[str]
    rows: dict[str, int]

    @classmethod
    def of(cls, daemon: Daemon, folder: pathlib.Path) -> "Counts":
        keeper, worker = daemon.process.pid, daemon.worker_pid()
        return cls(proc.count_links(keeper), descriptors_of_worker(worker),
                   (len(proc.threads(keeper)), threads_of_worker(worker)),
                   len(leftovers.processes_naming(daemon.config)), sorted(leftovers.mounts_below(folder)),
                   own_loop_devices(folder), leftovers.fuse_connections(), rows(daemon))


def own_loop_devices(folder: pathlib.Path) -> dict[str, str]:
    """On files of the cache folder, or of the fuse door. Others may come and go on this host."""
    return {name: file for name, file in leftovers.loop_devices().items() if file.startswith((str(folder), "/v1-"))}


def descriptors_of_worker(pid: int) -> collections.Counter[str]:
    """Each object's files as one: until it is finished there are more of them, and in the worker that finished it."""
    links = proc.count_links(pid)
    counts = collections.Counter({link: n for link, n in links.items() if "/objects/" not in link})
    objects = {link.removesuffix(" (deleted)").removesuffix(".partial").removesuffix(".map")
               for link in links if "/objects/" in link}
    return counts + collections.Counter(objects)


def threads_of_worker(pid: int) -> int:
    return sum(proc.name_of(thread) == proc.name_of(pid) for thread in proc.threads(pid))


def rows(daemon: Daemon) -> dict[str, int]:
    """How many each table of cache.db has."""
    with contextlib.closing(sqlite3.connect(f"file:{daemon.root}/cache.db?mode=ro", uri=True)) as database:
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


class TakeoverTest(IntegrationTest):
    def serve_mounted(self, spec: TreeSpec, **config: dict[str, object]) -> tuple[Daemon, Image, pathlib.Path]:
        """A mounted image whose worker has taken over from another already: it is like all that come after it."""
        daemon, image, self.image_reference = self.serve(spec, **config)
        mounted = daemon.mount(self.image_reference, self.mount_point())
        daemon.wait_for_new_worker(daemon.kill_worker())
        return daemon, image, mounted

    def start_steady(self, seed: int, image: Image, mounted: pathlib.Path, readers: int = READERS) -> subprocess.Popen[str]:
        """They read until finish_steady."""
        command = [sys.executable, STEADY_READERS, str(seed), str(readers), f"{image.tree}={mounted}"]
        started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for clean_up in (started.wait, started.stdout.close, started.stdin.close, started.kill):
            self.addCleanup(clean_up)
        return started

    def finish_steady(self, readers: subprocess.Popen[str]) -> dict:
        output, _ = readers.communicate(timeout=60)
        return json.loads(output)

    def assert_served(self, found: dict) -> None:
        """Not one wrong byte, not one error, nobody had to wait long."""
        self.assertEqual((found["wrong"], found["errors"], found["died"]), ([], {}, []))
        self.assertLess(found["slowest"], SLOWEST_SECONDS)
        self.assertGreater(found["reads"], 0)

    def assert_counts(self, expected: Counts, daemon: Daemon) -> None:
        """That with a fresh worker, which talks to no registry, all is as it was with one."""
        daemon.wait_for_new_worker(daemon.kill_worker())
        with contextlib.suppress(TimeoutError):
            wait_until("counts as before", lambda: Counts.of(daemon, self.folder) == expected, seconds=5, every=0.2)
        self.assertEqual(vars(Counts.of(daemon, self.folder)), vars(expected))
