"""Folders that take long to make, kept in LACUNA_CACHE by what they are made from. Safe for processes that want the same one at once:
one makes it, the others wait."""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable

# As it is before a test has a home of its own.
LACUNA_CACHE = pathlib.Path(os.environ.get("LACUNA_CACHE", pathlib.Path.home() / ".cache" / "lacuna"))
FOLDER = LACUNA_CACHE / "images"
UNUSED_SECONDS = 30 * 24 * 3600  # after which a folder of an older recipe goes


def kept(name: str, sources: Iterable[pathlib.Path], recipe: object, make: Callable[[pathlib.Path], None],
         folder: pathlib.Path = FOLDER) -> pathlib.Path:
    """The folder that `make`, given an empty one, filled; again when the bytes of `sources` or `recipe` are others."""
    hashed = hashlib.sha256(repr(recipe).encode())
    for source in sources:
        hashed.update(source.read_bytes())
    final = folder / f"{name}.{hashed.hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f"lock.{name}"):
        if not final.exists():
            _remove_unused(folder, name)
            making = pathlib.Path(tempfile.mkdtemp(prefix=f"making.{name}.", dir=folder))
            try:
                make(making)
                os.rename(making, final)
            finally:
                shutil.rmtree(making, ignore_errors=True)
        os.utime(final)
    return final


@contextlib.contextmanager
def _locked(path: pathlib.Path):
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_unused(folder: pathlib.Path, name: str) -> None:
    """What was made for other recipes long ago, and what a maker that was killed left: it held the lock that we have."""
    for old in folder.glob(f"{name}.????????????????"):
        if time.time() - old.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    for left in folder.glob(f"making.{name}.*"):
        shutil.rmtree(left, ignore_errors=True)
