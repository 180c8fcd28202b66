"""Disks that take writes and lose them, with an ext4 on them. Root only.

Programs write into the page cache; when the kernel writes that back, the disk says that it failed, to nobody but who syncs.
"""
import os
import pathlib
import subprocess

from . import programs, volume

DISK_BYTES = 48 << 20
MEMORY_BYTES = 64 << 20
# Where packed_meta_blocks has the inode tables and the journal: what lies there can be written when nothing else can.
METADATA_BYTES = 10 << 20
MKFS = ("mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4", "-E", "packed_meta_blocks=1,lazy_itable_init=0")


def _make_file(path: pathlib.Path) -> pathlib.Path:
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(DISK_BYTES)
    return path


class FullMemoryDisk:
    """A loop device whose file lies on a tmpfs that gets full: what was never written there cannot be."""

    def __init__(self, folder: pathlib.Path, journal_too: bool):
        """`journal_too`: not even ext4's own journal can be written once the disk fails; else the content of files alone."""
        memory = volume.tmpfs(folder / "memory", MEMORY_BYTES)
        self._filler = memory / "filler"
        self._image = _make_file(memory / "disk")
        programs.run([*MKFS, self._image])
        if not journal_too:
            with self._image.open("r+b") as image:
                os.posix_fallocate(image.fileno(), 0, METADATA_BYTES)
        self.point = folder / "disk"
        self._mount()

    def _mount(self) -> None:
        volume.device(self.point, self._image, "loop,errors=continue")

    def fail(self) -> None:
        os.sync()
        volume.fill(self._filler)

    def heal(self) -> None:
        self._filler.unlink(missing_ok=True)

    def remount(self) -> None:
        """As after a reboot: ext4's journal is replayed, and its page cache is gone."""
        volume.unmount(self.point)
        self._mount()


class FlakeyDisk:
    """A dm-flakey (Documentation/admin-guide/device-mapper/dm-flakey.rst) over a loop device. For a test machine: the host may not
    have it, and has one name for it."""
    NAME = "lacuna-flakey"
    NODE = pathlib.Path("/dev/mapper") / NAME

    def __init__(self, folder: pathlib.Path):
        file = _make_file(folder / "flakey")
        programs.run([*MKFS, file])
        self._loop = programs.run(["losetup", "--find", "--show", file]).stdout.strip()
        self._dmsetup("create", self.NAME, "--table", self._table(fails=False))
        self.point = volume.device(folder / "disk", self.NODE, "errors=continue")

    def _table(self, fails: bool) -> str:
        always, never = (0, 1000) if fails else (1000, 0)  # seconds up, seconds down, in turn
        return f"0 {DISK_BYTES // 512} flakey {self._loop} 0 {always} {never}" + (" 1 error_writes" if fails else "")

    @staticmethod
    def _dmsetup(*arguments: str) -> None:
        programs.run(["dmsetup", *arguments], env=os.environ | {"DM_DISABLE_UDEV": "1"})  # there is no udevd: it makes the node itself

    def _load(self, fails: bool) -> None:
        self._dmsetup("load", self.NAME, "--table", self._table(fails))
        self._dmsetup("suspend", "--nolockfs", "--noflush", self.NAME)
        self._dmsetup("resume", self.NAME)

    def fail(self) -> None:
        os.sync()
        self._load(fails=True)

    def heal(self) -> None:
        self._load(fails=False)

    def remount(self) -> None:
        volume.unmount(self.point)
        volume.device(self.point, self.NODE, "errors=continue")

    def clean_up(self) -> None:
        volume.unmount(self.point)
        self._dmsetup("remove", self.NAME)
        subprocess.run(["losetup", "--detach", self._loop], check=True)
