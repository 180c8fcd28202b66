"""A worker that does nothing, or none that lives: bytes or EIO by the deadline for each reader, and then all is well again."""
from harness import ptrace
from harness.stuck_case import StuckCase, not_executable, replaced_by_garbage, stopped, thread_at_the_door


class StuckWorkerTest(StuckCase):
    alone = True

    def test_a_process_that_stands_still(self) -> None:
        daemon, image, mounted = self.serve_stat()
        self.check_standstill(stopped(daemon.worker_pid()), daemon, image, mounted)

    def test_a_thread_that_stands_still_and_takes_no_requests(self) -> None:
        daemon, image, mounted = self.serve_stat()
        thread = thread_at_the_door(daemon.worker_pid(), "/dev/fuse")
        self.check_standstill(ptrace.stopped(thread), daemon, image, mounted)

    def test_one_that_cannot_be_executed(self) -> None:
        daemon, image, mounted = self.serve_stat()
        self.check_no_start(not_executable(daemon), daemon, image, mounted)

    def test_one_that_cannot_read_its_configuration(self) -> None:
        daemon, image, mounted = self.serve_stat()
        self.check_no_start(replaced_by_garbage(daemon.config), daemon, image, mounted)

    def test_one_that_cannot_open_its_cache(self) -> None:
        daemon, image, mounted = self.serve_stat()
        self.check_no_start(replaced_by_garbage(daemon.root / "objects"), daemon, image, mounted)

    def test_killed_with_its_keeper(self) -> None:
        self.check_both_killed(*self.serve_stat())
