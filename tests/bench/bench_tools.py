"""What the benchmarks share: the native timer, and a mount past lacuna to compare with. LACUNA_BUILD_DIR is set before the import."""
import ctypes
import os
import pathlib
import subprocess

from harness import programs

BENCH_IO = programs.BUILD / "tests" / "bench_io"
_libc = ctypes.CDLL(None, use_errno=True)


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
