"""Many readers of mounted files, in a process of its own: what they find goes to stdout as JSON.

  readers.py compare SEED READERS READS ORIGINAL=MOUNTED...  each reader compares random ranges of random files
  readers.py chaos SEED READERS READS ORIGINAL=MOUNTED...    the same where reads may fail: bytes, errors and times are told
  readers.py park COUNT STRIDE FILE                         reader i reads 4 KiB at i * STRIDE, all at once
  readers.py spread SEED READERS SECONDS STRIDE ORIGINAL=MOUNTED
      of one file each multiple of STRIDE is the start of one read of 4 KiB to 300 KB, in random order, evenly over SECONDS
"""
import dataclasses
import errno
import json
import os
import pathlib
import random
import sys
import threading
import time
from collections.abc import Callable

BLOCK = 4096


def run_together(count: int, work: Callable[[int], None]) -> None:
    """Runs work(0) … work(count - 1) at the same time, each in its thread."""
    barrier = threading.Barrier(count)

    def start(number: int) -> None:
        barrier.wait()
        work(number)

    threading.stack_size(256 << 10)
    threads = [threading.Thread(target=start, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def compare(seed: int, readers: int, reads: int, pairs: list[tuple[pathlib.Path, pathlib.Path]]) -> dict:
    files = [[(path, mounted / path.relative_to(original)) for path in sorted(original.rglob("*")) if path.is_file()]
             for original, mounted in pairs]
    wrong: list[str] = []
    read_bytes = [0] * readers

    def read_some(number: int) -> None:
        source = random.Random(seed * 1000 + number)
        for _ in range(reads):
            original, mounted = source.choice(source.choice(files))
            offset = source.randrange(original.stat().st_size + 1)
            size = source.choice([1, 100, BLOCK, 70_000, 300_000])
            try:
                expected, found = _read(original, offset, size), _read(mounted, offset, size)
            except OSError as error:
                wrong.append(f"{mounted}: {error}")
                continue
            read_bytes[number] += len(found)
            if expected != found:
                wrong.append(f"{mounted} at {offset}, {size} bytes: other bytes")

    run_together(readers, read_some)
    return {"wrong": wrong, "bytes": sum(read_bytes)}


def _read(path: pathlib.Path, offset: int, size: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.pread(descriptor, size, offset)
    finally:
        os.close(descriptor)


@dataclasses.dataclass
class Tally:
    """What one reader met."""
    reads: int = 0
    eios: int = 0
    bytes_read: int = 0
    slowest: float = 0.0  # call of pread, in seconds
    slowest_eio: float = 0.0
    wrong: list[str] = dataclasses.field(default_factory=list)

    def pread(self, descriptor: int, size: int, offset: int) -> bytes | None:
        """None for EIO; any other error is raised."""
        started = time.monotonic()
        try:
            return os.pread(descriptor, size, offset)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            self.slowest_eio = max(self.slowest_eio, time.monotonic() - started)
            return None
        finally:
            self.slowest = max(self.slowest, time.monotonic() - started)


def chaos(seed: int, readers: int, reads: int, pairs: list[tuple[pathlib.Path, pathlib.Path]]) -> dict:
    """Each read is of 1 to 300,000 bytes, short ones as often as long ones, of a file that is drawn by its size."""
    files = [(path, mounted / path.relative_to(original), path.stat().st_size)
             for original, mounted in pairs for path in sorted(original.rglob("*")) if path.is_file()]
    weights = [size + BLOCK for _, _, size in files]
    tallies = [Tally() for _ in range(readers)]

    def read_some(number: int) -> None:
        source, tally = random.Random(seed * 1000 + number), tallies[number]
        for _ in range(reads):
            original, mounted, whole = source.choices(files, weights)[0]
            offset, size = source.randrange(whole + 1), int(300_000 ** source.random())
            _check(original, mounted, offset, size, tally)

    run_together(readers, read_some)
    return {"wrong": [line for tally in tallies for line in tally.wrong],
            **{name: sum(getattr(tally, name) for tally in tallies) for name in ("reads", "eios", "bytes_read")},
            **{name: max(getattr(tally, name) for tally in tallies) for name in ("slowest", "slowest_eio")}}


def _check(original: pathlib.Path, mounted: pathlib.Path, offset: int, size: int, tally: Tally) -> None:
    """One read, as often as the kernel gives less than was asked for: it does when a page behind the first is not to be had."""
    expected = _read(original, offset, size)
    descriptor = os.open(mounted, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        done = 0
        while True:
            found = tally.pread(descriptor, size - done, offset + done)
            if found is None:
                tally.eios += 1
                break
            if found != expected[done:done + len(found)]:
                tally.wrong.append(f"{mounted} at {offset + done}, {size - done} bytes: other bytes")
            done += len(found)
            if not found or done == size:
                if done != len(expected):
                    tally.wrong.append(f"{mounted} at {offset}, {size} bytes: {done} bytes instead of {len(expected)}")
                break
        tally.bytes_read += done
        tally.reads += 1
    finally:
        os.close(descriptor)


def park(count: int, stride: int, path: str) -> dict:
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
    results = [("none", 0.0)] * count

    def read_one(number: int) -> None:
        started = time.monotonic()
        try:
            os.pread(descriptor, BLOCK, number * stride)
            outcome = "bytes"
        except OSError as error:
            outcome = errno.errorcode[error.errno]
        results[number] = (outcome, time.monotonic() - started)

    run_together(count, read_one)
    return {"outcomes": sorted({outcome for outcome, _ in results}), "slowest": max(s for _, s in results),
            "fastest": min(s for _, s in results)}


def spread(seed: int, readers: int, seconds: float, stride: int, original: str, mounted: str) -> dict:
    descriptor = os.open(mounted, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)  # what nobody has read yet stays far away until the end
    places = list(range(0, os.path.getsize(original), stride))
    random.Random(seed).shuffle(places)
    began = time.monotonic()
    wrong: list[str] = []
    slowest = [0.0] * readers

    def read_some(number: int) -> None:
        source = random.Random(seed * 1000 + number)
        for turn in range(number, len(places), readers):
            at_once = 4  # so that readers do meet
            time.sleep(max(0.0, began + seconds * (turn // at_once * at_once) / len(places) - time.monotonic()))
            offset, size = places[turn], source.randint(BLOCK, 300_000)
            started = time.monotonic()
            try:
                found = os.pread(descriptor, size, offset)
            except OSError as error:
                wrong.append(f"at {offset}, after {started - began:.1f} s: {error}")
                continue
            slowest[number] = max(slowest[number], time.monotonic() - started)
            if found != _read(pathlib.Path(original), offset, size):
                wrong.append(f"at {offset}, {size} bytes: other bytes")

    run_together(readers, read_some)
    return {"wrong": wrong, "reads": len(places), "slowest": max(slowest)}


def main() -> None:
    mode, *arguments = sys.argv[1:]
    if mode == "park":
        print(json.dumps(park(int(arguments[0]), int(arguments[1]), arguments[2])))
    elif mode == "spread":
        seed, readers, seconds, stride = map(int, arguments[:4])
        print(json.dumps(spread(seed, readers, seconds, stride, *arguments[4].split("=", 1))))
    else:
        pairs = [tuple(map(pathlib.Path, pair.split("=", 1))) for pair in arguments[3:]]
        work = {"compare": compare, "chaos": chaos}[mode]
        print(json.dumps(work(*map(int, arguments[:3]), pairs)))


main()
