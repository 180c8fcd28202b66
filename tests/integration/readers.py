"""Many readers of mounted files, in a process of its own: what they find goes to stdout as JSON.

  readers.py compare SEED READERS READS ORIGINAL=MOUNTED...  each reader compares random ranges of random files
  readers.py park COUNT STRIDE FILE                         reader i reads 4 KiB at i * STRIDE, all at once
"""
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


def main() -> None:
    mode, *arguments = sys.argv[1:]
    if mode == "park":
        print(json.dumps(park(int(arguments[0]), int(arguments[1]), arguments[2])))
    else:
        pairs = [tuple(map(pathlib.Path, pair.split("=", 1))) for pair in arguments[3:]]
        print(json.dumps(compare(*map(int, arguments[:3]), pairs)))


main()
