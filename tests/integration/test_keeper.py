"""The keeper, which lives as long as the mounts: small, and with little to go wrong."""
import subprocess

from harness import proc, programs
from harness.takeover_case import TakeoverTest
from harness.trees import TreeSpec

TREE = TreeSpec(seed=9, files=60, big_bytes=16 << 20, program=True)
RESIDENT_BYTES = 8 << 20
SECCOMP_FILTER = "2"  # of /proc/PID/status (proc(5))
KILLS = 3


class KeeperTest(TakeoverTest):
    def test_has_two_threads_one_of_them_sealed_and_little_memory(self) -> None:
        daemon, image, mounted = self.serve_mounted(TREE)
        self.assert_equal_trees(image, mounted)
        for _ in range(KILLS):
            daemon.wait_for_new_worker(daemon.kill_worker())
        keeper = daemon.process.pid
        [guard] = set(proc.threads(keeper)) - {keeper}
        self.assertEqual(proc.status_of(guard, "Seccomp"), SECCOMP_FILTER)
        self.assertLess(proc.resident_bytes(keeper), RESIDENT_BYTES)
        daemon.stop()

    def test_links_nothing_that_speaks_to_a_network(self) -> None:
        libraries = subprocess.run(["ldd", programs.LACUNAD], check=True, text=True, stdout=subprocess.PIPE).stdout
        self.assertIn("libseccomp", libraries)
        self.assertNotRegex(libraries, "grpc|curl|ssl|crypto|sqlite|protobuf")

    def test_the_worker_alone_says_who_starts_it(self) -> None:
        done = programs.run([programs.LACUNAD_WORKER, "--root", self.folder / "root", "--run", self.folder / "run"], check=False)
        self.assertEqual(done.returncode, programs.FAILED)
        self.assertRegex(done.stderr, "run lacunad")
        self.assertEqual(list(self.folder.iterdir()), [])
