"""File systems of a test's own, for cache folders on disks of every kind. Root only; detached with the test's folder."""
import contextlib
import os
import pathlib

from . import programs


def _mount(*arguments: object) -> None:
    programs.run(["mount", *arguments])


def _on_loop(point: pathlib.Path, size_bytes: int, *mkfs: str) -> pathlib.Path:
    disk = point.with_suffix(f".{mkfs[0]}")
    with disk.open("wb") as file:
        file.truncate(size_bytes)
    programs.run([*mkfs, disk])
    point.mkdir()
    _mount("-o", "loop", disk, point)
    return point


def ext4(point: pathlib.Path, size_bytes: int) -> pathlib.Path:
    """A small ext4 on a loop device, mounted at `point`."""
    return _on_loop(point, size_bytes, "mkfs.ext4", "-q", "-F")


def device(point: pathlib.Path, disk: pathlib.Path, options: str = "defaults") -> pathlib.Path:
    """A disk with a file system on it, or a file that is one, mounted at `point`."""
    point.mkdir(exist_ok=True)
    _mount("-o", options, disk, point)
    return point


def fill(filler: pathlib.Path) -> None:
    """Makes it a file that takes all that is free there."""
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    os.fsync(file.fileno())


def unmount(point: pathlib.Path) -> None:
    programs.run(["umount", point])


def xfs(point: pathlib.Path) -> pathlib.Path:
    """An XFS of the smallest size that mkfs.xfs makes, on a loop device."""
    return _on_loop(point, 300 << 20, "mkfs.xfs", "-q")


def tmpfs(point: pathlib.Path, size_bytes: int = 0) -> pathlib.Path:
    """As large as half of the memory, if nothing else is said."""
    point.mkdir()
    _mount("-t", "tmpfs", *(["-o", f"size={size_bytes}"] if size_bytes else []), "tmpfs", point)
    return point


def overlayfs(point: pathlib.Path) -> pathlib.Path:
    layers = [point.with_suffix(f".{name}") for name in ("lower", "upper", "work")]
    for folder in (point, *layers):
        folder.mkdir()
    _mount("-t", "overlay", "-o", "lowerdir={},upperdir={},workdir={}".format(*layers), "overlay", point)
    return point


def read_only(point: pathlib.Path) -> pathlib.Path:
    """An empty folder that cannot be written, also by root."""
    point.mkdir()
    _mount("--bind", point, point)
    _mount("-o", "remount,bind,ro", point)
    return point
