"""Readers of a mounted image that go on until their stdin ends, each a process of its own; what they met goes to stdout as JSON.

  steady_readers.py SEED READERS ORIGINAL=MOUNTED

By turns, drawn by SEED, each reads in sequence, reads here and there, touches the pages of a mapping, and runs a program that
lies in the image (`program`, a copy of cat), from a page cache that it drops now and then. Every byte is compared.
"""
import collections
import ctypes
import dataclasses
import errno
import json
import mmap
import os
import pathlib
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

READ_BYTES = 64 << 10
WINDOW_BYTES = 512 << 10
MAPPED_BYTES = PRINTED_BYTES = 128 << 10
PR_SET_PDEATHSIG = 1


@dataclasses.dataclass
class Met:
    """What one reader met."""
    reads: int = 0
    bytes_read: int = 0
    slowest: float = 0.0  # call, in seconds
    wrong: list[str] = dataclasses.field(default_factory=list)
    errors: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def compare(self, what: str, expected: bytes, get: Callable[[], bytes]) -> None:
        started = time.monotonic()
        try:
            found = get()
        except OSError as error:
            self.errors[f"{errno.errorcode[error.errno]} {what.partition(' ')[0]}"] += 1
            return
        finally:
            self.slowest = max(self.slowest, time.monotonic() - started)
            self.reads += 1
        self.bytes_read += len(found)
        if found != expected:
            self.wrong.append(f"{what}: {len(found)} other bytes")


class Reader:
    def __init__(self, seed: int, original: pathlib.Path, mounted: pathlib.Path):
        self._random = random.Random(seed)
        self._original, self._mounted = original, mounted
        paths = [path for path in sorted(original.rglob("*")) if path.is_file() and not path.is_symlink()]
        self._files = [(path.relative_to(original), path.stat().st_size) for path in paths]
        self._weights = [size + READ_BYTES for _, size in self._files]
        self.met = Met()

    def turn(self) -> None:
        name, size = self._random.choices(self._files, self._weights)[0]
        offset = self._random.randrange(size + 1)
        window = min(WINDOW_BYTES, size - offset)
        way, = self._random.choices([self.in_sequence, self.here_and_there, self.mapped, self.run], [3, 6, 3, 1])
        way(name, offset, window)

    def expected(self, name: pathlib.Path, offset: int, size: int) -> bytes:
        with (self._original / name).open("rb") as file:
            return os.pread(file.fileno(), size, offset)

    def open(self, name: pathlib.Path) -> int:
        descriptor = os.open(self._mounted / name, os.O_RDONLY)
        if self._random.random() < 0.7:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        return descriptor

    def in_sequence(self, name: pathlib.Path, offset: int, window: int) -> None:
        descriptor = self.open(name)
        for at in range(offset, offset + window, READ_BYTES):
            size = min(READ_BYTES, offset + window - at)
            self.met.compare(f"read {name} at {at}", self.expected(name, at, size),
                             lambda at=at, size=size: os.pread(descriptor, size, at))
        os.close(descriptor)

    def here_and_there(self, name: pathlib.Path, offset: int, window: int) -> None:
        size = min(window, int(300_000 ** self._random.random()))
        descriptor = self.open(name)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        self.met.compare(f"pread {name} at {offset}", self.expected(name, offset, size),
                         lambda: os.pread(descriptor, size, offset))
        os.close(descriptor)

    def mapped(self, name: pathlib.Path, offset: int, window: int) -> None:
        """An error here is a SIGBUS, which ends this reader."""
        descriptor = self.open(name)
        window = min(window, MAPPED_BYTES)
        if window > 0:
            with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as mapping:
                self.met.compare(f"mapping {name} at {offset}", self.expected(name, offset, window),
                                 lambda: mapping[offset:offset + window])
        os.close(descriptor)

    def run(self, *_: object) -> None:
        name, _ = self._random.choice([file for file in self._files if file[1] <= PRINTED_BYTES])
        os.close(self.open(pathlib.Path("program")))
        command = [self._mounted / "program", self._mounted / name]
        self.met.compare(f"program {name}", (self._original / name).read_bytes(), lambda: self.output(command))

    @staticmethod
    def output(command: list[pathlib.Path]) -> bytes:
        done = subprocess.run(command, stdout=subprocess.PIPE)
        if done.returncode != 0:
            raise OSError(errno.EIO, f"ended with {done.returncode}")
        return done.stdout


def start_reader(reader: Reader, end: int) -> tuple[int, int]:
    """Its pid, and where it tells what it met once `end` is readable."""
    output, write_output = os.pipe()
    if pid := os.fork():
        os.close(write_output)
        return pid, output
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    while not select.select([end], [], [], 0)[0]:
        reader.turn()
    with open(write_output, "w") as file:
        json.dump(dataclasses.asdict(reader.met), file)
    os._exit(0)


def main() -> None:
    seed, count, pair = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    original, mounted = map(pathlib.Path, pair.split("=", 1))
    end, tell_end = os.pipe()
    readers = [Reader(seed * 1000 + number, original, mounted) for number in range(count)]
    started = [start_reader(reader, end) for reader in readers]
    sys.stdin.buffer.read()
    os.write(tell_end, b"x")  # nobody takes it out
    met = [json.loads(text) for _, output in started if (text := open(output).read())]
    died = [number for pid, _ in started if (number := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))]
    print(json.dumps({
        "wrong": [line for one in met for line in one["wrong"]],
        "errors": dict(sum((collections.Counter(one["errors"]) for one in met), collections.Counter())),
        "died": died,  # -7: SIGBUS, an error that a mapping met
        "slowest": max((one["slowest"] for one in met), default=0.0),
        "reads": sum(one["reads"] for one in met), "bytes_read": sum(one["bytes_read"] for one in met)}))


main()
