"""What people run by hand: the quickstart, the benchmark, doctor."""
import os
import pathlib
import signal
import subprocess

from harness import leftovers, programs
from harness.case import IntegrationTest
from harness.process import wait_until

SOURCE = pathlib.Path(__file__).resolve().parents[2]


class QuickstartTest(IntegrationTest):
    def setUp(self) -> None:
        super().setUp()
        if programs.BUILD != SOURCE / "build/release":
            self.skipTest("the quickstart builds build/release, and this is another build")
        self.loops_before = leftovers.loop_devices()

    def quickstart(self, *arguments: str) -> subprocess.Popen[str]:
        environment = os.environ | {"TMPDIR": str(self.folder)}
        started = subprocess.Popen([SOURCE / "deploy/quickstart", *arguments], env=environment, text=True, start_new_session=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(started.stdout.close)
        self.addCleanup(started.kill)
        return started

    def check_nothing_is_left(self) -> None:
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertEqual(leftovers.mounts_below(self.folder), [])
        self.assertEqual(leftovers.processes_naming(self.folder), [])
        self.assertEqual(leftovers.loop_devices(), self.loops_before)

    def test_every_comparison_holds(self) -> None:
        started = self.quickstart()
        output, _ = started.communicate(timeout=140)
        print(output)
        self.assertEqual(started.returncode, 0)
        self.assertIn("every comparison held", output)
        self.check_nothing_is_left()

    def test_a_container_both_ways(self) -> None:
        started = self.quickstart("--containerd")
        output, _ = started.communicate(timeout=140)
        print(output)
        self.assertEqual(started.returncode, 0)
        self.assertIn("it said the same both ways", output)
        self.check_nothing_is_left()

    def test_ctrl_c_half_way_leaves_nothing(self) -> None:
        started = self.quickstart()
        wait_until("lacunad", lambda: list(self.folder.glob("*/run/lacunad.sock")), seconds=100)
        os.killpg(started.pid, signal.SIGINT)  # as a terminal does
        self.assertEqual(started.wait(20), programs.INTERRUPTED)
        self.check_nothing_is_left()

    def test_help_and_a_wrong_option(self) -> None:
        self.assertIn("--keep", programs.run([SOURCE / "deploy/quickstart", "--help"]).stdout)
        self.assertEqual(programs.run([SOURCE / "deploy/quickstart", "--kep"], check=False).returncode, programs.USAGE)


class BenchTest(IntegrationTest):
    def test_prints_its_ratios(self) -> None:
        environment = os.environ | {"TMPDIR": str(self.folder)}
        done = programs.run([SOURCE / "tests/bench/run", "--rounds", "1", "--reads", "30", "--mib", "8"], seconds=140, env=environment)
        print(done.stdout)
        self.assertRegex(done.stdout, r"finished +[\d.]+ us")
        self.assertRegex(done.stdout, r"a cold miss: \d+ us; .*ratio [\d.]+")
        self.assertEqual(list(self.folder.iterdir()), [])


class DoctorTest(IntegrationTest):
    def test_says_that_this_host_is_usable(self) -> None:
        daemon = self.new_daemon().start()
        done = daemon.ctl("doctor", check=False)
        self.assertIn(done.returncode, (0, 1), done.stdout)  # usable, or degraded (by loop devices only)
        self.assertIn("fuse", done.stdout)
        daemon.stop()
