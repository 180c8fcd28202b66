"""The fault proxy itself: each fault does what it says, the log counts what went over the wire, and many may hang."""
import datetime
import email.utils
import http.client
import socket
import unittest

from harness import faults, programs
from harness.fault_proxy import FaultProxy
from harness.process import wait_until
from harness.registry import Registry
from harness.request_log import RequestLog
from harness.tls import Authority, ServerTls
from harness.wire_case import BLOB, WireTest, blob_path, digest

DIGEST = digest(BLOB)
PATH = blob_path()


class ProxyTest(WireTest):
    def setUp(self) -> None:
        super().setUp()
        self.registry = self.started(Registry(self.folder))
        self.push(self.registry)
        self.proxy = self.started(FaultProxy(self.registry.host, self.registry.port))

    def get_range(self, first: int, last: int) -> tuple[http.client.HTTPResponse, bytes]:
        return self.get(self.proxy, byte_range=(first, last))

    def statuses(self, count: int) -> list[int]:
        return [self.status(self.proxy) for _ in range(count)]


class FaultProxyTest(ProxyTest):
    def test_passes_on_what_it_is_not_told_to_spoil(self) -> None:
        response, body = self.get_range(1000, 1999)
        self.assertEqual((response.status, body), (206, BLOB[1000:2000]))
        self.proxy.log.settle()
        [record] = self.proxy.log.requests_for(DIGEST)
        self.assertEqual((record.range, record.status, record.body_bytes, record.done), ((1000, 2000), 206, 1000, True))

    def test_a_push_passes(self) -> None:
        self.push(self.proxy, b"another blob")
        self.assertEqual(self.get(self.registry, blob_path(b"another blob"))[1], b"another blob")

    def test_a_connection_is_kept_for_many_requests(self) -> None:
        before = self.proxy.connections
        connection = self.connect(self.proxy)
        for _ in range(3):
            connection.request("GET", PATH)
            self.assertEqual(connection.getresponse().read(), BLOB)
        self.proxy.log.settle()
        self.assertEqual(self.proxy.connections, before + 1)
        self.assertEqual(self.proxy.log.bytes_for(), 3 * len(BLOB))

    def test_only_so_often(self) -> None:
        with self.proxy.inject(faults.Answer(500), times=1):
            self.assertEqual(self.statuses(2), [500, 200])

    def test_only_matching_paths(self) -> None:
        with self.proxy.inject(faults.Answer(500), "/manifests/"):
            self.assertEqual(self.statuses(1), [200])

    def test_faults_compose(self) -> None:
        with self.proxy.inject(faults.IgnoreRange()), self.proxy.inject(faults.Corrupt(0)):
            response, body = self.get_range(5, 9)
        self.assertEqual((response.status, body[1:]), (200, BLOB[1:]))
        self.assertNotEqual(body[0], BLOB[0])

    def test_vanishes_and_comes_back(self) -> None:
        self.proxy.vanish()
        with self.assertRaises(ConnectionRefusedError):
            self.get_range(0, 9)
        self.proxy.resume()
        self.assertEqual(self.statuses(1), [200])

    def test_a_thousand_connections_hang(self) -> None:
        with self.proxy.inject(faults.Hang(), times=1200):
            sockets = [socket.create_connection(("127.0.0.1", self.proxy.port)) for _ in range(1200)]
            for connection in sockets:
                connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            wait_until("1200 requests", lambda: len(self.proxy.log.requests_for()) == 1200)
            self.assertEqual(self.get_range(0, 9)[1], BLOB[:10])  # and others are still served
        self.assertEqual(self.proxy.log.bytes_for(), 10)
        for connection in sockets:
            connection.close()

    def test_speaks_tls_to_its_clients(self) -> None:
        authority = Authority(self.folder)
        proxy = self.started(FaultProxy(self.registry.host, self.registry.port, ServerTls(authority.server())))
        self.assertEqual(self.get(proxy, tls=authority.client_context())[1], BLOB)
        self.assertEqual(proxy.origin, f"https://127.0.0.1:{proxy.port}")
        with proxy.inject(faults.Reset(after=1000)):  # which Python's ssl takes for an end
            curl = ["curl", "-sS", "-o", "/dev/null", "--cacert", authority.certificate, proxy.origin + PATH]
            done = programs.run(curl, check=False)
        self.assertIn("reset by peer", done.stderr)


class AnswerFaultTest(ProxyTest):
    def test_status(self) -> None:
        with self.proxy.inject(faults.Answer(404), "/blobs/"):
            self.assertEqual(self.statuses(1), [404])
        self.assertEqual(self.statuses(1), [200])

    def test_retry_after_seconds(self) -> None:
        with self.proxy.inject(faults.Answer(429, retry_after=2)):
            response, _ = self.get_range(0, 9)
        self.assertEqual((response.status, response.getheader("Retry-After")), (429, "2"))

    def test_retry_after_a_date(self) -> None:
        later = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=90)
        with self.proxy.inject(faults.Answer(503, retry_after=later)):
            header = self.get_range(0, 9)[0].getheader("Retry-After")
        self.assertRegex(header, r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        self.assertEqual(email.utils.parsedate_to_datetime(header), later)

    def test_wrong_content_range(self) -> None:
        with self.proxy.inject(faults.ShiftContentRange(by=4096)):
            response, body = self.get_range(0, 4095)
        self.assertEqual(response.getheader("Content-Range"), f"bytes 4096-8191/{len(BLOB)}")
        self.assertEqual(body, BLOB[:4096])

    def test_range_ignored(self) -> None:
        with self.proxy.inject(faults.IgnoreRange()):
            response, body = self.get_range(0, 99)
        self.assertEqual((response.status, body), (200, BLOB))

    def test_closed(self) -> None:
        with self.proxy.inject(faults.Close()), self.assertRaises(http.client.RemoteDisconnected) as caught:
            self.get_range(0, 99)
        self.assertIsNone(caught.exception.errno)  # an end, no reset

    def test_reset_instead_of_an_answer(self) -> None:
        with self.proxy.inject(faults.Reset()), self.assertRaises(ConnectionResetError) as caught:
            self.get_range(0, 99)
        self.assertNotIsInstance(caught.exception, http.client.RemoteDisconnected)


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

    def test_counts(self) -> None:
        log = RequestLog()
        for target, one in [("/blobs/a?sig=1", (0, 10)), ("/blobs/a?sig=2", (0, 10)), ("/blobs/a", None), ("/blobs/b", (5, 9))]:
            log.begin("GET", target, one)
        log.begin("HEAD", "/blobs/a", None)
        self.assertEqual(log.count_by_path(), {"/blobs/a": 3, "/blobs/b": 1})
        self.assertEqual(log.count_by_range("/a$"), {("/blobs/a", (0, 10)): 2, ("/blobs/a", None): 1})

    def test_what_was_shown_and_asked(self) -> None:
        log = RequestLog()
        log.begin("GET", "/v2/?a=b", None, "Bearer x")
        log.begin("GET", "/v2/", None)
        first, second = log.requests_for("^/v2/$")
        self.assertEqual((first.target, first.authorization, second.authorization), ("/v2/?a=b", "Bearer x", None))
        self.assertLessEqual(first.time, second.time)
