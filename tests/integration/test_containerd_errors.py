"""What containerd is told when things go wrong under its snapshotter."""
import json
import pathlib

from harness import faults, volume
from harness.containerd import Containerd
from harness.containerd_case import SNAPSHOTTER, ContainerdTest
from harness.daemon import Daemon
from harness.debian_image import DEBIAN, NODE, debian_image
from harness.process import wait_until

IMPATIENT = {"read_deadline": "1s", "failure_memory": "100ms"}
SHOW_VERSION = ("cat", "/etc/debian_version")
VERSION = r"^12\."


class ContainerdErrorsTest(ContainerdTest):
    fixtures = "debian"

    def fails(self, containerd: Containerd, *arguments: object) -> str:
        """What ctr says of it."""
        ran = containerd.ctr(*arguments, check=False)
        self.assertNotEqual(ran.returncode, 0, ran.stdout)
        return ran.stderr

    def test_a_registry_that_vanishes_after_the_pull(self) -> None:
        daemon, containerd, [reference] = self.serve_containerd(debian_image(NODE), index=True, fetch=IMPATIENT)
        containerd.pull_lazily(reference)
        with self.proxy.inject(faults.Close(), ""):
            self.assertIn("input/output error", self.fails(containerd, "run", "--rm", SNAPSHOTTER, reference, "early", "node", "-v"))
        daemon.forget_failures()
        self.assertRegex(containerd.ctr("run", "--rm", SNAPSHOTTER, reference, "late", "node", "-v").stdout, r"^v\d")
        daemon.stop()

    def test_a_registry_that_does_not_answer_the_snapshotter(self) -> None:
        daemon, containerd, [reference] = self.serve_containerd(debian_image(DEBIAN), fetch=IMPATIENT)
        with self.proxy.inject(faults.OfLacuna(faults.Close()), ""):
            containerd.pull_lazily(reference)  # which it is not
        self.assertRegex(containerd.ctr("run", "--rm", SNAPSHOTTER, reference, "unpacked", *SHOW_VERSION).stdout, VERSION)
        self.assertIn("not served lazily", daemon.ctl("events").stdout)
        daemon.stop()

    def test_an_image_removed_while_in_use(self) -> None:
        daemon, containerd, [reference] = self.serve_containerd(debian_image(DEBIAN), index=True)
        containerd.pull_lazily(reference)
        containerd.ctr("run", "--detach", SNAPSHOTTER, reference, "running", "sleep", "infinity")
        containerd.ctr("images", "rm", "--sync", reference)
        self.assertRegex(containerd.ctr("tasks", "exec", "--exec-id=late", "running", *SHOW_VERSION).stdout, VERSION)
        containerd.ctr("tasks", "kill", "--signal=KILL", "running")
        containerd.remove_ended("running")
        self.assert_snapshots_go(daemon)
        daemon.stop()

    def test_in_a_mount_namespace_of_its_own_images_are_unpacked(self) -> None:
        self.start_registry()
        [reference] = self.push_images(debian_image(DEBIAN), index=True)
        daemon = self.new_daemon()
        daemon.prefix = ("unshare", "--mount", "--propagation=private")
        daemon.start()
        containerd = self.start_containerd(daemon)
        containerd.pull_lazily(reference)
        self.assertRegex(containerd.ctr("run", "--rm", SNAPSHOTTER, reference, "unpacked", *SHOW_VERSION).stdout, VERSION)
        said = daemon.ctl("events").stdout
        self.assertIn("snapshot.unpacked", said)
        self.assertIn("is in another mount namespace than lacunad", said)
        containerd.ctr("images", "rm", "--sync", reference)
        daemon.stop()

    def test_a_disk_that_is_too_small(self) -> None:
        daemon, containerd, reference = self.on_a_small_disk()
        said = self.fails(containerd, "images", "pull", "--plain-http", SNAPSHOTTER, reference)
        self.assertIn("no space left on device", said)
        containerd.collect_garbage()
        wait_until("what was half made to go", lambda: self.snapshot_folders(daemon) == [])
        containerd.pull_lazily(reference)
        self.assertRegex(containerd.ctr("run", "--rm", SNAPSHOTTER, reference, "lazy", *SHOW_VERSION).stdout, VERSION)
        daemon.stop()

    def test_a_full_disk_is_emptied_by_removing_what_fills_it(self) -> None:
        daemon, containerd, reference = self.on_a_small_disk()
        containerd.pull_lazily(reference)
        [files] = json.loads(containerd.ctr("snapshots", SNAPSHOTTER, "prepare", "--mounts", "large").stdout)
        volume.fill(pathlib.Path(files["Source"]) / "filler")
        said = self.fails(containerd, "run", "--rm", SNAPSHOTTER, reference, "early", *SHOW_VERSION)
        self.assertIn("disk is full", said)
        daemon.wait_for_new_worker(daemon.kill_worker())
        daemon.stop()
        daemon.start()
        containerd.ctr("snapshots", SNAPSHOTTER, "rm", "large")
        wait_until("its files to go", lambda: self.snapshot_folders(daemon) == [])
        self.assertRegex(containerd.ctr("run", "--rm", SNAPSHOTTER, reference, "late", *SHOW_VERSION).stdout, VERSION)
        daemon.stop()

    def on_a_small_disk(self) -> tuple[Daemon, Containerd, str]:
        self.start_registry()
        [reference] = self.push_images(debian_image(DEBIAN), index=True)
        daemon = self.new_daemon(root=volume.ext4(self.folder / "disk", 48 << 20)).start()
        return daemon, self.start_containerd(daemon), reference
