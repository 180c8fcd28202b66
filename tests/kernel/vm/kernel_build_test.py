"""A kernel is built as asked for, or not at all; and whatever a kernel complains about is seen."""
import pathlib
import unittest

from . import kernel, kernel_build
from .kernel_log import complaints

WANTED = ["CONFIG_A=y", "CONFIG_B=4", "# CONFIG_C is not set"]


class ConfigTest(unittest.TestCase):
    def test_all_met(self) -> None:
        self.assertEqual(kernel_build.unmet(WANTED, "CONFIG_A=y\nCONFIG_B=4\n# CONFIG_C is not set\n"), [])
        self.assertEqual(kernel_build.unmet(WANTED, "CONFIG_A=y\nCONFIG_B=4\n"), [])

    def test_what_is_not_met_is_named(self) -> None:
        self.assertEqual(kernel_build.unmet(WANTED, "CONFIG_A=m\nCONFIG_B=40\nCONFIG_C=y\n"), WANTED)

    def test_an_option_that_kconfig_never_heard_of(self) -> None:
        self.assertEqual(kernel_build.unmet(["CONFIG_A=y"], "# CONFIG_A is not set\n"), ["CONFIG_A=y"])


class BuildTest(unittest.TestCase):
    def test_a_failed_step_shows_the_end_of_its_output(self) -> None:
        with self.assertRaisesRegex(kernel.KernelError, "sh -c .* ended with 3:\nthe cause"):
            kernel_build.run(pathlib.Path("/"), ["sh", "-c", "echo the cause; exit 3"])

    def test_a_series_nobody_tests(self) -> None:
        with self.assertRaisesRegex(kernel.KernelError, "5.4"):
            kernel.Kernel("5.4")

    def test_a_fragment_is_options_and_no_comments(self) -> None:
        options = kernel.Kernel("6.12").options()
        self.assertIn("CONFIG_CACHEFILES_ONDEMAND=y", options)
        self.assertIn("# CONFIG_CPU_MITIGATIONS is not set", options)
        self.assertEqual([line for line in options if not line.lstrip("# ").startswith("CONFIG_")], [])


class KernelLogTest(unittest.TestCase):
    def test_an_ordinary_boot(self) -> None:
        self.assertEqual(complaints("Linux version 6.12\nerofs: (device erofs): mounted with root inode @ nid 36.\n"), [])

    def test_what_is_a_mistake(self) -> None:
        for line in ("BUG: kernel NULL pointer dereference, address: 0", "kernel BUG at fs/inode.c:612!",
                     "WARNING: CPU: 1 PID: 7 at fs/cachefiles/ondemand.c:20", "Oops: 0000 [#1] SMP", "refcount_t: underflow; use-after-free.",
                     "INFO: task cat:71 blocked for more than 40 seconds.", "list_del corruption. prev->next should be"):
            self.assertEqual(complaints(f"[    1.5] fine\n[    2.5] {line}\n"), [f"[    2.5] {line}"])
