"""Makes a test kernel from Debian's source package: minutes of work, in a tree of its own that is removed afterwards."""
import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

from .kernel import KERNELS, LACUNA_CACHE, Kernel, KernelError

LOG_TAIL_BYTES = 4000


def build(kernel: Kernel) -> pathlib.Path:
    """The finished kernel, made if it is not there. Of two processes the second waits, and finds it."""
    final = kernel.path
    if final.exists():
        return final
    with _work_folder(kernel.series) as tree:
        if not final.exists():
            _make(kernel, tree)
            os.rename(tree / "vmlinux", final)
    return final


@contextlib.contextmanager
def _work_folder(series: str) -> Iterator[pathlib.Path]:
    """An empty folder in the cache, ours alone; what a killed process left there goes first."""
    KERNELS.mkdir(parents=True, exist_ok=True)
    folder = KERNELS / f"building-{series}"
    with (KERNELS / f"building-{series}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _make(kernel: Kernel, tree: pathlib.Path) -> None:
    run(tree, ["tar", "--extract", "--strip-components=1", f"--file={kernel.tarball}"])
    fragment = tree / "lacuna.config"
    fragment.write_text("\n".join(kernel.options()) + "\n")
    run(tree, ["make", "allnoconfig"], KCONFIG_ALLCONFIG=str(fragment))
    if missed := unmet(kernel.options(), (tree / ".config").read_text()):
        raise KernelError(f"{kernel.package} does not take: {', '.join(missed)}; a dependency is missing, or the name is another")
    run(tree, ["make", f"-j{len(os.sched_getaffinity(0))}", *_compiler(), "vmlinux"])
    run(tree, ["strip", "vmlinux"])


def unmet(wanted: list[str], config: str) -> list[str]:
    """The lines of a fragment that do not hold in a finished .config: Kconfig drops in silence what it cannot satisfy."""
    held = set(config.splitlines())
    on = {line.partition("=")[0] for line in held if line.startswith("CONFIG_")}
    return [line for line in wanted if line not in held and (line.startswith("CONFIG_") or line.split()[1] in on)]


def _compiler() -> list[str]:
    return ["CC=ccache gcc", "HOSTCC=ccache gcc", "KBUILD_BUILD_TIMESTAMP="] if shutil.which("ccache") else []


def run(tree: pathlib.Path, command: list[str], **environment: str) -> None:
    """Runs one step of the build; KernelError, with the end of what it printed, when it fails."""
    settings = {"CCACHE_DIR": str(LACUNA_CACHE / "ccache")} | os.environ | {"CCACHE_BASEDIR": str(tree)} | environment
    done = subprocess.run(command, cwd=tree, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        tail = done.stdout[-LOG_TAIL_BYTES:].decode(errors="replace")
        raise KernelError(f"{' '.join(command)} ended with {done.returncode}:\n{tail}")
