"""The replay itself: what was flushed is always there, what was not may be, and nothing else is."""
import pathlib
import random
import tempfile
import unittest

from . import crash_states
from .write_log import ENTRY, FLUSH, MAGIC, SECTOR, SUPERBLOCK, VERSION, LogError, Write, read_epochs

DISK_SECTORS = 64


def entry(flags: int, sector: int = 0, data: bytes = b"") -> bytes:
    return ENTRY.pack(sector, len(data) // SECTOR, flags, 0).ljust(SECTOR, b"\0") + data


def sectors(value: int, count: int) -> bytes:
    return bytes([value]) * (SECTOR * count)


# Two writes and a flush; three writes, the last over the first, and a flush; one write.
LOG = [entry(0, 0, sectors(1, 2)), entry(0, 8, sectors(2, 1)), entry(FLUSH),
       entry(0, 16, sectors(3, 4)), entry(0, 32, sectors(4, 1)), entry(0, 18, sectors(5, 1)), entry(FLUSH),
       entry(0, 0, sectors(6, 1))]


class CrashStatesTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def write_log(self, *entries: bytes, magic: int = MAGIC) -> pathlib.Path:
        path = self.folder / "log"
        path.write_bytes(SUPERBLOCK.pack(magic, VERSION, len(entries), SECTOR).ljust(SECTOR, b"\0") + b"".join(entries))
        return path

    def test_writes_belong_to_the_flush_that_covers_them(self) -> None:
        offsets = [[write.offset // SECTOR for write in epoch.writes] for epoch in read_epochs(self.write_log(*LOG))]
        self.assertEqual(offsets, [[0, 8], [16, 32, 18], [0]])

    def test_what_is_no_log_of_ours(self) -> None:
        with self.assertRaises(LogError):
            read_epochs(self.write_log(*LOG, magic=1))
        with self.assertRaises(LogError):
            read_epochs(self.write_log(LOG[0][:-1]))

    def test_a_state_has_all_that_was_flushed_and_its_own_survivors(self) -> None:
        epochs = read_epochs(self.write_log(*LOG))
        base, disk = self.folder / "base", self.folder / "disk"
        base.write_bytes(sectors(9, DISK_SECTORS))
        states = crash_states.draw(epochs, 300, random.Random(1))
        for state in crash_states.replay(base, epochs, states, disk):
            expected = bytearray(sectors(9, DISK_SECTORS))
            for write in [write for epoch in epochs[:state.epoch] for write in epoch.writes] + state.survivors:
                expected[write.offset:write.offset + len(write.data)] = write.data
            self.assertEqual(disk.read_bytes(), bytes(expected), str(state))

    def test_the_superblock_is_never_torn(self) -> None:
        """A power cut that tore it left a disk that ext4 refuses ("invalid superblock checksum"), whatever lacuna wrote."""
        epochs = read_epochs(self.write_log(entry(0, 0, sectors(1, 8)), entry(0, 2, sectors(2, 2))))
        left = set()
        for state in crash_states.draw(epochs, 300, random.Random(3)):
            disk = bytearray(sectors(0, DISK_SECTORS))
            for write in state.survivors:
                disk[write.offset:write.offset + len(write.data)] = write.data
            left.add((disk[1024], disk[1536]))
        self.assertEqual(left, {(0, 0), (1, 1), (2, 2)})

    def test_survivors_are_whole_sectors_of_the_epoch_in_its_order(self) -> None:
        epochs = read_epochs(self.write_log(*LOG))
        kinds = set()
        for state in crash_states.draw(epochs, 300, random.Random(2)):
            cut = [Write(write.offset + at, write.data[at:at + SECTOR]) for write in epochs[state.epoch].writes
                   for at in range(0, len(write.data), SECTOR)]
            left = iter(cut)
            for write in state.survivors:
                for at in range(0, len(write.data), SECTOR):
                    self.assertIn(Write(write.offset + at, write.data[at:at + SECTOR]), left, str(state))
            kinds.add((state.epoch, len(state.survivors)))
        self.assertGreater(len(kinds), 12)
