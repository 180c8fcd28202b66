"""What a disk may hold after a power cut: all that was flushed, and of what came after the last flush any sectors at all.

A disk promises whole sectors, and nothing about their order between two flushes, but that of two writes to one sector the later
one is what stays if both were done.
"""
import dataclasses
import pathlib
import random
from collections.abc import Iterator, Sequence

from harness.sparse_copy import copy_sparse

from .write_log import SECTOR, Epoch, Write

MAP_MAGIC = b"LACUNAMP"  # a slot of a chunk map
JOURNAL_MAGIC = b"\xc0\x3b\x39\x98"  # a block of ext4's journal
SUPERBLOCK = range(1024, 2048)  # ext4's: its checksum is looked at before its journal is, so ext4 itself relies on its being in one piece
INTERESTING = 4  # how many times more often than others


@dataclasses.dataclass(frozen=True)
class State:
    """A disk that was cut off in this epoch."""
    epoch: int
    survivors: list[Write]  # of the epoch's writes, in their order
    how: str  # they were chosen

    def __str__(self) -> str:
        return f"power cut in epoch {self.epoch}: {self.how}, {len(self.survivors)} writes survive"


def draw(epochs: Sequence[Epoch], count: int, source: random.Random) -> list[State]:
    """`count` states, in the order of their epochs."""
    weights = [_weight(epoch) for epoch in epochs]
    chosen = sorted(source.choices(range(len(epochs)), weights, k=count))
    return [_state(epochs[index], source) for index in chosen]


def _weight(epoch: Epoch) -> int:
    """Chunk maps and commits of the journal are where a mistake would show."""
    if not epoch.writes:
        return 0
    return INTERESTING if any(write.data.startswith((MAP_MAGIC, JOURNAL_MAGIC)) for write in epoch.writes) else 1


def _state(epoch: Epoch, source: random.Random) -> State:
    how = source.choice(["nothing new", "all", "the first few", "all but one", "one in two", "one in ten", "torn"])
    writes = epoch.writes
    if how == "nothing new":
        writes = []
    elif how == "the first few":
        writes = writes[:source.randrange(len(writes) + 1)]
    elif how == "all but one":
        lost = source.randrange(len(writes))
        writes = writes[:lost] + writes[lost + 1:]
    elif how == "one in two":
        writes = [write for write in writes if source.random() < 0.5]
    elif how == "one in ten":
        writes = [write for write in writes if source.random() < 0.1]
    elif how == "torn":
        writes = [sector for write in writes for sector in _some_sectors(write, source)]
    return State(epoch.number, writes, how)


def _some_sectors(write: Write, source: random.Random) -> Iterator[Write]:
    superblock_survives = source.random() < 0.7
    for at in range(0, len(write.data), SECTOR):
        survives = superblock_survives if write.offset + at in SUPERBLOCK else source.random() < 0.7
        if survives:
            yield Write(write.offset + at, write.data[at:at + SECTOR])


def replay(base: pathlib.Path, epochs: Sequence[Epoch], states: Sequence[State], disk: pathlib.Path) -> Iterator[State]:
    """Makes `disk` what each state says, one after the other. `base`, the disk before the first write, becomes what was flushed."""
    done = 0
    for state in states:
        for epoch in epochs[done:state.epoch]:
            _apply(epoch.writes, base)
        done = state.epoch
        copy_sparse(base, disk)
        _apply(state.survivors, disk)
        yield state


def _apply(writes: Sequence[Write], disk: pathlib.Path) -> None:
    with disk.open("r+b", buffering=0) as file:
        for write in writes:
            file.seek(write.offset)
            file.write(write.data)
