"""Bearer tokens that live two seconds: renewed before anybody has to wait, and once however many wait for them."""
import errno
import os
import pathlib
import time

from harness import faults, programs
from harness.case import BLOBS
from harness.daemon import Daemon
from harness.guarded_case import FETCH, USER, GuardedTest, basic, readable
from harness.images import Image
from harness.process import wait_until
from harness.trees import TreeSpec

LIFETIME = 2.0
STRIDE = 128 << 10
WIDE = TreeSpec(seed=3, files=1, big_bytes=1000 * STRIDE, oddities=False)  # as in test_readers
NARROW = TreeSpec(seed=5, files=1, big_bytes=240 * STRIDE, oddities=False)
SEED = 20240711
REFRESH_TOKEN = "refresh/me+please="


class TokenTest(GuardedTest):
    def serve_with_tokens(self, spec: TreeSpec, fetch: dict[str, object],
                          **options: object) -> tuple[Daemon, Image, pathlib.Path]:
        """A registry that wants tokens, which everybody gets who knows USER; a daemon that mounted its image."""
        self.start_tokens(**{"users": dict([USER]), "lifetime": LIFETIME, "anonymous_pull": False} | options)
        image, reference = self.serve_guarded(spec, token_server=self.tokens)
        self.log_in()
        daemon = self.new_daemon(fetch=fetch).start()
        return daemon, image, daemon.mount(reference, self.mount_point())

    def read_for(self, seconds: int, readers: int, image: Image, mounted: pathlib.Path) -> None:
        """Reads what nobody has read yet, all the time, without a failure or a wrong byte."""
        found = self.finish_readers(self.start_readers("spread", SEED, readers, seconds, STRIDE,
                                                       f"{image.tree / 'big'}={mounted / 'big'}"))
        self.assertEqual(found["wrong"], [], f"seed {SEED}")
        print(f"{found['reads']} reads by {readers} readers in {seconds} s, the slowest took {found['slowest']:.2f} s")

    def refused_requests(self) -> int:
        return sum(record.status == 401 for record in self.wire.requests_for())

    def tokens_by_time(self) -> list[float]:
        """When tokens were issued, in seconds since the first."""
        return [issued.time - self.tokens.issued[0].time for issued in self.tokens.issued]


class RenewalTest(TokenTest):
    def check_one_at_a_time(self) -> None:
        times = self.tokens_by_time()
        together = [(one, next_one) for one, next_one in zip(times, times[1:]) if next_one - one < 1]
        self.assertEqual(together, [], "tokens asked for in the same second")

    def test_64_readers_for_a_minute(self) -> None:
        seconds = 60
        daemon, image, mounted = self.serve_with_tokens(WIDE, {})
        began = time.monotonic()
        self.read_for(seconds, 64, image, mounted)
        used = {int(record.time - began) for record in self.wire.requests_for(BLOBS)
                if record.authorization and record.time > began}
        self.assertGreaterEqual(len(used & set(range(seconds))), 0.95 * seconds, "tokens were in use all the time")
        issued = len(self.tokens.issued)
        print(f"{issued} tokens, {self.refused_requests()} requests refused, {len(self.wire.requests_for(BLOBS))} for blobs")
        self.assertGreaterEqual(issued, seconds / LIFETIME - 2)
        self.assertLessEqual(issued, seconds / (0.8 * LIFETIME) + 3)
        self.check_one_at_a_time()
        self.assertEqual({how.how for how in self.tokens.issued}, {"get-basic"})
        # The first question; and a request may be held up on its way until its token has run out.
        self.assertLessEqual(self.refused_requests(), 3)
        daemon.stop()

    def test_tokens_that_live_shorter_than_was_promised(self) -> None:
        """Nothing but a 401 tells that one has run out: everybody is refused at once, and one of them asks anew."""
        seconds = 12
        daemon, image, mounted = self.serve_with_tokens(NARROW, {})
        self.tokens.promised_lifetime = 300
        time.sleep(LIFETIME)
        self.read_for(seconds, 16, image, mounted)
        issued = len(self.tokens.issued)
        print(f"{issued} tokens, {self.refused_requests()} requests refused, {len(self.wire.requests_for(BLOBS))} for blobs")
        self.assertGreaterEqual(issued, seconds / (LIFETIME + 1) - 1)
        self.assertLessEqual(issued, seconds / LIFETIME + 3)
        self.check_one_at_a_time()
        daemon.stop()


class WhoAsksTest(TokenTest):
    """How a token is asked for, by what is known of the user."""

    def serve_tokens(self, **options: object) -> tuple[Daemon, Image, str]:
        self.start_tokens(**{"users": dict([USER]), "lifetime": 60.0, "anonymous_pull": False} | options)
        image, reference = self.serve_guarded(token_server=self.tokens)
        return self.new_daemon(fetch=FETCH).start(), image, reference

    def check(self, served: tuple[Daemon, Image, str], how: str, *flags: str) -> None:
        """Mounts and reads everything, with one token that was asked for as `how` says, once the registry wanted it."""
        daemon, image, reference = served
        self.mounts(daemon, image, reference, *flags)
        [issued] = self.tokens.issued
        self.assertEqual((issued.how, issued.scopes), (how, ("repository:private:pull",)))
        [first, *more] = self.wire.requests_for()
        self.assertEqual((first.authorization, first.status), (None, 401))
        self.assertEqual({record.authorization for record in more}, {f"Bearer {issued.token}"})
        daemon.stop()

    def log_in_by_identity_token(self, token: str) -> None:
        """What `docker login` writes for registries that give one instead of keeping the password."""
        entry = {"auth": basic(("00000000-0000-0000-0000-000000000000", "")), "identitytoken": token}
        self.write_docker_config(auths={self.registry_host: entry})

    def test_anyone(self) -> None:
        self.check(self.serve_tokens(anonymous_pull=True), "get-anonymous")
        self.assertEqual({record.authorization for record in self.tokens.log.requests_for()}, {None})

    def test_creds(self) -> None:
        self.check(self.serve_tokens(), "get-basic", "--creds", ":".join(USER))
        self.assertEqual({record.authorization for record in self.tokens.log.requests_for()}, {f"Basic {basic(USER)}"})

    def test_who_is_logged_in_shows_it_also_where_nobody_has_to(self) -> None:
        served = self.serve_tokens(anonymous_pull=True)
        self.log_in()
        self.check(served, "get-basic")

    def test_an_identity_token(self) -> None:
        served = self.serve_tokens(refresh_tokens=[REFRESH_TOKEN])
        self.log_in_by_identity_token(REFRESH_TOKEN)
        self.check(served, "post-refresh")
        self.assertEqual(self.tokens.log.requests_for(), [])
        [asked] = self.tokens.log.requests_for(method="POST")
        self.assertEqual((asked.authorization, asked.target), (None, "/token"))

    def test_wrong_credentials(self) -> None:
        daemon, image, reference = self.serve_tokens(refresh_tokens=[REFRESH_TOKEN])
        for wrong in (lambda: None, lambda: self.log_in(("somebody", "else")), lambda: self.log_in_by_identity_token("else")):
            wrong()
            self.fails_to_mount(daemon, reference, programs.AUTHENTICATION, "token.*--creds")
            time.sleep(0.5)  # what failed is not asked for again for a moment
        self.assertEqual(self.tokens.issued, [])
        self.log_in_by_identity_token(REFRESH_TOKEN)
        time.sleep(1)
        self.mounts(daemon, image, reference)
        daemon.stop()


class TokenServerFaultTest(TokenTest):
    def check(self, fault: faults.Fault, status: int, message: str) -> None:
        """While no token is to be had, a mount fails and says why; afterwards it works."""
        self.start_tokens(lifetime=60.0)
        image, reference = self.serve_guarded(token_server=self.tokens)
        daemon = self.new_daemon(fetch=FETCH).start()
        with self.token_proxy.inject(fault):
            self.fails_to_mount(daemon, reference, status, f"asking 127.0.0.1:{self.token_proxy.port} for a token: .*{message}")
        wait_until("a token", lambda: self.try_to_mount(daemon, reference).returncode == 0, seconds=30, every=0.5)
        self.assert_equal_trees(image, self.mount_point())
        daemon.stop()

    def test_garbage(self) -> None:
        self.check(faults.Answer(200, body=b"<html>not a token</html>"), programs.FAILED, "JSON")

    def test_an_object_without_a_token(self) -> None:
        self.check(faults.Answer(200, body=b'{"expires_in": 60}'), programs.FAILED, "token")

    def test_more_than_a_token_can_be(self) -> None:
        self.check(faults.Answer(200, body=b'{"token": "' + bytes(3 << 20) + b'"}'), programs.FAILED, "MiB|large|long")

    def test_no_answer(self) -> None:
        started = time.monotonic()
        self.check(faults.Hang(), programs.TIMEOUT, "no byte|time")
        self.assertLess(time.monotonic() - started, 60)

    def test_500(self) -> None:
        self.check(faults.Answer(500), programs.FAILED, "500")

    def test_403(self) -> None:
        self.check(faults.Answer(403), programs.AUTHENTICATION, "403")

    def test_down_for_some_seconds_while_a_token_holds(self) -> None:
        """Its successor is asked for in vain from 8 s on, and got before, or soon after, the first has run out."""
        daemon, image, mounted = self.serve_with_tokens(NARROW, {}, lifetime=10.0)
        readers = self.start_readers("spread", SEED, 16, 16, STRIDE, f"{image.tree / 'big'}={mounted / 'big'}")
        time.sleep(6.5)
        self.token_proxy.vanish()
        time.sleep(3)
        self.assertEqual(len(self.tokens.issued), 1)
        self.token_proxy.resume()
        found = self.finish_readers(readers)
        self.assertEqual(found["wrong"], [], f"seed {SEED}")
        print(f"the slowest of {found['reads']} reads took {found['slowest']:.2f} s, tokens at {self.tokens_by_time()}")
        self.assertEqual(len(self.tokens.issued), 2)
        daemon.stop()

    def test_down_for_good(self) -> None:
        """What is here goes on being read; what is not fails by its deadline, and comes once there are tokens again."""
        deadline = 3.0
        daemon, image, mounted = self.serve_with_tokens(NARROW, FETCH | {"read_deadline": f"{deadline:.0f}s"})
        with (image.tree / "big").open("rb") as original, (mounted / "big").open("rb", buffering=0) as read:
            os.posix_fadvise(read.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            here = os.pread(original.fileno(), 64 << 10, 0)
            self.assertEqual(os.pread(read.fileno(), 64 << 10, 0), here)
            self.token_proxy.vanish()
            time.sleep(LIFETIME + 1)
            started = time.monotonic()
            with self.assertRaises(OSError) as caught:
                os.pread(read.fileno(), 4096, 20 << 20)
            self.assertEqual(caught.exception.errno, errno.EIO)
            self.assertLess(time.monotonic() - started, deadline + 2)
            os.posix_fadvise(read.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # out of the page cache, not of lacunad's
            self.assertEqual(os.pread(read.fileno(), 64 << 10, 0), here)
        self.token_proxy.resume()
        wait_until("bytes", lambda: readable(mounted / "big"), seconds=30, every=0.5)
        self.assert_equal_trees(image, mounted)
        daemon.stop()
