"""The cachefiles door on a real kernel: the programs as a user runs them, every byte compared."""
import subprocess

from cachefiles_case import CACHEFILES, SMALL, CachefilesTest, erofs_mounts
from harness import faults, volume
from harness.case import BLOBS

MOUNT_SECONDS = 30  # a mount that takes longer hangs


class CachefilesDoorTest(CachefilesTest):
    kernels = "6.12 6.1"

    def test_every_file_is_equal(self) -> None:
        daemon, image, reference = self.serve()
        mounted = daemon.mount(reference, self.mount_point())
        self.assertEqual(daemon.status()["door"], "cachefiles")
        # The kernel's own view: one domain for all our images, and its objects in the folder of that volume.
        volumes = list((daemon.root / "cachefiles/cache").iterdir())
        self.assertEqual([folder.name for folder in volumes], ["Ierofs,lacuna"])
        self.assert_equal_trees(image, mounted)
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [])
        daemon.ctl("umount", mounted)
        daemon.stop()

    def test_auto_takes_it(self) -> None:
        daemon, image, reference = self.serve(door={"kind": "auto"})
        self.assertEqual(daemon.status()["door"], "cachefiles")
        mounted = daemon.mount(reference, self.mount_point())
        self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
        [mount, *_] = erofs_mounts()
        self.assertIn("fsid=", mount)
        daemon.stop()

    def test_an_object_that_nobody_published(self) -> None:
        daemon, image, reference = self.serve()
        directory = self.mount_point("by-hand")
        directory.mkdir()
        done = subprocess.run(["mount", "-i", "-t", "erofs", "-o", "fsid=unknown,domain_id=lacuna", "none", str(directory)],
                              capture_output=True, text=True, timeout=MOUNT_SECONDS)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(erofs_mounts(), [])
        self.assertRegex(daemon.process.log(), "nothing is published as erofs,lacuna.*unknown")
        self.assert_equal_trees(image, daemon.mount(reference, self.mount_point()))
        daemon.stop()

    def test_what_was_read_outlives_the_daemon(self) -> None:
        self.check_that_it_outlives_the_daemon(*self.serve())


class PrefetchTest(CachefilesTest):
    kernels = "6.12 6.1"

    def test_fills_an_image_that_is_not_mounted(self) -> None:
        daemon, image, reference = self.serve()
        mounted = daemon.mount(reference, self.mount_point())
        daemon.ctl("umount", mounted)
        progress = daemon.ctl_json("prefetch", "--wait", reference)
        self.assertEqual(progress["present_bytes"], progress["total_bytes"])
        self.assertEqual(erofs_mounts(), [])
        [listed] = daemon.ctl_json("images", "ls")["images"]
        self.assertEqual((listed["present_bytes"], listed["mounts"]), (listed["size_bytes"], 0))
        self.wire.clear()
        with self.proxy.inject(faults.Answer(500), BLOBS):
            self.assert_equal_trees(image, daemon.mount(reference, mounted))
        self.assertEqual(self.wire.requests_for(BLOBS), [])
        daemon.stop()

    def test_during_a_mount(self) -> None:
        daemon, image, reference = self.serve()
        mounted = daemon.mount(reference, self.mount_point())
        daemon.ctl("prefetch", "--wait", reference)
        self.wire.clear()
        self.assert_equal_trees(image, mounted)
        self.assertEqual(self.wire.requests_for(BLOBS), [])
        daemon.stop()


class OnXfsTest(CachefilesTest):
    """A cache on another file system than the work disk's ext4."""

    def test_every_file_is_equal_before_and_after_a_restart(self) -> None:
        root = volume.xfs(self.folder / "xfs") / "root"
        self.start_registry()
        image = self.images.get(SMALL)
        reference = self.push(image)
        daemon = self.new_daemon(root, door=CACHEFILES).start()
        self.check_that_it_outlives_the_daemon(daemon, image, reference)
