"""The programs under test, and what this host needs to have for them."""
import os
import pathlib
import shutil
import subprocess

BUILD = pathlib.Path(os.environ.get("LACUNA_BUILD_DIR", "build/release")).resolve()
IMAGES = pathlib.Path(os.environ.get("LACUNA_TEST_IMAGES", BUILD / "tests" / "images"))  # made once, kept
LACUNAD = BUILD / "lacunad"
LACUNAD_WORKER = LACUNAD.with_name("lacunad-worker")
LACUNACTL = BUILD / "lacunactl"
LACUNA_IMAGE = BUILD / "lacuna-image"
CACHE_FOLDER_CHECK = BUILD / "tests" / "cache_folder_check"

# Exit statuses of the command lines.
DONE, FAILED, USAGE, UNREACHABLE, NOT_FOUND, BUSY, AUTHENTICATION, INTEGRITY, TIMEOUT = range(9)
INTERRUPTED = 130


def why_not_here() -> str | None:
    """Why real mounts cannot be tested on this host; None where they can."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists("/dev/fuse"):
        return "needs /dev/fuse"
    if not _kernel_has_erofs():
        return "needs a kernel with EROFS"
    missing = [tool for tool in ("docker-registry", "mkfs.erofs", "setpriv") if not shutil.which(tool)]
    return f"needs {', '.join(missing)}" if missing else None


def why_no_loop() -> str | None:
    return None if os.path.exists("/dev/loop-control") else "needs loop devices"


def copy_lacunad(folder: pathlib.Path) -> pathlib.Path:
    """Of both its programs, which find each other by lying side by side: the one that is started."""
    shutil.copy(LACUNAD_WORKER, folder)
    return pathlib.Path(shutil.copy(LACUNAD, folder))


def _kernel_has_erofs() -> bool:
    if shutil.which("modprobe"):
        subprocess.run(["modprobe", "-q", "erofs"], check=False)
    return "\terofs\n" in pathlib.Path("/proc/filesystems").read_text(encoding="ascii")


def copy(folder: pathlib.Path, source: pathlib.Path = BUILD) -> pathlib.Path:
    """Puts the programs into a folder as an installation does: new files take the place of what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for program in (LACUNAD, BUILD / "lacunad-worker", LACUNACTL):
        new = folder / f".{program.name}.new"
        shutil.copy(source / program.name, new)
        new.replace(folder / program.name)
    return folder


def run(command: list[object], check: bool = True, seconds: float = 60, **options) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end; with `check`, a failure raises with what it printed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=seconds, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {' '.join(map(str, command))}\n"
                             f"{done.stdout}{done.stderr}")
    return done
