"""What went over the wire: one record a request, and the questions that tests ask about them. Thread-safe."""
import dataclasses
import re
import threading
import time


@dataclasses.dataclass
class Record:
    method: str
    path: str
    range: tuple[int, int] | None  # as asked for, end exclusive
    status: int = 0  # 0: not answered (yet)
    body_bytes: int = 0  # of the answer, sent to the client
    done: bool = False  # answered whole


class RequestLog:
    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._records: list[Record] = []

    def begin(self, method: str, path: str, byte_range: tuple[int, int] | None) -> Record:
        record = Record(method, path, byte_range)
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
