"""docker-credential-* programs: what they know is used, and what they do wrong stays theirs."""
import pathlib
import stat
import threading
import time

from harness import programs
from harness.daemon import Daemon
from harness.guarded_case import FETCH, USER, GuardedTest, basic
from harness.leftovers import processes_naming
from harness.process import wait_until

HELPER_SECONDS = 10  # what lacunad gives one
HANGS = "sleep 300 & exec sleep 300"
REFRESH_TOKEN = "refresh/me+please="
GARBAGE = "what-a-helper-must-not-have-said"


def answers(username: str, secret: str) -> str:
    return f"""printf '{{"ServerURL": "x", "Username": "%s", "Secret": "%s"}}' '{username}' '{secret}'"""


class HelperCase(GuardedTest):
    def setUp(self) -> None:
        super().setUp()
        self.helpers = self.folder / "bin"
        self.helpers.mkdir()

    def write_helper(self, name: str, *lines: str) -> pathlib.Path:
        """A shell script that notes what it was asked, in NAME.asked, before it does `lines`."""
        path = self.helpers / f"docker-credential-{name}"
        asked = self.folder / f"{name}.asked"
        path.write_text("\n".join(["#!/bin/sh", f'echo "$1 $(cat)" >> {asked}', *lines]) + "\n")
        path.chmod(stat.S_IRWXU)
        return path

    def asked(self, name: str) -> list[str]:
        file = self.folder / f"{name}.asked"
        return file.read_text().splitlines() if file.exists() else []

    def start_daemon(self, **config: dict[str, object]) -> Daemon:
        return self.new_daemon(environment={"PATH": f"{self.helpers}:/usr/bin:/bin"}, **({"fetch": FETCH} | config)).start()

    def children(self, daemon: Daemon) -> list[str]:
        """What the worker started and is still there, zombies too."""
        found = []
        for task in pathlib.Path(f"/proc/{daemon.worker_pid()}/task").iterdir():
            found += (task / "children").read_text().split()
        return found


class GoodHelperTest(HelperCase):
    def setUp(self) -> None:
        super().setUp()
        self.image, self.image_reference = self.serve_guarded(user=USER)
        self.write_helper("good", answers(*USER))

    def check_good(self, **config: dict[str, object]) -> None:
        daemon = self.start_daemon(**config)
        self.mounts(daemon, self.image, self.image_reference)
        self.assertEqual(set(self.asked("good")), {f"get {self.registry_host}"})
        self.assertEqual(self.children(daemon), [])
        daemon.stop()

    def test_of_one_host(self) -> None:
        self.write_docker_config(credHelpers={self.registry_host: "good"}, credsStore="not-installed")
        self.check_good()

    def test_of_all_hosts(self) -> None:
        self.write_docker_config(credsStore="good", auths={self.registry_host: {}})
        self.check_good()

    def test_of_our_own_configuration(self) -> None:
        self.check_good(**{f'registry."{self.registry_host}"': {"credential_helper": "good"}})

    def test_one_that_knows_nothing_leaves_it_to_auths(self) -> None:
        self.write_helper("empty", "echo credentials not found in native keychain; exit 1")
        self.write_docker_config(auths={self.registry_host: {"auth": basic(USER)}}, credsStore="empty")
        daemon = self.start_daemon()
        self.mounts(daemon, self.image, self.image_reference)
        self.assertEqual(self.asked("empty"), [f"get {self.registry_host}"])
        daemon.stop()

    def test_it_gets_no_descriptor_of_ours(self) -> None:
        seen = self.folder / "descriptors"
        # Of another process, because a shell opens its script, and moves its output to where it was told.
        self.write_helper("good", f"sleep 5 & sleep 0.5; readlink /proc/$!/fd/* > {seen}; kill $!", answers(*USER))
        self.write_docker_config(credsStore="good")
        self.check_good()
        kinds = [line.partition(":")[0] for line in seen.read_text().splitlines()]
        # A shell gives /dev/null as input to what it does not wait for.
        self.assertEqual(kinds, ["/dev/null", "pipe", "/dev/null"])

    def test_what_it_leaves_behind_is_ended(self) -> None:
        marker = str(self.folder / "left-behind")
        self.write_helper("good", f"sh -c 'sleep 300; : {marker}' &", answers(*USER))
        self.write_docker_config(credsStore="good")
        self.check_good()
        self.assertEqual(processes_naming(pathlib.Path(marker)), [])

    def test_an_identity_token(self) -> None:
        self.start_tokens(refresh_tokens=[REFRESH_TOKEN], lifetime=60.0, anonymous_pull=False)
        image, reference = self.serve_guarded(token_server=self.tokens)
        self.write_helper("good", answers("<token>", REFRESH_TOKEN))
        self.write_docker_config(credsStore="good")
        daemon = self.start_daemon()
        self.mounts(daemon, image, reference)
        self.assertEqual([issued.how for issued in self.tokens.issued], ["post-refresh"])
        daemon.stop()


class BadHelperTest(HelperCase):
    def check_bad(self, message: str, *lines: str, status: int = programs.FAILED) -> None:
        """It is named in the error, with nothing that it said; once it is mended, the mount works."""
        image, reference = self.serve_guarded(user=USER)
        self.write_docker_config(credsStore="bad")
        if lines:
            self.write_helper("bad", *lines)
        daemon = self.start_daemon()
        said = self.fails_to_mount(daemon, reference, status, f"docker-credential-bad.*{message}")
        self.assertNotIn(GARBAGE, said + daemon.process.log())
        self.assertEqual(self.children(daemon), [])
        self.write_helper("bad", answers(*USER))
        wait_until("the mended helper", lambda: self.try_to_mount(daemon, reference).returncode == 0, every=0.3)
        self.assert_equal_trees(image, self.mount_point())
        daemon.stop()

    def test_not_installed(self) -> None:
        self.check_bad("not installed", status=programs.NOT_FOUND)

    def test_garbage(self) -> None:
        self.check_bad("Username and Secret", f"echo {GARBAGE}; echo {GARBAGE} >&2")

    def test_too_much(self) -> None:
        self.check_bad("64 KiB", "exec cat /dev/zero")

    def test_a_failure(self) -> None:
        self.check_bad("exit status 3", f"echo {GARBAGE}; echo {GARBAGE} >&2; exit 3")

    def test_a_crash(self) -> None:
        self.check_bad("signal 11", answers(*USER), "kill -SEGV $$")

    def test_wrong_credentials(self) -> None:
        _, reference = self.serve_guarded(user=USER)
        self.write_docker_config(credsStore="bad")
        self.write_helper("bad", answers("somebody", GARBAGE))
        daemon = self.start_daemon()
        said = self.fails_to_mount(daemon, reference, programs.AUTHENTICATION, "--creds")
        self.assertNotIn(GARBAGE, said + daemon.process.log())
        daemon.stop()


class HangingHelperTest(HelperCase):
    def setUp(self) -> None:
        super().setUp()
        self.image, self.slow_reference = self.serve_guarded(user=USER)
        self.write_helper("slow", HANGS)
        self.write_docker_config(credHelpers={self.registry_host: "slow"})

    def test_others_are_served_meanwhile(self) -> None:
        public, public_reference = self.serve_guarded()
        daemon = self.start_daemon()
        ended: list[tuple[float, int, str]] = []

        def mount_slow() -> None:
            started = time.monotonic()
            done = self.try_to_mount(daemon, self.slow_reference)
            ended.append((time.monotonic() - started, done.returncode, done.stderr))

        thread = threading.Thread(target=mount_slow)
        thread.start()
        self.addCleanup(thread.join)
        wait_until("the helper to be asked", lambda: self.asked("slow"))
        self.assert_equal_trees(public, daemon.mount(public_reference, self.mount_point("public")))
        self.assertEqual(ended, [], "the helper still hangs")
        thread.join(60)
        [(seconds, status, said)] = ended
        print(f"ended after {seconds:.1f} s: {said}")
        self.assertGreater(seconds, HELPER_SECONDS - 1)
        self.assertLess(seconds, 25)
        self.assertEqual(status, programs.TIMEOUT, said)
        self.assertRegex(said, "docker-credential-slow did not answer within 10s")
        self.assertEqual(self.children(daemon), [])
        self.assertEqual(self.sleepers(), [])
        daemon.stop()

    def test_lacunad_ends_in_time_all_the_same(self) -> None:
        daemon = self.start_daemon()
        thread = threading.Thread(target=self.try_to_mount, args=(daemon, self.slow_reference))
        thread.start()
        self.addCleanup(thread.join)
        wait_until("the helper to be asked", lambda: self.asked("slow"))
        daemon.stop()  # within 2 s
        self.assertEqual(self.sleepers(), [])

    def sleepers(self) -> list[str]:
        """What is left of the helper: it is known by its environment, whatever it became."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                mine = entry.name.isdigit() and f"PATH={self.helpers}:".encode() in (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes().decode() if mine else ""
            except OSError:
                continue  # it ended
            if "sleep" in command:
                found.append(f"{entry.name}: {command}")
        return found
