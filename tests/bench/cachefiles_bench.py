"""Inside the test machine: what a fill costs through the cachefiles door, and a finished object beside a loop device.

Called by tests/bench/kernel, which see. Prints one JSON object: {"fills": {NAME: {reads, writes, …}}, "samples": {NAME: [µs, …]}}.
"""
import json
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

from bench_tools import bench_io, mount_erofs
from harness import programs
from harness.daemon import Daemon
from harness.images import Image
from harness.page_cache import drop_page_cache
from harness.registry import Registry

FSCACHE_STATS = pathlib.Path("/proc/fs/fscache/stats")
RANDOM_READS = 200
ROUNDS = 5


class Requests:
    """What passed between the kernel and the daemon since this was made: the kernel counts writes, and lacunad logs READs."""

    def __init__(self, daemon: Daemon):
        self.daemon = daemon
        self.writes_before = self.writes()
        self.log_before = len(daemon.process.log())

    @staticmethod
    def writes() -> int:
        return int(re.search(r"^IO .* wr=(\d+)", FSCACHE_STATS.read_text(), re.MULTILINE).group(1))

    def summary(self, filled_bytes: int) -> dict[str, float]:
        log = self.daemon.process.log()[self.log_before:]
        reads = [int(end) - int(begin) for begin, end in re.findall(r": READ \d+ of \[(\d+), (\d+)\)", log)]
        writes = self.writes() - self.writes_before
        return {"reads": len(reads), "read_kib": statistics.mean(reads) / 1024 if reads else 0,
                "writes": writes, "write_kib": filled_bytes / 1024 / writes if writes else 0}


def loop_device(file: pathlib.Path) -> str:
    return subprocess.run(["losetup", "--find", "--show", "--read-only", str(file)], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


class Bench:
    def __init__(self, folder: pathlib.Path, image: Image):
        self.folder = folder
        # On the guest's own disk, as the cache is.
        self.bootstrap, self.device = (shutil.copy(path, folder) for path in (image.bootstrap, image.device))
        self.registry = Registry(folder / "registry")
        self.reference = f"{self.registry.address}/bench:latest"
        programs.run([programs.LACUNA_IMAGE, "push", self.bootstrap, self.device, self.reference])
        self.results = {"fills": {}, "samples": {}}

    def fill(self, name: str, prefetch: bool) -> tuple[Daemon, pathlib.Path]:
        """Reads all of the big file, front to back, when nothing of it is here."""
        daemon = Daemon(self.folder / name, door={"kind": "cachefiles"}, log={"level": "debug"}).start()
        file = daemon.mount(self.reference, self.folder / "mnt") / "big"
        size = file.stat().st_size
        requests = Requests(daemon)
        if prefetch:
            daemon.ctl("prefetch", "--all", self.reference)
        [microseconds] = bench_io("stream", file)
        if prefetch:
            daemon.ctl("prefetch", "--all", "--wait", self.reference)
        self.results["fills"][name] = requests.summary(size) | {"seconds": microseconds / 1e6}
        return daemon, file

    def compare(self, cached: pathlib.Path) -> None:
        """The finished object through the door, and the same EROFS on loop devices, in turns."""
        local = self.folder / "local"
        mount_erofs(loop_device(self.bootstrap), loop_device(self.device), local)
        offsets = [str(4096 * n) for n in random.Random(7).sample(range(cached.stat().st_size // 4096), RANDOM_READS)]
        for _ in range(ROUNDS):
            for name, file in (("cachefiles", cached), ("loop", local / "big")):
                drop_page_cache()
                self.add(f"random {name}", bench_io("read", file, lines=offsets))
                self.add(f"warm {name}", bench_io("read", file, lines=offsets))
                drop_page_cache()
                self.add(f"stream {name}", bench_io("stream", file))

    def add(self, name: str, microseconds: list[float]) -> None:
        self.results["samples"].setdefault(name, []).append(statistics.median(microseconds))

    def run(self) -> dict:
        daemon, _ = self.fill("reader alone", prefetch=False)
        daemon.stop(seconds=20)
        daemon, file = self.fill("prefetch ahead", prefetch=True)
        requests = Requests(daemon)
        self.compare(file)
        self.results["fills"]["when finished"] = requests.summary(0)
        daemon.clean_up()
        return self.results


def main() -> None:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
    print(json.dumps(Bench(folder, Image(pathlib.Path(sys.argv[1]))).run()))


main()
