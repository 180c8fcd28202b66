"""The machinery itself: statuses come back, hangs end and are shown, and nothing that the kernel complains about gets lost."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

from harness import leftovers
from harness.process import wait_until

from . import machine
from .job import Job
from .kernel import Kernel

RUN_IN_VM = pathlib.Path(__file__).resolve().parents[1] / "run_in_vm.py"
# A write that the kernel holds back for as long as the file system is frozen.
HANG = "fsfreeze --freeze /tmp && echo hanging && touch /tmp/never"
WARNING = "echo 'WARNING: CPU: 0 PID: 1 at planted' >/dev/kmsg"


class BootTest(unittest.TestCase):
    """Machines have their files in a folder of the test's own, where nothing may be left."""

    def setUp(self) -> None:
        kernel = Kernel("6.12")
        if reason := machine.why_not_here() or kernel.why_missing():
            self.skipTest(reason)
        self.kernel = kernel.path
        self.temporary = pathlib.Path(tempfile.mkdtemp(prefix="lacuna-test-", dir=machine.TEMPORARY))
        self.addCleanup(self.temporary.rmdir)

    def check_nothing_is_left(self) -> None:
        self.assertEqual(list(self.temporary.iterdir()), [])
        self.assertEqual(leftovers.processes_naming(self.temporary), [])


class MachineTest(BootTest):
    def run_job(self, job: Job, cpus: int = 1) -> machine.Outcome:
        with unittest.mock.patch.object(machine, "TEMPORARY", str(self.temporary)):
            outcome = machine.run(self.kernel, job, cpus)
        print(outcome.output, outcome.kernel_log[-4000:], sep="\n")
        self.check_nothing_is_left()
        return outcome

    def shell(self, script: str, seconds: int = 60) -> machine.Outcome:
        return self.run_job(Job(["sh", "-c", script], seconds))

    def test_the_commands_status_and_output(self) -> None:
        outcome = self.shell("uname -r; echo out; echo error >&2; exit 77")
        self.assertEqual((outcome.status, outcome.complaints), (77, []))
        self.assertRegex(outcome.output, r"^6\.12\.\d+\nout\nerror\n$")

    def test_as_many_cpus_as_asked_for(self) -> None:
        self.assertEqual(self.run_job(Job(["nproc"], 60), cpus=2).output, "2\n")

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

    def test_a_qemu_that_does_not_start_is_no_success(self) -> None:
        self.kernel = pathlib.Path("/dev/null")
        outcome = self.shell("true")
        self.assertIsNone(outcome.status)
        self.assertIn("could not load kernel", outcome.kernel_log)


class CommandLineTest(BootTest):
    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, str(RUN_IN_VM), *arguments], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, env=os.environ | {"TMPDIR": str(self.temporary)} | environment)

    def run_in_vm(self, *arguments: str, **environment: str) -> tuple[int, str]:
        process = self.start(*arguments, **environment)
        output, _ = process.communicate()
        self.check_nothing_is_left()
        return process.returncode, output

    def test_passed(self) -> None:
        self.assertEqual(self.run_in_vm("6.12", "--", "echo", "fine"), (0, "fine\n"))

    def test_a_missing_kernel_is_a_skip_that_says_so(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            status, output = self.run_in_vm("6.12", "test_any.Test.test_it", LACUNA_CACHE=empty)
        self.assertEqual(status, 77)
        self.assertRegex(output, r"^skipped: .*6\.12.*; try ")

    def test_a_complaint_of_the_kernel_fails_a_test_that_passed(self) -> None:
        status, output = self.run_in_vm("6.12", "--", "sh", "-c", WARNING)
        self.assertEqual(status, 1, output)
        self.assertRegex(output, "the kernel complained: .*planted")

    def test_the_machine_ends_with_whoever_started_it(self) -> None:
        process = self.start("6.12", "--", "sleep", "60")
        wait_until("the machine", lambda: any("qemu" in line for line in leftovers.processes_naming(self.temporary)))
        process.terminate()
        process.communicate(timeout=20)
        self.check_nothing_is_left()
