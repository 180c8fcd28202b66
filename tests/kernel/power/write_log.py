"""What was written to a disk, in order: the log that QEMU's blklogwrites and Linux's dm-log-writes write.

Source: block/blklogwrites.c (QEMU 7.2), Documentation/admin-guide/device-mapper/log-writes.rst. Little-endian, in units of a
sector: the superblock; then each entry's header, alone in its sector, and its data.
"""
import dataclasses
import pathlib
import struct
from collections.abc import Iterator

SECTOR = 512
SUPERBLOCK = struct.Struct("<QQQI")  # magic, version, number of entries, sector size
ENTRY = struct.Struct("<QQQQ")  # sector, number of sectors, flags, bytes of data for MARK
MAGIC, VERSION = 0x6A736677736872, 1
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8


class LogError(Exception):
    """Not a log that we understand."""


@dataclasses.dataclass(frozen=True)
class Write:
    offset: int  # on the disk, in bytes
    data: bytes


@dataclasses.dataclass(frozen=True)
class Epoch:
    """The writes between two flushes. What a disk had taken before a flush outlives a power cut once the flush is done; of what it
    has taken since, any part may be lost."""
    number: int
    writes: list[Write]


def read_epochs(path: pathlib.Path) -> list[Epoch]:
    epochs, writes = [], []
    for flags, write in _entries(path):
        # A flush covers what was done before it, and its own write comes after it (REQ_PREFLUSH).
        if flags & FLUSH:
            epochs.append(Epoch(len(epochs), writes))
            writes = []
        if write.data:
            writes.append(write)
        if flags & FUA:
            raise LogError("a write that is durable at once: the disk was not to offer that")
    return [*epochs, Epoch(len(epochs), writes)]


def _entries(path: pathlib.Path) -> Iterator[tuple[int, Write]]:
    with path.open("rb") as log:
        magic, version, count, sector_size = SUPERBLOCK.unpack(log.read(SUPERBLOCK.size))
        if (magic, version, sector_size) != (MAGIC, VERSION, SECTOR):
            raise LogError(f"{path}: magic {magic:#x}, version {version}, sectors of {sector_size} bytes")
        at = SECTOR
        for _ in range(count):
            log.seek(at)
            sector, sectors, flags, _ = ENTRY.unpack(log.read(ENTRY.size))
            if flags & (DISCARD | MARK):
                raise LogError(f"{path}: an entry with flags {flags:#x}, of a kind that the disk was not to offer")
            log.seek(at + SECTOR)
            data = log.read(sectors * SECTOR)
            if len(data) != sectors * SECTOR:
                raise LogError(f"{path}: cut short")
            yield flags, Write(sector * SECTOR, data)
            at += SECTOR + len(data)
