"""Faults of bodies, as a client meets them on the wire."""
import http.client
import time

from harness import faults
from harness.wire_case import BLOB, blob_path
from test_fault_proxy import ProxyTest


class BodyFaultTest(ProxyTest):
    alone = True

    def begin(self, fault: faults.Fault, timeout: float = 10) -> http.client.HTTPResponse:
        """The head of an answer whose body meets `fault`: right, in any case."""
        connection = self.connect(self.proxy)
        connection.timeout = timeout
        with self.proxy.inject(fault):
            connection.request("GET", blob_path())
            response = connection.getresponse()
        self.assertEqual((response.status, response.getheader("Content-Length")), (200, str(len(BLOB))))
        return response

    def test_truncated(self) -> None:
        response = self.begin(faults.Truncate(after=100_000))
        with self.assertRaises(http.client.IncompleteRead) as caught:
            response.read()
        self.assertEqual(caught.exception.partial, BLOB[:100_000])
        [record] = self.proxy.log.requests_for()
        self.assertEqual((record.body_bytes, record.done), (100_000, False))

    def test_truncated_before_its_first_byte(self) -> None:
        with self.assertRaises(http.client.IncompleteRead) as caught:
            self.begin(faults.Truncate(after=0)).read()
        self.assertEqual(caught.exception.partial, b"")

    def test_stalled(self) -> None:
        response = self.begin(faults.Stall(after=100_000), timeout=0.5)
        self.assertEqual(response.read(100_000), BLOB[:100_000])
        with self.assertRaises(TimeoutError):
            response.read(1)
        self.assertEqual(self.proxy.connections, 1)
        self.assertEqual(self.proxy.log.bytes_for(), 100_000)

    def test_reset_in_the_middle(self) -> None:
        response = self.begin(faults.Reset(after=100_000))
        self.assertEqual(response.read(100_000), BLOB[:100_000])
        with self.assertRaises(ConnectionResetError):
            response.read(1)

    def test_throttled(self) -> None:
        started = time.monotonic()
        response = self.begin(faults.Throttle(bytes_per_second=600_000))
        self.assertEqual(response.read(30_000), BLOB[:30_000])
        self.assertLess(time.monotonic() - started, 0.4)  # it comes evenly
        self.assertEqual(response.read(), BLOB[30_000:])
        self.assertGreater(time.monotonic() - started, len(BLOB) / 600_000 - 0.05)

    def test_trickles(self) -> None:
        started = time.monotonic()
        response = self.begin(faults.Trickle(every=0.01))
        pieces = [response.read1(1000) for _ in range(20)]
        self.assertEqual(b"".join(pieces), BLOB[:sum(map(len, pieces))])
        self.assertLess(sum(map(len, pieces)), 100)
        self.assertGreater(time.monotonic() - started, 0.15)

    def test_corrupt_under_a_right_length(self) -> None:
        body = self.begin(faults.Corrupt(offset=70_001)).read()
        self.assertEqual([i for i in range(len(BLOB)) if body[i] != BLOB[i]], [70_001])

    def test_a_body_shorter_than_the_fault_is_whole(self) -> None:
        for fault in (faults.Truncate, faults.Stall, faults.Reset):
            self.assertEqual(self.begin(fault(len(BLOB) + 1)).read(), BLOB)
