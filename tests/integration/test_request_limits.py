"""How much a registry is asked: no more than it is said to bear, not before the time it says, and next to nothing while it is
dead; and that readers go before what nobody waits for yet."""
import concurrent.futures
import datetime
import os
import pathlib
import statistics
import subprocess
import time
from collections.abc import Callable

from harness import faults, proc
from harness.case import BLOBS
from harness.daemon import Daemon
from harness.gauge import Gauge
from harness.images import Image
from harness.mirrored_case import MirroredTest
from harness.process import wait_until
from harness.trees import TreeSpec

READERS = 64
STRIDE = 128 << 10  # two chunks apart: no two readers wait for the same
CHUNK = 64 << 10
LOT = TreeSpec(seed=7, files=1, big_bytes=3 * READERS * STRIDE, oddities=False)
OTHER = TreeSpec(seed=4, files=20, big_bytes=4 << 20)


class RequestLimitTest(MirroredTest):
    def lot(self, **fetch: object) -> tuple[Daemon, Image, pathlib.Path]:
        """A mounted image for `park`; the log begins behind the mount."""
        daemon, image, reference = self.serve(LOT, fetch={"connect_timeout": "1s"} | fetch)
        mounted = daemon.mount(reference, self.mount_point())
        (mounted / "big").stat()
        self.wire.clear()
        return daemon, image, mounted

    def park(self, mounted: pathlib.Path, outcome: str) -> dict:
        found = self.finish_readers(self.start_readers("park", READERS, STRIDE, mounted / "big"))
        self.assertEqual(found["outcomes"], [outcome])
        return found


class RetryAfterTest(RequestLimitTest):
    alone = True

    def test_seconds_with_429(self) -> None:
        self.check_seconds(429)

    def test_seconds_with_503(self) -> None:
        self.check_seconds(503)

    def check_seconds(self, status: int) -> None:
        daemon, image, mounted = self.lot(demand_connections=4)
        refusal = faults.Answer(status, retry_after=2)
        with self.proxy.inject(refusal, BLOBS, times=1):
            self.park(mounted, "bytes")
        starts = self.check_silence(status, 2)
        self.assertGreater(len(starts), READERS)
        daemon.stop()

    def check_silence(self, status: int, seconds: float) -> list[float]:
        """Between the refusal and its end nothing is asked; what was under way then is nobody's fault."""
        [refused] = [r.time for r in self.wire.requests_for() if r.status == status]
        starts = [r.time for r in self.wire.requests_for()]
        early = [t - refused for t in starts if refused + 0.3 < t < refused + seconds - 0.05]
        self.assertEqual(early, [])
        self.assertGreater(max(starts), refused + seconds - 0.05)
        return starts

    def test_a_date(self) -> None:
        daemon, image, mounted = self.lot(demand_connections=4)
        until = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=4)
        with self.proxy.inject(faults.Answer(429, retry_after=until), BLOBS, times=1):
            self.park(mounted, "bytes")
        [refused] = [r.time for r in self.wire.requests_for() if r.status == 429]
        self.check_silence(429, time.monotonic() - time.time() + until.timestamp() - refused)
        daemon.stop()

    def test_it_holds_for_all_who_ask_that_host(self) -> None:
        daemon, image, mounted = self.lot(demand_connections=4)
        other = self.push(self.images.get(OTHER), "other:latest")
        refusal = self.proxy.inject(faults.Answer(429, retry_after=3), BLOBS, times=1)
        with refusal, concurrent.futures.ThreadPoolExecutor() as pool:
            read = pool.submit(read_chunk, mounted / "big", 0)
            wait_until("the refusal", lambda: any(r.status == 429 for r in self.wire.requests_for(BLOBS)), every=0.002)
            daemon.mount(other, self.mount_point("other"))
            read.result()
        self.check_silence(429, 3)
        daemon.stop()

    def test_a_mirror_that_asks_for_time_gets_it_and_nobody_waits(self) -> None:
        image = self.start_servers(LOT)
        daemon = self.start_daemon(demand_connections=4)
        mounted = daemon.mount(self.reference(), self.mount_point())
        self.mirror_wire.clear()
        with self.mirror.inject(faults.Answer(429, retry_after=60), BLOBS):
            found = self.park(mounted, "bytes")
        self.assertLess(found["slowest"], 10)
        self.assertLessEqual(len(self.mirror_wire.requests_for()), 4, "those that went out together")
        self.assert_equal_trees(image, mounted)
        daemon.stop()


class LimitTest(RequestLimitTest):
    alone = True

    def test_requests_per_second(self) -> None:
        rate = 10
        daemon, image, mounted = self.lot(requests_per_second=rate)
        self.park(mounted, "bytes")
        starts = sorted(r.time for r in self.wire.requests_for())
        most = max(sum(start <= t < start + 1 for t in starts) for start in starts)
        print(f"figures: {len(starts)} requests in {starts[-1] - starts[0]:.1f} s, at most {most} in a second")
        self.assertLessEqual(most, 2 * rate + 3, "a burst of a second's worth, and a second's worth, on a noisy machine")
        self.assertGreater(starts[-1] - starts[0], (READERS - 2 * rate) / rate)
        daemon.stop()

    def test_demand_connections(self) -> None:
        daemon, image, mounted = self.lot(demand_connections=5)
        gauge = Gauge(faults.Delay(0.05))
        with self.proxy.inject(gauge, BLOBS):
            self.park(mounted, "bytes")
        self.assertEqual(gauge.most, 5)
        self.assertLessEqual(self.proxy.connections, 6, "and one of the mount's")
        daemon.stop()

    def test_prefetch_connections(self) -> None:
        daemon, image, mounted = self.lot(prefetch_connections=2)
        gauge = Gauge(faults.Delay(0.05))
        with self.proxy.inject(gauge, BLOBS):
            daemon.ctl("prefetch", "--wait", "--all", self.reference())
        self.assertEqual(gauge.most, 2)
        daemon.stop()

    def test_a_sequential_read_costs_few_requests(self) -> None:
        """Registries count requests, and refuse who makes too many: a range is at least what the kernel reads ahead."""
        daemon, image, mounted = self.lot()
        with (mounted / "big").open("rb", buffering=0) as big, (image.tree / "big").open("rb") as original:
            while block := original.read(16 << 10):
                self.assertEqual(big.read(16 << 10), block)
        requests = len(self.wire.requests_for(BLOBS))
        print(f"figures: {LOT.big_bytes >> 20} MiB in {requests} requests")
        self.assertLessEqual(requests, LOT.big_bytes // (128 << 10) + 16)
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [])
        daemon.stop()


class DeadRegistryTest(RequestLimitTest):
    SECONDS = 10
    PROBES = 16

    def check(self, daemon: Daemon, mounted: pathlib.Path, sent: Callable[[], int], servers: int = 1,
              begun: float = 0.5) -> subprocess.Popen[str]:
        """Many wait, little is sent, and the daemon sleeps. The first request of each reader may be on its way before any has
        failed; they have after `begun` seconds, when the watch begins."""
        readers = self.start_readers("park", READERS, STRIDE, mounted / "big")
        wait_until("the readers to wait", lambda: daemon.status()["parked_reads"] >= READERS)
        time.sleep(begun)
        cpu_before, sent_before = self.cpu_seconds(daemon), sent()
        time.sleep(self.SECONDS)
        cpu, sent_after = self.cpu_seconds(daemon) - cpu_before, sent()
        print(f"figures: {sent_after} requests, {sent_after - sent_before} of them later than at once; {cpu:.2f} s of CPU in "
              f"{self.SECONDS} s with {READERS} readers")
        self.assertIsNone(readers.poll())
        self.assertLessEqual(sent_after, servers * (READERS + self.PROBES))
        self.assertLess(cpu, 0.3, "a daemon that waits uses a hundredth of a second")
        return readers

    @staticmethod
    def cpu_seconds(daemon: Daemon) -> float:
        """Of both processes."""
        return proc.cpu_seconds(daemon.process.pid) + proc.cpu_seconds(daemon.worker_pid())

    def test_that_resets_every_connection(self) -> None:
        daemon, _, mounted = self.lot(read_deadline="60s")
        with self.proxy.inject(faults.Reset(), BLOBS):
            readers = self.check(daemon, mounted, lambda: len(self.wire.requests_for()))
        self.assertEqual(self.finish_readers(readers)["outcomes"], ["bytes"])
        daemon.stop()

    def test_that_does_not_listen(self) -> None:
        daemon, _, mounted = self.lot(read_deadline="60s")
        self.proxy.vanish()
        readers = self.check(daemon, mounted, lambda: daemon.status()["requests"].get("0", 0))
        self.proxy.resume()
        self.assertEqual(self.finish_readers(readers)["outcomes"], ["bytes"])
        daemon.stop()

    def test_that_never_answers(self) -> None:
        daemon, _, mounted = self.lot(read_deadline="60s", stall_timeout="2s")
        with self.proxy.inject(faults.Hang(), BLOBS):
            readers = self.check(daemon, mounted, lambda: len(self.wire.requests_for()))
        self.assertEqual(self.finish_readers(readers)["outcomes"], ["bytes"])
        daemon.stop()

    def sent_to_both(self) -> int:
        return len(self.mirror_wire.requests_for()) + len(self.wire.requests_for())

    def check_both(self, fault: faults.Fault, begun: float = 0.5) -> None:
        image = self.start_servers(LOT)
        daemon = self.start_daemon(connect_timeout="1s", read_deadline="80s", stall_timeout="5s")
        mounted = daemon.mount(self.reference(), self.mount_point())
        (mounted / "big").stat()
        for server in (self.mirror, self.proxy):
            server.log.clear()
        with self.mirror.inject(fault), self.proxy.inject(fault):
            readers = self.check(daemon, mounted, self.sent_to_both, servers=2, begun=begun)
        self.assertEqual(self.finish_readers(readers)["outcomes"], ["bytes"])
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_and_its_mirror_too(self) -> None:
        self.check_both(faults.Answer(503))

    def test_that_never_answers_and_its_mirror_too(self) -> None:
        """Each host has one request at a time by then, and it takes long: those who wait for its end do so asleep."""
        self.check_both(faults.Hang(), begun=12)


class DemandFirstTest(RequestLimitTest):
    alone = True
    READS = 20

    def test_a_reader_goes_before_a_prefetch(self) -> None:
        """At a slow registry: what a reader needs is asked for at once, whatever a prefetch has still to do."""
        daemon, image, mounted = self.lot(demand_connections=2, prefetch_connections=2)
        took, begun_between = [], []
        with (self.proxy.inject(faults.Throttle(1_000_000), BLOBS), concurrent.futures.ThreadPoolExecutor() as pool):
            prefetch = pool.submit(daemon.ctl, "prefetch", "--wait", "--all", self.reference())
            wait_until("the prefetch to begin", lambda: len(self.wire.requests_for(BLOBS)) >= 2)
            for number in range(self.READS):
                offset = LOT.big_bytes - (number + 1) * STRIDE  # which the prefetch comes to last
                before, started = len(self.wire.requests_for(BLOBS)), time.monotonic()
                self.assertEqual(read_chunk(mounted / "big", offset), read_chunk(image.tree / "big", offset))
                took.append(time.monotonic() - started)
                since = self.wire.requests_for(BLOBS)[before:]
                mine = next(i for i, r in enumerate(since) if r.range and r.range[1] - r.range[0] <= 2 * CHUNK)
                begun_between.append(mine)
            self.assertFalse(prefetch.done(), "it was over too early to be in the way")
        print(f"figures: demand reads took {statistics.median(took):.3f} s (median), {max(took):.3f} s at most; prefetches begun "
              f"before them: {begun_between}")
        self.assertLessEqual(max(begun_between), 2)
        self.assertLess(statistics.median(took), 1, "a chunk takes 0.07 s, a piece of the prefetch a second")
        daemon.stop()

    def test_a_reader_under_a_rate_limit_does_not_wait_for_the_prefetch(self) -> None:
        """With one request a second, the rest of the prefetch would take longer than the reader has."""
        daemon, image, mounted = self.lot(prefetch_connections=1, requests_per_second=2, read_deadline="5s")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            prefetch = pool.submit(daemon.ctl, "prefetch", "--wait", "--all", self.reference(), check=False)
            wait_until("the prefetch to begin", lambda: len(self.wire.requests_for(BLOBS)) >= 3)
            for offset in (0, 8 << 20, LOT.big_bytes - STRIDE):
                self.assertEqual(read_chunk(mounted / "big", offset), read_chunk(image.tree / "big", offset))
            self.assertEqual(prefetch.result().returncode, 0)
        self.assertEqual(daemon.status()["errors"], 0)
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [])
        daemon.stop()


def read_chunk(path: pathlib.Path, offset: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        return os.pread(descriptor, 4096, offset)
    finally:
        os.close(descriptor)
