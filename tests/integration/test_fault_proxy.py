"""The fault proxy itself: each fault does what it says, the log counts what went over the wire, and many may hang."""
import hashlib
import http.client
import pathlib
import random
import shutil
import socket
import tempfile
import unittest

from harness import faults
from harness.fault_proxy import FaultProxy
from harness.process import wait_until
from harness.registry import Registry
from harness.request_log import RequestLog

BLOB = random.Random(7).randbytes(300_000)
DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()
PATH = f"/v2/test/blobs/{DIGEST}"


class FaultProxyTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="lacuna-test-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        registry = Registry(folder)
        self.addCleanup(registry.stop)
        self.proxy = FaultProxy(registry.host, registry.port)
        self.addCleanup(self.proxy.stop)
        self.push()
        self.proxy.log.clear()

    def push(self) -> None:
        connection = self.connect()
        connection.request("POST", "/v2/test/blobs/uploads/")
        begun = connection.getresponse()
        begun.read()
        connection.request("PUT", f"{begun.getheader('Location')}&digest={DIGEST}", BLOB)
        self.assertEqual(connection.getresponse().status, 201)

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.port, timeout=10)
        self.addCleanup(connection.close)
        return connection

    def get(self, first: int, last: int) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self.connect()
        connection.request("GET", PATH, headers={"Range": f"bytes={first}-{last}"})
        response = connection.getresponse()
        return response, response.read()

    def test_passes_on_what_it_is_not_told_to_spoil(self) -> None:
        response, body = self.get(1000, 1999)
        self.assertEqual((response.status, body), (206, BLOB[1000:2000]))
        self.proxy.log.settle()
        [record] = self.proxy.log.requests_for(DIGEST)
        self.assertEqual((record.range, record.status, record.body_bytes, record.done), ((1000, 2000), 206, 1000, True))

    def test_a_connection_is_kept_for_many_requests(self) -> None:
        before = self.proxy.connections
        connection = self.connect()
        for _ in range(3):
            connection.request("GET", PATH)
            self.assertEqual(connection.getresponse().read(), BLOB)
        self.proxy.log.settle()
        self.assertEqual(self.proxy.connections, before + 1)
        self.assertEqual(self.proxy.log.bytes_for(), 3 * len(BLOB))

    def test_status(self) -> None:
        with self.proxy.inject(faults.Answer(404), "/blobs/"):
            self.assertEqual(self.get(0, 9)[0].status, 404)
        self.assertEqual(self.get(0, 9)[0].status, 206)

    def test_only_so_often(self) -> None:
        with self.proxy.inject(faults.Answer(500), times=1):
            self.assertEqual([self.get(0, 9)[0].status for _ in range(2)], [500, 206])

    def test_only_matching_paths(self) -> None:
        with self.proxy.inject(faults.Answer(500), "/manifests/"):
            self.assertEqual(self.get(0, 9)[0].status, 206)

    def test_truncated(self) -> None:
        with self.proxy.inject(faults.Truncate(after=100_000)), self.assertRaises(http.client.IncompleteRead) as caught:
            self.get(0, 199_999)
        self.assertEqual(caught.exception.partial, BLOB[:100_000])
        [record] = self.proxy.log.requests_for()
        self.assertEqual((record.body_bytes, record.done), (100_000, False))

    def test_corrupt_under_a_right_length(self) -> None:
        with self.proxy.inject(faults.Corrupt(offset=70_001)):
            _, body = self.get(0, 99_999)
        self.assertEqual([i for i in range(100_000) if body[i] != BLOB[i]], [70_001])

    def test_wrong_content_range(self) -> None:
        with self.proxy.inject(faults.ShiftContentRange(by=4096)):
            response, body = self.get(0, 4095)
        self.assertEqual(response.getheader("Content-Range"), f"bytes 4096-8191/{len(BLOB)}")
        self.assertEqual(body, BLOB[:4096])

    def test_range_ignored(self) -> None:
        with self.proxy.inject(faults.IgnoreRange()):
            response, body = self.get(0, 99)
        self.assertEqual((response.status, body), (200, BLOB))

    def test_closed(self) -> None:
        with self.proxy.inject(faults.Close()), self.assertRaises((http.client.RemoteDisconnected, ConnectionError)):
            self.get(0, 99)

    def test_faults_compose(self) -> None:
        with self.proxy.inject(faults.IgnoreRange()), self.proxy.inject(faults.Corrupt(0)):
            response, body = self.get(5, 9)
        self.assertEqual((response.status, body[1:]), (200, BLOB[1:]))
        self.assertNotEqual(body[0], BLOB[0])

    def test_vanishes_and_comes_back(self) -> None:
        self.proxy.vanish()
        with self.assertRaises(ConnectionRefusedError):
            self.get(0, 9)
        self.proxy.resume()
        self.assertEqual(self.get(0, 9)[0].status, 206)

    def test_a_thousand_connections_hang(self) -> None:
        with self.proxy.inject(faults.Hang(), times=1200):
            sockets = [socket.create_connection(("127.0.0.1", self.proxy.port)) for _ in range(1200)]
            for connection in sockets:
                connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            wait_until("1200 requests", lambda: len(self.proxy.log.requests_for()) == 1200)
            self.assertEqual(self.get(0, 9)[1], BLOB[:10])  # and others are still served
        self.assertEqual(self.proxy.log.bytes_for(), 10)
        for connection in sockets:
            connection.close()


class RequestLogTest(unittest.TestCase):
    def overlaps(self, *ranges: tuple[int, int]) -> int:
        log = RequestLog()
        for one in ranges:
            log.begin("GET", "/blobs/a", one)
        log.begin("GET", "/blobs/b", (0, 1000))
        log.begin("HEAD", "/blobs/a", (0, 1000))
        return len(log.overlapping_ranges())

    def test_ranges_that_touch_do_not_overlap(self) -> None:
        self.assertEqual(self.overlaps((0, 10), (20, 30), (10, 20)), 0)

    def test_overlaps_are_found_also_behind_a_short_range(self) -> None:
        self.assertEqual(self.overlaps((0, 100), (10, 20), (50, 60)), 2)

    def test_the_same_range_twice(self) -> None:
        self.assertEqual(self.overlaps((0, 10), (0, 10)), 1)
