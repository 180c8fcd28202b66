"""Who gets /dev/cachefiles, which has one user at a time, and what the others are told."""
import json

from cachefiles_case import CACHEFILES, CachefilesTest
from harness import programs
from harness.daemon import Daemon, StartError


class DeviceTest(CachefilesTest):
    kernels = "6.12 6.1"

    def doctors_finding(self, daemon: Daemon) -> str:
        """What doctor says of the device."""
        checks = json.loads(daemon.ctl("-o", "json", "doctor", check=False).stdout)["checks"]
        [found] = [check["found"] for check in checks if check["name"] == "/dev/cachefiles"]
        return found

    def test_doctor_says_whether_it_works(self) -> None:
        daemon = self.new_daemon(door=CACHEFILES)
        self.assertEqual(self.doctors_finding(daemon), "on-demand mode works")
        daemon.start()  # which doctor's look at the device must not prevent
        self.assertRegex(self.doctors_finding(daemon), "^in use; .*lacunad")
        daemon.ctl("doctor")  # usable, all in all
        self.assertEqual(daemon.status()["door"], "cachefiles")
        daemon.stop()
        self.assertEqual(self.doctors_finding(daemon), "on-demand mode works")

    def test_a_second_daemon_is_told_that_it_is_busy(self) -> None:
        first, image, reference = self.serve()
        mounted = first.mount(reference, self.mount_point())
        second = self.new_daemon(door=CACHEFILES)
        with self.assertRaises(StartError) as caught:
            second.start()
        self.assertEqual(caught.exception.status, programs.FAILED)
        self.assertRegex(caught.exception.log, "(?m)^lacunad: .*/dev/cachefiles.*one user at a time: stop .*the other lacunad")
        second.check_no_leftovers()
        self.assert_equal_trees(image, mounted)
        first.stop()
        second.start().stop()

    def test_a_second_daemon_takes_fuse_by_itself(self) -> None:
        first, image, reference = self.serve()
        second = self.new_daemon(door={"kind": "auto"}).start()
        self.assertEqual([daemon.status()["door"] for daemon in (first, second)], ["cachefiles", "fuse"])
        self.assertIn("/dev/cachefiles", second.process.log())
        for number, daemon in enumerate((first, second)):
            self.assert_equal_trees(image, daemon.mount(reference, self.mount_point(f"mnt-{number}")))
        second.stop()  # first: on 6.1 it has loop devices, which count as leftovers of whoever stops before it
        first.stop()
