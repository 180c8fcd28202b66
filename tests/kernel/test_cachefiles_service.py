"""Restarts at the cachefiles door on a real kernel, under a service manager: the kernel has its objects open all the while."""
import signal

from cachefiles_case import CACHEFILES, SMALL, CachefilesTest
from harness.managed_daemon import ManagedDaemon
from harness.page_cache import drop_page_cache
from harness.process import wait_until
from mounted_case import opens

READERS, SECONDS, STRIDE = 4, 12, 16 << 10
STORED = 8  # the memory, two locks, two sockets, the device, and of the image a bootstrap and a device


class RestartTest(CachefilesTest):
    def restart_under_readers(self, signals: list[signal.Signals]) -> None:
        """No read fails, and the kernel is asked for no object anew."""
        self.start_registry()
        image = self.images.get(SMALL)
        daemon = ManagedDaemon(self.folder / "managed", log={"level": "debug"}, door=CACHEFILES)
        self.addCleanup(self._finish, daemon)
        daemon.start()
        self.assertEqual(daemon.status()["door"], "cachefiles")
        mounted = daemon.mount(self.push(image), self.mount_point())
        wait_until("all to be stored", lambda: len(daemon.manager.names()) == STORED)
        device, names = mounted.stat().st_dev, daemon.manager.names()
        readers = self.start_readers("spread", 1, READERS, SECONDS, STRIDE, f"{image.tree}/big={mounted}/big")
        for number in signals:
            daemon.restart(number)
            daemon.await_ready()
            wait_until("the same to be stored", lambda: daemon.manager.names() == names)
            self.assertEqual(opens(daemon, image.device), [], "asked for anew")
        found = self.finish_readers(readers)
        self.assertEqual(found["wrong"], [])
        self.assertEqual(mounted.stat().st_dev, device)
        drop_page_cache()
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_restarts_in_order(self) -> None:
        self.restart_under_readers(3 * [signal.SIGUSR2])

    def test_kill_9_of_keeper_and_worker(self) -> None:
        self.restart_under_readers(3 * [signal.SIGKILL])
