"""lacunad and whoever supervises it, by a service manager that is a fake: what is stored, and that it is enough."""
import os
import signal

from harness import proc
from harness.load_case import BIG, LoadTest
from harness.managed_daemon import ManagedDaemon
from harness.process import wait_until
from harness.scale import scaled
from harness.trees import TreeSpec

RESTARTS = 20
SMALL = TreeSpec()
STALE = ["kept-77", "kept-4096", "kept-", "somebody-else"]


class StoreTest(LoadTest):
    def managed(self, **config: dict[str, object]) -> ManagedDaemon:
        daemon = ManagedDaemon(self.folder / "managed", log={"level": "debug"}, **config)
        self.addCleanup(self._finish, daemon)
        return daemon

    def check_store(self, daemon: ManagedDaemon, expected: list[str]) -> None:
        wait_until(f"{expected} to be stored", lambda: daemon.manager.names() == expected)
        self.assertEqual(daemon.manager.mistakes, [])

    def restart_under_readers(self, signals: list[signal.Signals], seconds: int) -> None:
        self.start_registry()
        image = self.images.get(BIG)
        daemon = self.managed().start()
        daemon.await_ready()  # it is told last
        mounted = daemon.mount(self.push(image), self.mount_point())
        device, names = mounted.stat().st_dev, daemon.manager.names()
        self.assertEqual(len(set(names)), len(names))
        descriptors = None
        with self.under_readers(image, mounted, seconds):
            for number in signals:
                daemon.restart(number)
                daemon.await_ready()
                self.check_store(daemon, names)
                descriptors = descriptors or len(list(proc.links(daemon.process.pid)))
        self.assertEqual(mounted.stat().st_dev, device, "it was mounted anew")
        self.assertEqual(len(list(proc.links(daemon.process.pid))), descriptors)
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_restarts_in_order(self) -> None:
        self.restart_under_readers(scaled(RESTARTS) * [signal.SIGUSR2], seconds=scaled(8))

    def test_kill_9_of_keeper_and_worker(self) -> None:
        self.restart_under_readers(scaled(RESTARTS) * [signal.SIGKILL], seconds=scaled(8))

    def test_an_end_in_order_leaves_nothing_in_the_store(self) -> None:
        daemon = self.managed().start()
        daemon.await_ready()
        self.assertGreater(len(daemon.manager.names()), 3)
        daemon.stop()
        self.check_store(daemon, ["memory"])
        self.assertIn("STOPPING=1", daemon.manager.told)
        daemon.start()  # with the memory that says there is nothing
        daemon.stop()

    def test_a_service_manager_that_does_not_listen_for_a_while(self) -> None:
        """Its queue is as short as 10 datagrams: what does not fit is told later, and nobody waits for it."""
        self.start_registry()
        image = self.images.get(SMALL)
        daemon = self.managed()
        daemon.manager.pause()
        daemon.start()
        mounted = daemon.mount(self.push(image), self.mount_point())
        device = mounted.stat().st_dev
        self.assertNotIn("READY=1", daemon.manager.told)
        daemon.manager.go_on()
        daemon.await_ready()
        daemon.restart(signal.SIGKILL)
        self.assertEqual(mounted.stat().st_dev, device)
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_what_is_stored_and_of_no_use_goes(self) -> None:
        daemon = self.managed().start()
        daemon.await_ready()
        names = daemon.manager.names()
        daemon.end_by(signal.SIGUSR2)
        for name in [*STALE, "memory"]:  # also what has the name of something used
            daemon.manager.plant(name, os.memfd_create(name))
        daemon.start()
        self.check_store(daemon, sorted([*names, "memory"]))
        daemon.stop()

    def test_a_memory_that_cannot_be_read(self) -> None:
        """Begins anew, and the next start finds what this one has stored."""
        daemon = self.managed()
        for name in ["memory", "kept-0", "kept-1", "kept-9"]:
            daemon.manager.plant(name, os.memfd_create(name))
        daemon.start()
        daemon.await_ready()
        names = daemon.manager.names()
        self.assertEqual(len(set(names)), len(names))
        self.assertNotIn("kept-9", names)
        self.assertIn("what the service manager has kept is of no use", daemon.process.log())
        daemon.restart()
        self.assertNotIn("of no use", daemon.process.log())
        self.check_store(daemon, names)
        daemon.stop()
