"""lacunad as a service of a real systemd, by the unit that is shipped: what becomes of mounts and of their readers."""
import errno
import os
import pathlib
import subprocess

from harness import faults, proc, programs
from harness.case import BLOBS
from harness.process import wait_until
from harness.scale import scaled
from harness.service_case import Service, ServiceTest
from harness.trees import TreeSpec

RESTARTS = 3
SMALL = TreeSpec()
NOBODY = 65534


class ServiceLifeTest(ServiceTest):
    alone = True

    def assert_same_mount(self, service: Service, mounted: pathlib.Path, device: int) -> None:
        self.assertEqual(mounted.stat().st_dev, device, "it was mounted anew")
        self.assertEqual(len(service.mounts()), 1)

    def test_restarts_under_readers(self) -> None:
        """Mounts stay, no read fails, and what is stored does not become more."""
        service, image, mounted = self.serve_as_service()
        device, stored = mounted.stat().st_dev, service.show("NFileDescriptorStore")
        with self.under_readers(image, mounted, seconds=scaled(4)):
            for _ in range(scaled(RESTARTS)):
                service.systemctl("restart")
        self.assert_same_mount(service, mounted, device)
        self.assertEqual(service.show("NFileDescriptorStore"), stored)
        self.assert_equal_trees(image, mounted)

    def test_kill_9_of_the_keeper_under_readers(self) -> None:
        service, image, mounted = self.serve_as_service()
        device, stored = mounted.stat().st_dev, service.show("NFileDescriptorStore")
        with self.under_readers(image, mounted, seconds=scaled(6)):
            for number in range(scaled(RESTARTS)):
                service.systemctl("kill", "--kill-whom=main", "--signal=KILL")
                service.await_restart(number + 1)
        self.assert_same_mount(service, mounted, device)
        self.assertEqual(service.show("NFileDescriptorStore"), stored)

    def test_a_keeper_that_stands_still_is_replaced(self) -> None:
        service, image, mounted = self.serve_as_service("WatchdogSec=1s\n")
        device = mounted.stat().st_dev
        with self.under_readers(image, mounted, seconds=4):
            service.systemctl("kill", "--kill-whom=main", "--signal=STOP")
            service.await_restart()
        self.assert_same_mount(service, mounted, device)

    def test_reload_is_an_upgrade(self) -> None:
        folder = programs.copy(self.folder / "programs")
        service, image, mounted = self.serve_as_service(programs_folder=folder)
        device, pid = mounted.stat().st_dev, service.show("MainPID")
        with self.under_readers(image, mounted, seconds=5):
            for _ in range(2):
                programs.copy(folder)
                service.systemctl("reload")
        self.assertEqual(service.show("MainPID"), pid)
        self.assert_same_mount(service, mounted, device)
        (folder / "lacunad-worker").unlink()
        self.assertNotEqual(service.systemctl("reload", check=False).returncode, 0)
        self.assertEqual(service.show("ActiveState"), "active")
        self.assert_equal_trees(image, mounted)


class ServiceEndTest(ServiceTest):
    alone = True

    def test_stop_unmounts(self) -> None:
        service, _, mounted = self.serve_as_service()
        service.systemctl("stop")
        self.assertEqual((service.show("ActiveState"), service.show("Result")), ("inactive", "success"))
        self.assertFalse(mounted.is_mount())
        self.assertEqual(service.show("NFileDescriptorStore"), "0")

    def test_an_end_that_no_start_follows(self) -> None:
        """By the signal of a restart: until the next start what was not read fails; then everything is mounted again."""
        service, image, mounted = self.serve_as_service()
        (mounted / "sparse").stat()
        with self.proxy.inject(faults.Hang(), BLOBS):
            service.systemctl("kill", "--kill-whom=main", "--signal=USR2")
            wait_until("it to end", lambda: service.show("ActiveState") == "inactive")
        self.assertEqual((service.show("ActiveState"), service.show("Result")), ("inactive", "success"))
        self.assertTrue(mounted.is_mount())
        with self.assertRaises(OSError) as caught:
            (mounted / "sparse").read_bytes()
        self.assertIn(caught.exception.errno, (errno.EIO, errno.ENOTCONN))
        service.start()
        service.await_mounts(self.mount_point())
        self.assert_equal_trees(image, mounted)

    def test_sigterm_unmounts_and_it_stays_down(self) -> None:
        service, _, mounted = self.serve_as_service()
        service.systemctl("kill", "--kill-whom=main", "--signal=TERM")
        wait_until("it to end", lambda: service.show("ActiveState") == "inactive")
        self.assertFalse(mounted.is_mount())
        self.assertEqual(service.show("NFileDescriptorStore"), "0")

    def test_a_start_that_fails_is_no_end_of_the_mounts(self) -> None:
        """As after a restart with a mistake in the configuration, which is then corrected."""
        config = self.folder / "lacunad.toml"
        config.write_text("")
        service, image, mounted = self.serve_as_service(options=f"--config {config}")
        device = mounted.stat().st_dev
        config.write_text("a mistake")
        service.systemctl("restart", check=False)
        wait_until("it to fail twice", lambda: int(service.show("NRestarts")) >= 2, seconds=20)
        config.write_text("")
        wait_until("it to run", lambda: service.show("ActiveState") == "active", seconds=20)
        self.assertEqual(mounted.stat().st_dev, device)
        self.assert_equal_trees(image, mounted)


class HardeningTest(ServiceTest):
    """The unit takes nothing from lacunad that it needs."""

    def test_mounts_are_seen_by_everybody_and_the_guard_is_sealed(self) -> None:
        service, _, _ = self.serve_as_service(spec=SMALL)
        namespaces = {pathlib.Path(f"/proc/{pid}/ns/mnt").readlink() for pid in (service.keeper_pid(), service.systemd.pid)}
        self.assertEqual(len(namespaces), 1)
        filters = sorted(int(proc.status_of(thread, "Seccomp_filters")) for thread in proc.threads(service.keeper_pid()))
        self.assertEqual(len(filters), 2)
        self.assertEqual(filters[1], filters[0] + 1, "the guard has a filter of its own")

    def test_loop_devices(self) -> None:
        if reason := programs.why_no_loop():
            self.skipTest(reason)
        config = self.folder / "lacunad.toml"
        config.write_text("[door]\nfuse_loop = true\n")
        service, image, mounted = self.serve_as_service(options=f"--config {config}", spec=SMALL)
        self.assert_equal_trees(image, mounted)
        service.systemctl("restart")
        self.assert_equal_trees(image, mounted)
        service.ctl("umount", self.mount_point())

    def test_a_credential_helper(self) -> None:
        helper = self.folder / "bin/docker-credential-test"
        helper.parent.mkdir()
        helper.write_text('#!/bin/sh\necho \'{"Username": "me", "Secret": "secret"}\'\n')
        helper.chmod(0o700)
        (self.docker_config / "config.json").write_text('{"credsStore": "test"}')
        self.start_registry(user=("me", "secret"))
        image = self.images.get(SMALL)
        programs.run([programs.LACUNA_IMAGE, "push", "--dest-creds", "me:secret", image.bootstrap, image.device,
                      f"{self.registry.address}/test:latest"])
        service = self.new_service(path=f"{helper.parent}:/usr/bin:/bin").start()
        self.assert_equal_trees(image, service.inside(service.mount(self.reference(), self.mount_point())))

    def test_a_folder_and_a_reader_of_somebody_else(self) -> None:
        """Mounted on where only its owner may go, and the owner named who keeps the mount busy."""
        folder = self.folder / "nobodys"
        folder.mkdir(mode=0o700)
        (folder / "mnt").mkdir(mode=0o700)
        for path in (self.folder, folder, folder / "mnt"):
            os.chown(path, NOBODY, NOBODY)
        self.start_registry()
        service = self.new_service().start()
        mounted = service.mount(self.push(self.images.get(SMALL)), folder / "mnt")
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "sleep", "60"]
        script = 'cd "$0" && exec "$@"'
        holder = subprocess.Popen(["nsenter", f"--target={service.systemd.pid}", "--mount", "--pid", "sh", "-c", script,
                                   str(mounted), *command])
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)

        def refused() -> str:
            done = service.ctl("umount", mounted, check=False)
            self.assertEqual(done.returncode, programs.BUSY, done.stderr)
            return done.stderr if "sleep" in done.stderr else ""

        wait_until("the holder to be named", refused)
