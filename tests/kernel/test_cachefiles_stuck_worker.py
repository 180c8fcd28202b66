"""A worker that does nothing, or none that lives, at the cachefiles door on a real kernel."""
from cachefiles_case import SMALL
from harness import ptrace
from harness.stuck_case import StuckCase, not_executable, replaced_by_garbage, stopped, thread_at_the_door


class CachefilesStuckWorkerTest(StuckCase):
    kernels = "6.12 6.1"
    door = "cachefiles"
    spec = SMALL
    parked, stride = 8, SMALL.big_bytes // 8
    deadline_seconds = 10.0  # a worker takes seconds to start in a machine without KVM

    def test_a_process_that_stands_still(self) -> None:
        daemon, image, mounted = self.serve_stat()
        self.check_standstill(stopped(daemon.worker_pid()), daemon, image, mounted)

    def test_a_thread_that_stands_still_and_takes_no_requests(self) -> None:
        daemon, image, mounted = self.serve_stat()
        thread = thread_at_the_door(daemon.worker_pid(), "/dev/cachefiles")
        self.check_standstill(ptrace.stopped(thread), daemon, image, mounted)

    def test_one_that_cannot_be_executed(self) -> None:
        daemon, image, mounted = self.serve_stat()
        self.check_no_start(not_executable(daemon), daemon, image, mounted)

    def test_one_that_cannot_open_its_cache(self) -> None:
        daemon, image, mounted = self.serve_stat()
        self.check_no_start(replaced_by_garbage(daemon.root / "objects"), daemon, image, mounted)
