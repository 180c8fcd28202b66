"""Debian's containerd pulls images and runs containers of them, with runc."""
from harness.case import BLOBS
from harness.containerd_case import REPOSITORY, SNAPSHOTTER, ContainerdTest
from harness.debian_image import DEBIAN, GCC, NODE, debian_image
from harness.oci_images import with_layer
from harness.process import wait_until
from harness.tar_writer import TarWriter
from harness.tree_compare import differences

PROGRAM = ("node", "-e", "console.log(6 * 7)")


class PlainPullTest(ContainerdTest):
    """Not lazily: containerd downloads, and unpacks into what it is given."""
    fixtures = "debian"

    def test_the_root_is_what_the_overlayfs_snapshotter_has(self) -> None:
        image = debian_image(NODE)
        daemon, containerd, [reference] = self.serve_containerd(image)
        roots = []
        for snapshotter in ("overlayfs", "lacuna"):
            containerd.ctr("images", "pull", "--plain-http", f"--snapshotter={snapshotter}", reference)
            roots.append(self.root(containerd, image, snapshotter))
        self.assertEqual(differences(*roots, unsure_mtimes=False), [])
        daemon.stop()

    def test_a_container_runs_and_leaves_nothing(self) -> None:
        image = debian_image(NODE)
        daemon, containerd, [reference] = self.serve_containerd(image)
        containerd.ctr("images", "pull", "--plain-http", SNAPSHOTTER, reference)
        for name in ("first", "second"):
            self.assertEqual(containerd.ctr("run", "--rm", SNAPSHOTTER, reference, name, *PROGRAM).stdout, "42\n")
        layers = len(image.layer_digests())
        wait_until("the containers' files to go", lambda: len(self.snapshot_folders(daemon)) == layers)
        containerd.ctr("images", "rm", "--sync", reference)
        self.assertEqual(self.snapshot_folders(daemon), [])
        self.assertEqual(self.snapshot_rows(daemon), 0)
        daemon.stop()


class LazyPullTest(ContainerdTest):
    fixtures = "debian"

    def test_a_container_runs_before_its_image_is_here(self) -> None:
        image = debian_image(GCC)
        daemon, containerd, [reference] = self.serve_containerd(image, index=True)
        self.wire.clear()
        containerd.pull_lazily(reference)
        self.assertEqual(containerd.ctr("run", "--rm", SNAPSHOTTER, reference, "lazy", *PROGRAM).stdout, "42\n")
        self.assert_started_lazily(daemon, image)
        containerd.ctr("images", "rm", "--sync", reference)
        self.assertEqual(self.snapshot_folders(daemon), [])
        self.assertEqual(self.snapshot_rows(daemon), 0)
        self.assertEqual(daemon.mounts(), {})
        daemon.stop()

    def test_the_root_is_what_the_overlayfs_snapshotter_has(self) -> None:
        image = debian_image(NODE)
        daemon, containerd, [reference] = self.serve_containerd(image, index=True)
        containerd.ctr("images", "pull", "--plain-http", reference)
        unpacked = self.root(containerd, image, "overlayfs")
        containerd.ctr("images", "rm", "--sync", reference)
        containerd.pull_lazily(reference)
        self.assertEqual(differences(unpacked, self.root(containerd, image, "lacuna"), unsure_mtimes=False), [])
        daemon.stop()

    def test_a_tag_that_moved(self) -> None:
        image = debian_image(DEBIAN)
        daemon, containerd, [reference] = self.serve_containerd(image)
        containerd.pull_lazily(reference)
        containerd.ctr("run", "--detach", SNAPSHOTTER, reference, "old", "sleep", "infinity")
        tar = TarWriter()
        tar.file("new", b"newer\n")
        with_layer(image, self.folder / "newer", "newer", tar.finish()).push(self.registry.address, REPOSITORY, image.tag)
        containerd.pull_lazily(reference)
        self.assertEqual(containerd.ctr("run", "--rm", SNAPSHOTTER, reference, "new", "cat", "/new").stdout, "newer\n")
        self.assertEqual(containerd.ctr("tasks", "exec", "--exec-id=ls", "old", "sh", "-c", "ls /new || echo none").stdout, "none\n")
        self.assertNotIn("snapshot.unpacked", daemon.ctl("events").stdout)
        containerd.ctr("tasks", "rm", "--force", "old")
        daemon.stop()

    def test_layers_of_ones_own_above_it(self) -> None:
        image = debian_image(DEBIAN)
        daemon, containerd, [reference] = self.serve_containerd(image, index=True)
        containerd.pull_lazily(reference)
        below = image.chain_id()
        for name in ("first", "second"):
            with self.writable(containerd, below) as root:
                self.assertIn("12.", (root / "etc/debian_version").read_text())
                (root / name).write_text(name)
                (root / "etc/motd").unlink(missing_ok=True)
            containerd.ctr("snapshots", SNAPSHOTTER, "commit", name, "writable")
            below = name
        with self.writable(containerd, below) as root:
            self.assertEqual([(root / name).read_text() for name in ("first", "second")], ["first", "second"])
            self.assertFalse((root / "etc/motd").exists())
        daemon.stop()

    def test_restarts_in_any_order(self) -> None:
        daemon, containerd, [reference] = self.serve_containerd(debian_image(DEBIAN), index=True)
        containerd.pull_lazily(reference)
        containerd.ctr("run", "--detach", SNAPSHOTTER, reference, "running", "sleep", "infinity")

        def new_worker() -> None:
            daemon.wait_for_new_worker(daemon.kill_worker())
        for number, restart in enumerate([containerd.restart, new_worker, containerd.restart, new_worker, new_worker, containerd.restart]):
            restart()
            wait_until("containerd to find lacunad", containerd.finds_lacuna)
            command = ("sha256sum", "/usr/bin/perl")
            self.assertEqual(containerd.ctr("tasks", "exec", f"--exec-id=read-{number}", "running", *command).stdout,
                             containerd.ctr("run", "--rm", SNAPSHOTTER, reference, f"new-{number}", *command).stdout)
        containerd.ctr("tasks", "rm", "--force", "running")
        daemon.stop()

    def test_without_an_index_it_is_streamed_once(self) -> None:
        image = debian_image(NODE)
        daemon, containerd, [reference] = self.serve_containerd(image)
        self.wire.clear()
        containerd.pull_lazily(reference)
        self.assertEqual(containerd.ctr("run", "--rm", SNAPSHOTTER, reference, "streamed", *PROGRAM).stdout, "42\n")
        self.assertLess(self.wire.bytes_for(BLOBS), 1.05 * image.layers_size())
        daemon.stop()
