"""GoogleTest programs of the build, run in a test machine."""
import subprocess
import unittest

from harness import programs


class GoogleTest(unittest.TestCase):
    def run_program(self, name: str, tests: str) -> None:
        """Runs those tests of a program whose names match the filter. Here nothing may be skipped."""
        command = [programs.BUILD / "tests" / name, f"--gtest_filter={tests}", "--gtest_brief=1"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(done.stdout)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"\[  PASSED  \] [1-9]\d* test")
        self.assertNotIn("[  SKIPPED ]", done.stdout)
