"""What the benchmarks share: a folder, the native timer, and a mount past lacuna to compare with. LACUNA_BUILD_DIR is set before the import."""
import contextlib
import ctypes
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

from harness import leftovers, programs
from harness.process import Process

BENCH_IO = programs.BUILD / "tests" / "bench_io"
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def bench_folder() -> Iterator[pathlib.Path]:
    """On a disk; gone afterwards, with what was started, and what was mounted in it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lacuna-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    try:
        yield folder
    finally:
        Process.kill_all()
        leftovers.detach_all_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


def bench_io(*arguments: object, lines: list[str] = ()) -> list[float]:
    """Microseconds per operation."""
    done = subprocess.run([str(BENCH_IO), *map(str, arguments)], input="\n".join(lines), text=True, check=True,
                          stdout=subprocess.PIPE)
    return [float(line) for line in done.stdout.split()]


def mount_erofs(bootstrap: os.PathLike | str, device: os.PathLike | str, point: pathlib.Path) -> None:
    """mount(2), because mount(8) would put a loop device under files. Those need file-backed EROFS (6.12)."""
    point.mkdir(exist_ok=True)
    options = b"device=" + os.fsencode(device)
    if _libc.mount(os.fsencode(bootstrap), os.fsencode(point), b"erofs", 1, options) != 0:
        raise OSError(ctypes.get_errno(), f"mount {bootstrap}")
