"""lacunactl end to end, against a server of the control API that has no daemon behind it.

Texts, JSON, exit codes, Ctrl-C, progress on and off a terminal. Called with the two programs:
    cli_test.py LACUNACTL FAKE_CONTROL_SERVER [unittest arguments]
"""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import unittest

LACUNACTL, SERVER = map(os.path.abspath, sys.argv[1:3])
DIGEST = "sha256:" + 64 * "a"
LIMIT = 60  # seconds until a hang is called one


class Server:
    """The fake server in a run folder of its own; its lines tell what was called."""

    def __init__(self, *arguments):
        self.folder = tempfile.TemporaryDirectory(prefix="lacuna_cli_test.")
        self.run = self.folder.name
        self.process = subprocess.Popen(
            [SERVER, self.run, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.wait_for("ready")

    def wait_for(self, text):
        """The next line that begins with `text`."""
        for line in self.process.stdout:
            if line.startswith(text):
                return line.strip()
        raise AssertionError(f"the server ended without '{text}'")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(LIMIT)
        self.process.stdout.close()
        self.folder.cleanup()


class CliTest(unittest.TestCase):
    server_arguments = ()

    def setUp(self):
        self.server = Server(*self.server_arguments)
        self.addCleanup(self.server.stop)
        self.work = tempfile.TemporaryDirectory(prefix="lacuna_cli_test.")
        self.addCleanup(self.work.cleanup)
        self.dir = os.path.join(os.path.realpath(self.work.name), "mnt")
        os.mkdir(self.dir)

    def command(self, *arguments):
        return [LACUNACTL, "--run", self.server.run, *arguments]

    def ctl(self, *arguments, code=0, **options):
        """Runs lacunactl, which must end with `code`."""
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=LIMIT, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def json(self, *arguments, **options):
        return json.loads(self.ctl(*arguments, "-o", "json", **options).stdout)


class MountTest(CliTest):
    def test_says_what_was_mounted(self):
        done = self.ctl("mount", "registry.example/demo", self.dir)
        self.assertEqual(done.stdout,
                         f"mounted registry.example/demo at {self.dir} (sha256:aaaaaaaaaaaa, door fuse)\n")
        self.assertEqual(done.stderr, "")

    def test_json(self):
        self.assertEqual(self.json("mount", "registry.example/demo", self.dir), {
            "schema": 1,
            "mount": {"directory": self.dir, "reference": "registry.example/demo", "manifest_digest": DIGEST,
                      "door": "fuse", "since": "2026-01-01T00:00:00Z"}})

    def test_quiet_says_nothing(self):
        done = self.ctl("-q", "mount", "registry.example/demo", self.dir)
        self.assertEqual(done.stdout + done.stderr, "")

    def test_passes_its_options_on(self):
        self.ctl("mount", "--platform", "linux/arm64", "--plain-http", "--creds", "u:p", "registry.example/demo",
                 self.dir)
        self.assertEqual(
            self.server.wait_for("mount"),
            f"mount registry.example/demo {self.dir} platform=linux/arm64 plain_http=1 credentials=u:p")

    def test_makes_the_directory_absolute(self):
        os.symlink(self.dir, os.path.join(self.work.name, "link"))
        for given in ("mnt", "mnt/", "./mnt/.", "link"):
            self.ctl("mount", "registry.example/demo", given, cwd=self.work.name)
            self.assertIn(f" {self.dir} ", self.server.wait_for("mount"))

    def test_directory_names_are_bytes(self):
        path = os.path.join(os.fsencode(self.dir), b"\xff\x1b[31m")
        os.mkdir(path)
        done = subprocess.run(self.command("mount", "registry.example/demo", path), capture_output=True, timeout=LIMIT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(b"\x1b", done.stdout)
        mounts = self.json("mounts", "ls")["mounts"]
        self.assertEqual(mounts[0]["directory"], self.dir + "/\ufffd\x1b[31m")

    def test_a_missing_directory(self):
        done = self.ctl("mount", "registry.example/demo", "/nonexistent/x", code=4)
        self.assertEqual(done.stderr, "lacunactl: mount registry.example/demo: no directory /nonexistent/x; "
                                      "make it first (mkdir -p)\n")

    def test_a_file_is_no_directory(self):
        path = os.path.join(self.work.name, "file")
        open(path, "w").close()
        for given in (path, path + "/below"):
            done = self.ctl("mount", "registry.example/demo", given, code=1)
            self.assertIn(f"{given} is not a directory", done.stderr)

    def test_exit_codes_of_errors(self):
        for kind, code in {"notfound": 4, "busy": 5, "authentication": 6, "integrity": 7, "timeout": 8,
                           "unavailable": 1, "cancelled": 1, "other": 1}.items():
            with self.subTest(kind):
                reference = "registry.example/fail/" + kind
                done = self.ctl("mount", reference, self.dir, code=code)
                self.assertEqual(done.stderr, f"lacunactl: mount {reference}: the {kind} text; what to try\n")
                self.assertEqual(done.stdout, "")

    def test_errors_reach_the_terminal_without_control_characters(self):
        done = self.ctl("mount", "registry.example/fail/hostile", self.dir, code=1)
        self.assertEqual(done.stderr, "lacunactl: mount registry.example/fail/hostile: "
                                      "the registry said \\x1b[31m\\x0ared\n")

    def test_timeout(self):
        done = self.ctl("--timeout", "100ms", "mount", "registry.example/slow", self.dir, code=8)
        self.assertIn("no answer from lacunad within 100ms; try a longer --timeout", done.stderr)

    def test_interrupt(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = subprocess.Popen(self.command("mount", "registry.example/slow", self.dir),
                                       stderr=subprocess.PIPE, text=True)
            self.server.wait_for("mount")
            process.send_signal(number)
            _, errors = process.communicate(timeout=LIMIT)
            self.assertEqual(process.returncode, 130)
            self.assertEqual(errors, "lacunactl: mount registry.example/slow: interrupted\n")


class UmountTest(CliTest):
    def mount(self):
        self.ctl("mount", "registry.example/demo", self.dir)

    def test_one(self):
        self.mount()
        self.assertEqual(self.ctl("umount", "mnt", cwd=self.work.name).stdout, "unmounted 1\n")
        self.assertEqual(self.server.wait_for("umount"), f"umount {self.dir} lazy=0")

    def test_all(self):
        self.mount()
        self.assertEqual(self.json("umount", "--all"), {"schema": 1, "unmounted": 1})

    def test_what_is_not_mounted(self):
        self.assertEqual(self.ctl("umount", self.dir, code=4).stderr,
                         f"lacunactl: umount {self.dir}: {self.dir} is not a mount of lacuna\n")
        self.ctl("umount", self.dir + "/gone", code=4)
        self.ctl("umount", "/nonexistent/gone", code=4)


class BusyTest(CliTest):
    server_arguments = ("busy",)

    def test_a_busy_mount_is_refused_and_lazy_works(self):
        self.ctl("mount", "registry.example/demo", self.dir)
        self.assertEqual(self.ctl("umount", self.dir, code=5).stderr,
                         f"lacunactl: umount {self.dir}: in use by cat (1234)\n")
        self.ctl("umount", "-l", self.dir)


class ListTest(CliTest):
    def test_images(self):
        self.assertEqual(self.ctl("images", "ls").stdout, (
            "REFERENCE                     DIGEST               SIZE      LOCAL  MOUNTS  LAST USED\n"
            "registry.example/demo:latest  sha256:aaaaaaaaaaaa  64.0 MiB  2%     2       2026-01-01T00:00:00Z\n"
            "registry.example/unused:1     sha256:aaaaaaaaaaaa  4.0 KiB   0%     0       -\n"))

    def test_images_json(self):
        self.assertEqual(self.json("images", "ls"), {"schema": 1, "images": [
            {"reference": "registry.example/demo:latest", "manifest_digest": DIGEST, "size_bytes": 64 << 20,
             "present_bytes": 3 << 19, "mounts": 2, "last_used": "2026-01-01T00:00:00Z"},
            {"reference": "registry.example/unused:1", "manifest_digest": DIGEST, "size_bytes": 4096,
             "present_bytes": 0, "mounts": 0, "last_used": None}]})

    def test_mounts(self):
        self.assertEqual(self.ctl("mounts", "ls").stdout, "DIRECTORY  REFERENCE  DIGEST  DOOR  SINCE\n")
        self.assertEqual(self.json("mounts", "ls"), {"schema": 1, "mounts": []})
        self.ctl("mount", "registry.example/demo", self.dir)
        self.assertIn(self.dir, self.ctl("mounts", "ls").stdout)

    def test_status(self):
        text = self.ctl("status").stdout
        self.assertTrue(text.startswith(
            "lacunad 0.1.0, door fuse, cache in /var/lib/lacuna\n"
            "fetched   5.0 MiB demand, 3.0 MiB prefetch, 1 B fill\n"
            "requests  2 without answer, 40 with 206\n"
            "reads     17 missed, 3 parked now, 1 failed\n"), text)
        self.assertIn("v1/sha256:finished", text)

    def test_status_json(self):
        self.assertEqual(self.json("status"), {
            "schema": 1, "version": "0.1.0", "door": "fuse", "root": "/var/lib/lacuna",
            "bytes_fetched": {"demand": 5 << 20, "prefetch": 3 << 20, "fill": 1},
            "requests": {"0": 2, "206": 40}, "misses": 17, "parked_reads": 3, "errors": 1,
            "objects": [
                {"key": "v1/" + DIGEST, "size": 8192, "present_bytes": 4096, "state": "filling",
                 "verified": "none", "mounts": 2},
                {"key": "v1/sha256:finished", "size": 4096, "present_bytes": 4096, "state": "finished",
                 "verified": "diffid", "mounts": 1},
                {"key": "v1/sha256:failed", "size": 4096, "present_bytes": 0, "state": "failed",
                 "verified": "index", "mounts": 0}],
            "mounts": []})

    def test_an_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(self.command("status"), stdout=full, stderr=subprocess.PIPE, text=True,
                                  timeout=LIMIT)
        self.assertEqual(done.returncode, 1)
        self.assertIn("lacunactl: status: writing the output: No space left on device", done.stderr)


class PrefetchTest(CliTest):
    def test_without_wait_returns_at_once(self):
        self.assertEqual(self.ctl("prefetch", "registry.example/endless").stdout, "0 B of 4.0 MiB are local\n")
        self.assertEqual(self.server.wait_for("prefetch"), "prefetch registry.example/endless wait=0")

    def test_wait_off_a_terminal_has_no_bar(self):
        done = self.ctl("prefetch", "--wait", "--all", "registry.example/demo")
        self.assertEqual(done.stdout, "4.0 MiB of 4.0 MiB are local\n")
        self.assertEqual(done.stderr, "")

    def test_json(self):
        self.assertEqual(self.json("prefetch", "--wait", "registry.example/demo"),
                         {"schema": 1, "total_bytes": 4 << 20, "present_bytes": 4 << 20})

    def run_on_a_terminal(self, *arguments):
        """What lacunactl writes to its standard error when that is a terminal."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        seen = b""
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk
        except OSError:  # the other end is closed
            pass
        os.close(ours)
        process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, 0, seen)
        return seen.decode()

    def test_wait_on_a_terminal_has_a_bar(self):
        seen = self.run_on_a_terminal("prefetch", "--wait", "registry.example/demo")
        self.assertIn("\r", seen)
        self.assertRegex(seen, "100%")

    def test_no_bar_when_quiet(self):
        self.assertEqual(self.run_on_a_terminal("-q", "prefetch", "--wait", "registry.example/demo"), "")

    def test_interrupt_reaches_the_daemon(self):
        process = subprocess.Popen(self.command("prefetch", "--wait", "registry.example/endless"),
                                   stderr=subprocess.PIPE, text=True)
        self.server.wait_for("prefetch registry.example/endless wait=1")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(errors, "lacunactl: prefetch registry.example/endless: interrupted\n")
        self.server.wait_for("prefetch given up")

    def test_a_failure(self):
        self.ctl("prefetch", "--wait", "registry.example/fail/integrity", code=7)

    def test_wait_has_no_timeout_unless_given(self):
        done = self.ctl("--timeout", "200ms", "prefetch", "--wait", "registry.example/endless", code=8)
        self.assertIn("within 200ms", done.stderr)


class EventsTest(CliTest):
    TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"

    def test_what_happened(self):
        self.assertEqual(self.ctl("events").stdout, "")
        self.ctl("mount", "registry.example/demo", self.dir)
        self.assertRegex(self.ctl("events").stdout, rf"\A{self.TIME}  mounted  {self.dir}: registry.example/demo\n\Z")

    def test_json_is_one_document_a_line(self):
        for _ in range(2):
            self.ctl("mount", "registry.example/demo", self.dir)
        events = [json.loads(line) for line in self.ctl("-o", "json", "events").stdout.splitlines()]
        self.assertEqual([{**event, "time": ""} for event in events], 2 * [
            {"schema": 1, "time": "", "kind": "mounted", "subject": self.dir, "text": "registry.example/demo"}])
        self.assertRegex(events[0]["time"], rf"\A{self.TIME}\Z")

    def test_following_goes_on_until_interrupted(self):
        process = subprocess.Popen(self.command("events", "--follow"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name in ("one", "two"):
            self.ctl("mount", f"registry.example/{name}", self.dir)
            self.assertIn(f"registry.example/{name}", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LIMIT)
        self.assertEqual((process.returncode, errors), (130, "lacunactl: events: interrupted\n"))

    def test_since(self):
        self.ctl("mount", "registry.example/demo", self.dir)
        self.assertIn("mounted", self.ctl("events", "--since", "1h").stdout)
        self.assertIn("mounted", self.ctl("events", "--since", "2020-01-31T12:00:00Z").stdout)
        self.assertEqual(self.ctl("events", "--since", "2100-01-31T12:00:00Z").stdout, "")
        for wrong in ("yesterday", "", "5", "2020-13-31T12:00:00Z", "-5m"):
            self.ctl("events", f"--since={wrong}", code=2)


class UpgradeTest(CliTest):
    def test_ends_when_the_upgrade_does(self):
        self.assertEqual(self.ctl("upgrade").stdout, "upgraded to lacunad 0.2.0\n")

    def test_json(self):
        self.assertEqual(self.json("upgrade"), {"schema": 1, "version": "0.2.0"})

    def test_quiet(self):
        self.assertEqual(self.ctl("-q", "upgrade").stdout, "")


class RolledBackUpgradeTest(CliTest):
    server_arguments = ("busy",)

    def test_the_reason_is_told(self):
        done = self.ctl("upgrade", code=1)
        self.assertEqual(done.stderr, "lacunactl: upgrade: the new lacunad-worker ended with status 1; version 0.1.0, which ran "
                                      "before, goes on; lacunad's log may say more\n")
        self.assertEqual(done.stdout, "")


class WithoutDaemonTest(CliTest):
    def test_every_verb_says_that_it_is_unreachable(self):
        for verb, name in ((["mount", "registry.example/x", self.dir], "mount registry.example/x"),
                           (["umount", "--all"], "umount --all"), (["images", "ls"], "images ls"),
                           (["mounts", "ls"], "mounts ls"), (["status"], "status"), (["upgrade"], "upgrade"), (["events"], "events"),
                           (["prefetch", "registry.example/x"], "prefetch registry.example/x")):
            done = self.ctl("--run", "/nonexistent", *verb, code=3)
            self.assertTrue(done.stderr.startswith(
                f"lacunactl: {name}: cannot reach lacunad at /nonexistent/lacunad.sock: "
                "No such file or directory; "), done.stderr)
            if os.geteuid() == 0:
                self.assertIn("is lacunad running? (systemctl status lacunad)", done.stderr)

    def test_a_daemon_that_died_during_the_call(self):
        process = subprocess.Popen(self.command("mount", "registry.example/slow", self.dir),
                                   stderr=subprocess.PIPE, text=True)
        self.server.wait_for("mount")
        self.server.process.kill()
        _, errors = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, 3, errors)
        self.assertIn("cannot reach lacunad at", errors)


class UsageTest(CliTest):
    def test_wrong_command_lines(self):
        for arguments in ([], ["mount"], ["mount", "x"], ["umount"], ["umount", "--all", "x"], ["images"],
                          ["images", "rm", "x"], ["status", "--watch"], ["frobnicate"], ["-o", "xml", "status"],
                          ["--timeout", "5", "status"], ["--timeout", "0s", "status"],
                          ["mount", "a b", self.dir], ["mount", "", self.dir], ["prefetch", "caf\u00e9"]):
            with self.subTest(arguments):
                done = self.ctl(*arguments, code=2)
                self.assertRegex(done.stderr, r"\Alacunactl: .*; try lacunactl --help\n\Z")
                self.assertEqual(done.stdout, "")

    def test_help_and_version(self):
        self.assertRegex(self.ctl("--version").stdout, r"\Alacunactl \d+\.\d+\.\d+\n\Z")
        text = self.ctl("--help").stdout
        for verb in ("mount", "umount", "images", "mounts", "status", "prefetch", "events", "doctor"):
            self.assertRegex(text, re.compile(rf"^  {verb} ", re.MULTILINE))
        self.assertIn("--platform", self.ctl("mount", "--help").stdout)


class DoctorTest(CliTest):
    def test_table_and_json_agree_with_the_exit_code(self):
        done = subprocess.run(self.command("doctor", "-o", "json"), capture_output=True, text=True, timeout=LIMIT)
        report = json.loads(done.stdout)
        self.assertEqual(report["schema"], 1)
        self.assertEqual(["usable", "degraded", "unusable"][done.returncode], report["verdict"])
        checks = {check["name"]: check for check in report["checks"]}
        for check in checks.values():
            self.assertEqual(set(check), {"name", "result", "found", "advice"})
            self.assertIn(check["result"], ("ok", "warn", "fail"))
        worst = max(("ok", "warn", "fail").index(check["result"]) for check in checks.values())
        self.assertEqual(worst, done.returncode)
        self.assertEqual(checks["lacunad"]["result"], "ok")
        text = self.ctl("doctor", code=done.returncode).stdout
        self.assertIn(f"This host is {report['verdict']}.", text)
        for name in checks:
            self.assertIn(name, text)

    def test_without_a_daemon_it_still_answers(self):
        done = subprocess.run([LACUNACTL, "--run", "/nonexistent", "doctor", "-o", "json"], capture_output=True,
                              text=True, timeout=LIMIT)
        checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
        self.assertEqual(checks["lacunad"]["result"], "warn")
        self.assertGreater(done.returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
