"""What a daemon may leave behind on a host, and how to take it away: mounts, loop devices, sockets, processes."""
import ctypes
import errno
import os
import pathlib

_libc = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2


def mounts_below(folder: pathlib.Path) -> list[str]:
    """Mount points below `folder`, the last made first."""
    lines = pathlib.Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    points = [os.fsencode(line.split()[4]).decode("unicode_escape") for line in lines]
    return [point for point in reversed(points) if pathlib.Path(point).is_relative_to(folder)]


def loop_devices() -> dict[str, str]:
    """Backing file by name, of the loop devices in use."""
    found = {}
    for device in pathlib.Path("/sys/block").glob("loop*"):
        try:
            found[device.name] = (device / "loop/backing_file").read_text().strip()
        except OSError:
            pass  # free
    return found


def fuse_connections() -> set[str]:
    folder = pathlib.Path("/sys/fs/fuse/connections")  # empty unless fusectl is mounted
    return set(os.listdir(folder)) if folder.exists() else set()


def processes_naming(folder: pathlib.Path) -> list[str]:
    """Command lines of processes that have `folder` in them, but for this one and zombies."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended
        if str(folder) in command:
            found.append(f"{entry.name}: {command}")
    return found


def detach(point: str) -> None:
    """Unmounts lazily, so that not even a hung reader can hold it. Fine when somebody else was faster."""
    if _libc.umount2(os.fsencode(point), MNT_DETACH) != 0 and ctypes.get_errno() not in (errno.EINVAL, errno.ENOENT):
        raise OSError(ctypes.get_errno(), f"umount -l {point}")


def detach_all_below(folder: pathlib.Path) -> list[str]:
    points = mounts_below(folder)
    for point in points:
        detach(point)
    return points
