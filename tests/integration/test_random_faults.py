"""Thousands of reads through real mounts while the registry fails by chance: no byte is ever wrong, and no read waits for ever.

Corrupt is for manifests alone here: chunks of a device have no digests of their own, so a wrong byte in one can be noticed only
when the object is complete (test_registry_faults.py has that); manifests and bootstraps are checked before they are used.
LACUNA_TEST_SEED repeats a fresh seed, LACUNA_TEST_SCALE makes all of it longer or shorter.
"""
import hashlib
import http.client
import pathlib
import time

from harness import faults, programs
from harness.case import BLOBS, MANIFESTS
from harness.daemon import Daemon
from harness.fault_proxy import FaultProxy
from harness.images import Image
from harness.mirrored_case import MirroredTest
from harness.scale import fresh_seed, scaled
from harness.trees import TreeSpec

ROUNDS = 5  # each with an empty cache, so that readers go on missing
READERS = 32
READS_EACH = 32
SPEC = TreeSpec(seed=5, files=100, big_bytes=64 << 20)
FAULT_RATE = 0.25
REGISTRY_FAILED = (programs.FAILED, programs.NOT_FOUND, programs.AUTHENTICATION, programs.INTEGRITY, programs.TIMEOUT)
FETCH = {"connect_timeout": "1s", "stall_timeout": "500ms"}
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def faults_of_an_answer() -> list:
    """What an answer for a blob meets, by weight."""
    return [
        (6, lambda chance: faults.Delay(chance.uniform(0, 0.3))),
        (3, lambda chance: faults.Throttle(chance.choice([500_000, 2_000_000]))),
        (1, lambda _: faults.Trickle(0.05)),
        (1, lambda _: faults.Hang()),
        (1, lambda chance: faults.Stall(chance.randrange(65536))),
        (3, lambda _: faults.Reset()),
        (4, lambda chance: faults.Reset(after=chance.randrange(65536))),
        (4, lambda chance: faults.Truncate(chance.randrange(65536))),
        (3, lambda _: faults.Close()),
        *[(0.3, lambda _, status=status: faults.Answer(status)) for status in (401, 403, 404)],
        (1, lambda _: faults.Answer(416)),
        (0.3, lambda _: faults.Answer(429, retry_after=1)),
        (2, lambda _: faults.Answer(500)),
        (2, lambda _: faults.Answer(503)),
        (0.3, lambda _: faults.IgnoreRange()),
        (2, lambda chance: faults.ShiftContentRange(chance.choice([-4096, 1, 4096, 65536]))),
    ]


def redirects(elsewhere: str) -> list:
    """To nowhere, or to the origin of another server that has the blobs."""
    return [(1, lambda _: faults.RedirectLoop()), (2, lambda _: faults.RedirectTo(elsewhere))]


class RandomFaultTest(MirroredTest):
    def start(self, seed: int) -> Image:
        """Servers with the image, of which self.mirror fails by chance from now on; so does the place that it redirects to."""
        image = self.start_servers(SPEC)
        elsewhere = self.more_proxy()
        faults_and_redirects = faults_of_an_answer() + redirects(elsewhere.origin)
        corrupt = [(1, lambda chance: faults.Corrupt(chance.randrange(400)))]
        self.met = [self.inject(self.mirror, faults.Seeded(seed, faults_and_redirects, FAULT_RATE), BLOBS),
                    self.inject(elsewhere, faults.Seeded(seed + 1, faults_of_an_answer(), FAULT_RATE), BLOBS),
                    self.inject(self.mirror, faults.Seeded(seed + 2, corrupt, FAULT_RATE), MANIFESTS)]
        return image

    def inject(self, proxy: FaultProxy, fault: faults.Seeded, path: str) -> faults.Seeded:
        rule = proxy.inject(fault, path)
        rule.__enter__()
        self.addCleanup(rule.__exit__, None, None, None)
        return fault

    def manifest_digest(self) -> str:
        connection = http.client.HTTPConnection(self.registry.host, self.registry.port)
        self.addCleanup(connection.close)
        connection.request("GET", "/v2/test/manifests/latest", headers={"Accept": MANIFEST_TYPE})
        return "sha256:" + hashlib.sha256(connection.getresponse().read()).hexdigest()

    def mount(self, daemon: Daemon, reference: str) -> pathlib.Path:
        """Until it succeeds; every failure is told as one."""
        point = self.mount_point(daemon.run.parent.name + "-mnt")
        point.mkdir()
        for _ in range(20):
            done = daemon.ctl("mount", reference, point, check=False)
            if done.returncode == programs.DONE:
                return point
            self.assertIn(done.returncode, REGISTRY_FAILED, done.stderr)
            time.sleep(0.2)
        self.fail(f"no mount in 20 attempts: {done.stderr}")

    def read(self, seed: int, alone: bool, **fetch: object) -> dict:
        """What the readers of all rounds found together. `alone`: the server that fails is all there is."""
        image = self.start(seed)
        host = self.mirror if alone else self.proxy
        # By digest, so that no wrong manifest can pass for right.
        reference = f"127.0.0.1:{host.port}/test@{self.manifest_digest()}"
        rounds = []
        for number in range(scaled(ROUNDS)):
            fetch = FETCH | fetch | {"certs_dirs": str(self.hosts.certs_dir)}
            daemon = self.new_daemon(fetch=fetch, log={"level": "warning"}).start()
            mounted = self.mount(daemon, reference)
            if number % 3 == 1:  # readers also meet what a prefetch has under way
                daemon.ctl("prefetch", "--all", reference)
            readers = self.start_readers("chaos", seed + number, READERS, READS_EACH, f"{image.tree}={mounted}")
            rounds.append(self.finish_readers(readers))
            daemon.ctl("umount", mounted)
            daemon.stop()
        return self.sum_up(seed, rounds)

    def sum_up(self, seed: int, rounds: list[dict]) -> dict:
        found = {name: sum(one[name] for one in rounds) for name in ("reads", "eios", "bytes_read")}
        found |= {name: max(one[name] for one in rounds) for name in ("slowest", "slowest_eio")}
        found["wrong"] = [line for one in rounds for line in one["wrong"]]
        requests = len(self.mirror_wire.requests_for(BLOBS)) + len(self.wire.requests_for(BLOBS))
        met = sum(choice is not None for fault in self.met for choice in fault.choices)
        print(f"LACUNA_TEST_SEED={seed}: {found['reads']} reads ({found['bytes_read'] >> 20} MiB), {found['eios']} EIO, "
              f"slowest read {found['slowest']:.2f} s, slowest EIO {found['slowest_eio']:.2f} s; {requests} requests, {met} faults")
        self.assertEqual(found["wrong"], [], f"seed {seed}")
        self.assertEqual(found["reads"], scaled(ROUNDS) * READERS * READS_EACH, "a reader ended early")
        self.assertGreater(requests, found["reads"] / 4, "the reads came from the cache")
        self.assertGreater(met, found["reads"] / 30, "too few faults for a test of faults")
        return found


class FaultyRegistryAloneTest(RandomFaultTest):
    """Each read ends with the right bytes, or with EIO by its deadline."""

    alone = True
    DEADLINE = 2.0

    def check(self, seed: int) -> None:
        # As long as the deadline: what failed early in a read is still known when the kernel comes to that page of it.
        found = self.read(seed, alone=True, read_deadline="2s", failure_memory="2s")
        self.assertLess(found["eios"], found["reads"] / 2, "a fault in four is no reason")
        self.assertLess(found["slowest_eio"], 1.2 * self.DEADLINE + 1, f"seed {seed}")

    def test_first_seed(self) -> None:
        self.check(101)

    def test_second_seed(self) -> None:
        self.check(202)

    def test_third_seed(self) -> None:
        self.check(303)

    def test_fresh_seed(self) -> None:
        self.check(fresh_seed())


class HealthyRegistryBehindTest(RandomFaultTest):
    """A mirror that fails is no reason for an error."""

    alone = True

    def check(self, seed: int) -> None:
        found = self.read(seed, alone=False, read_deadline="10s")
        self.assertEqual(found["eios"], 0, f"seed {seed}")

    def test_first_seed(self) -> None:
        self.check(404)

    def test_second_seed(self) -> None:
        self.check(505)

    def test_third_seed(self) -> None:
        self.check(606)

    def test_fresh_seed(self) -> None:
        self.check(fresh_seed())
