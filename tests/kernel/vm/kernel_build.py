"""Makes a test kernel from Debian's source package. About four minutes on two cores; a tree of its own, removed afterwards."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from .kernel import CACHE, Kernel, KernelError

LOG_TAIL_BYTES = 4000


def build(kernel: Kernel) -> pathlib.Path:
    """The finished kernel, made if it is not there. Processes that make the same one at once: the last wins, all are right."""
    final = kernel.path
    if final.exists():
        return final
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=CACHE) as folder:
        tree = pathlib.Path(folder)
        _run(tree, ["tar", "--extract", "--strip-components=1", f"--file={kernel.tarball}"])
        _configure(tree, kernel.options())
        _run(tree, ["make", f"-j{len(os.sched_getaffinity(0))}", *_compiler(), "vmlinux"])
        _run(tree, ["strip", "vmlinux"])
        os.rename(tree / "vmlinux", final)
    return final


def _configure(tree: pathlib.Path, options: str) -> None:
    fragment = tree / "lacuna.config"
    fragment.write_text(options)
    _run(tree, ["make", "allnoconfig"], KCONFIG_ALLCONFIG=str(fragment))
    if missed := unmet(options, (tree / ".config").read_text()):
        raise KernelError(f"this kernel cannot have: {', '.join(missed)} (a dependency is missing, or the name is another)")


def unmet(wanted: str, config: str) -> list[str]:
    """The lines of a fragment that do not hold in a finished .config: Kconfig drops in silence what it cannot satisfy."""
    held = set(config.splitlines())
    missed = []
    for line in wanted.splitlines():
        off = line.startswith("# CONFIG_") and line.endswith(" is not set")
        if off and any(other.startswith(f"{line.split()[1]}=") for other in held):
            missed.append(line)
        elif line.startswith("CONFIG_") and line not in held:
            missed.append(line)
    return missed


def _compiler() -> list[str]:
    return ["CC=ccache gcc", "HOSTCC=ccache gcc", "KBUILD_BUILD_TIMESTAMP="] if shutil.which("ccache") else []


def _run(tree: pathlib.Path, command: list[str], **environment: str) -> None:
    settings = os.environ | {"CCACHE_BASEDIR": str(tree), "CCACHE_NOHASHDIR": "1"} | environment
    done = subprocess.run(command, cwd=tree, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        tail = done.stdout[-LOG_TAIL_BYTES:].decode(errors="replace")
        raise KernelError(f"{' '.join(command)} ended with {done.returncode}:\n{tail}")
