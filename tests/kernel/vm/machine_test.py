"""The machinery itself: statuses come back, hangs end and are shown, and nothing that the kernel complains about gets lost."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

from harness import leftovers

from . import machine
from .job import Job
from .kernel import Kernel

RUN_IN_VM = pathlib.Path(__file__).resolve().parents[1] / "run_in_vm.py"
# A write that the kernel holds back for as long as the file system is frozen.
HANG = "fsfreeze --freeze /tmp && echo hanging && touch /tmp/never"
WARNING = "echo 'WARNING: CPU: 0 PID: 1 at planted' >/dev/kmsg"


class MachineTest(unittest.TestCase):
    def setUp(self) -> None:
        kernel = Kernel("6.12")
        if reason := kernel.why_missing():
            self.skipTest(reason)
        self.kernel = kernel.path
        self.temporary = pathlib.Path(tempfile.mkdtemp(prefix="lacuna-test-", dir=machine.TEMPORARY))
        self.addCleanup(self.temporary.rmdir)
        moved = unittest.mock.patch.object(machine, "TEMPORARY", str(self.temporary))
        moved.start()
        self.addCleanup(moved.stop)

    def run_job(self, job: Job) -> machine.Outcome:
        outcome = machine.run(self.kernel, job)
        print(outcome.output, outcome.kernel_log[-4000:], sep="\n")
        self.assertEqual(list(self.temporary.iterdir()), [])
        self.assertEqual(leftovers.processes_naming(self.temporary), [])
        return outcome

    def shell(self, script: str, seconds: int = 60) -> machine.Outcome:
        return self.run_job(Job(["sh", "-c", script], seconds))

    def test_the_commands_status_and_output(self) -> None:
        outcome = self.shell("uname -r; echo out; echo error >&2; exit 77")
        self.assertEqual((outcome.status, outcome.complaints), (77, []))
        self.assertRegex(outcome.output, r"^6\.12\.\d+\nout\nerror\n$")

    def test_a_command_that_is_not_there(self) -> None:
        self.assertEqual(self.run_job(Job(["no-such-command"], 60)).status, 1)

    def test_the_host_is_read_only(self) -> None:
        outcome = self.shell(f"echo other >>{__file__}; head -1 {__file__}")
        self.assertIn("Read-only file system", outcome.output)
        self.assertIn(__doc__, outcome.output.replace('"', ""))

    def test_a_hang_ends_and_shows_the_blocked_tasks(self) -> None:
        outcome = self.shell(HANG, seconds=6)
        self.assertEqual(outcome.status, 124)
        self.assertIn("hanging\n", outcome.output)
        self.assertRegex(outcome.kernel_log, r"task:touch +state:D(?s:.*)sb_start_write|percpu_rwsem")

    def test_a_machine_that_says_nothing_is_ended(self) -> None:
        with unittest.mock.patch.object(machine, "GRACE_SECONDS", -54):
            self.assertIsNone(self.shell("sleep 60").status)

    def test_a_panic_ends_the_machine_at_once(self) -> None:
        outcome = self.shell("echo c >/proc/sysrq-trigger")
        self.assertIsNone(outcome.status)
        self.assertRegex("\n".join(outcome.complaints), "Kernel panic")


class CommandLineTest(unittest.TestCase):
    def run_in_vm(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, str(RUN_IN_VM), *arguments], env=os.environ | environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def test_a_missing_kernel_is_a_skip_that_says_so(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            done = self.run_in_vm("6.12", "any.Test.test_it", LACUNA_CACHE=empty)
        self.assertEqual(done.returncode, 77)
        self.assertRegex(done.stdout, r"^skipped: .*6\.12.*; try ")

    def test_a_complaint_of_the_kernel_fails_a_test_that_passed(self) -> None:
        self.need_kernel()
        done = self.run_in_vm("6.12", "--", "sh", "-c", WARNING)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, "the kernel complained: .*planted")

    def test_passed(self) -> None:
        self.need_kernel()
        self.assertEqual(self.run_in_vm("6.12", "--", "true").returncode, 0)

    def need_kernel(self) -> None:
        if reason := Kernel("6.12").why_missing():
            self.skipTest(reason)
