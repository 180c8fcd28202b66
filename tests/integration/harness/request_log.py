"""What went over the wire: one record a request, and the questions that tests ask about them. Thread-safe."""
import collections
import dataclasses
import re
import threading
import time


@dataclasses.dataclass
class Record:
    method: str
    target: str  # with its query
    range: tuple[int, int] | None  # as asked for, end exclusive
    authorization: str | None = None  # the header
    time: float = dataclasses.field(default_factory=time.monotonic)  # seconds, when its head was there
    status: int = 0  # 0: not answered (yet)
    body_bytes: int = 0  # of the answer, sent to the client
    done: bool = False  # answered whole

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class RequestLog:
    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._records: list[Record] = []

    def begin(self, method: str, target: str, byte_range: tuple[int, int] | None, authorization: str | None = None) -> Record:
        record = Record(method, target, byte_range, authorization)
        with self._mutex:
            self._records.append(record)
        return record

    def clear(self) -> None:
        with self._mutex:
            self._records.clear()

    def requests_for(self, path: str = "", method: str = "GET") -> list[Record]:
        """The requests whose path matches the regular expression, in the order they came."""
        with self._mutex:
            return [r for r in self._records if r.method == method and re.search(path, r.path)]

    def settle(self, path: str = "", timeout: float = 5.0) -> None:
        """Waits until each request so far is on record as answered whole: a client has its bytes a moment before."""
        end = time.monotonic() + timeout
        while not all(r.done for r in self.requests_for(path)) and time.monotonic() < end:
            time.sleep(0.005)

    def bytes_for(self, path: str = "") -> int:
        """Body bytes sent for GETs of matching paths."""
        return sum(r.body_bytes for r in self.requests_for(path))

    def count_by_path(self, path: str = "", method: str = "GET") -> collections.Counter[str]:
        return collections.Counter(r.path for r in self.requests_for(path, method))

    def count_by_range(self, path: str = "", method: str = "GET") -> collections.Counter[tuple[str, tuple[int, int] | None]]:
        """How often each range of each path was asked for; None: without a range, or with one that is not FIRST-LAST."""
        return collections.Counter((r.path, r.range) for r in self.requests_for(path, method))

    def ranges_for(self, path: str = "") -> list[tuple[int, int]]:
        """The ranges that were asked for, sorted. A request without one counts as all that was sent."""
        return sorted(r.range or (0, r.body_bytes) for r in self.requests_for(path) if r.range or r.body_bytes)

    def overlapping_ranges(self, path: str = "") -> list[tuple[str, tuple[int, int], tuple[int, int]]]:
        """(path, one, other) for neighbours in the sorted ranges of one path that share a byte."""
        overlaps = []
        for one_path in sorted({r.path for r in self.requests_for(path)}):
            ranges = self.ranges_for(f"^{re.escape(one_path)}$")
            widest = None
            for current in ranges:
                if widest and current[0] < widest[1]:
                    overlaps.append((one_path, widest, current))
                widest = max(widest or current, current, key=lambda r: r[1])
        return overlaps
