"""An image, mounted before it is downloaded: what a user sees of mount, prefetch and umount."""
import os
import subprocess
import unittest

from harness import programs
from harness.case import BLOBS, IntegrationTest
from harness.trees import TreeSpec

LOOP = {"fuse_loop": True}
BIG = TreeSpec(seed=2, files=60, big_bytes=24 << 20)


class MountTest(IntegrationTest):
    def check_whole_image(self, **config: dict[str, object]) -> None:
        daemon, image, reference = self.serve(**config)
        mounted = daemon.mount(reference, self.mount_point())
        self.assert_equal_trees(image, mounted)
        daemon.ctl("prefetch", "--wait", "--all", reference)
        self.assert_equal_trees(image, mounted)
        daemon.ctl("umount", mounted)
        self.assert_equal_trees(image, daemon.mount(reference, mounted))  # from the finished files
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [])
        daemon.stop()

    def test_every_file_is_equal_before_and_after_the_fill(self) -> None:
        self.check_whole_image()

    @unittest.skipIf(programs.why_no_loop(), programs.why_no_loop())
    def test_every_file_is_equal_over_a_loop_device(self) -> None:
        self.check_whole_image(door=LOOP)

    def test_files_mapped_by_large_chunks_are_equal(self) -> None:
        self.start_registry()
        image = self.images.get(TreeSpec(), chunk_bytes=1 << 20)
        reference = self.push(image)
        daemon = self.new_daemon().start()
        self.assert_equal_trees(image, daemon.mount(reference, self.mount_point()))
        daemon.stop()

    def test_a_4_kib_file_costs_at_most_2_mib(self) -> None:
        daemon, image, reference = self.serve(BIG)
        mounted = daemon.mount(reference, self.mount_point())
        self.assertEqual((mounted / "four-kib").read_bytes(), (image.tree / "four-kib").read_bytes())
        self.assertLessEqual(self.wire.bytes_for(), 2 << 20)
        self.assertLess(self.wire.bytes_for(), image.size / 4)
        daemon.stop()

    def test_a_second_mount_shares_the_first(self) -> None:
        daemon, image, reference = self.serve()
        one = daemon.mount(reference, self.mount_point("one"))
        other = daemon.mount(reference, self.mount_point("other"))
        self.assertEqual(one.stat().st_dev, other.stat().st_dev)
        self.assertEqual({m["directory"] for m in daemon.ctl_json("mounts", "ls")["mounts"]}, {str(one), str(other)})
        daemon.ctl("umount", one)
        self.assertEqual(os.listdir(one), [])
        self.assert_equal_trees(image, other)
        daemon.ctl("umount", "--all")
        self.assertEqual(os.listdir(other), [])
        daemon.stop()

    def test_a_finished_image_needs_no_registry_bytes(self) -> None:
        daemon, image, reference = self.serve()
        mounted = daemon.mount(reference, self.mount_point())
        daemon.ctl("prefetch", "--wait", "--all", reference)
        daemon.ctl("umount", mounted)
        for restart in (False, True):
            if restart:
                daemon.stop()
                daemon.start()
            self.wire.clear()
            self.assert_equal_trees(image, daemon.mount(reference, mounted))
            self.assertEqual(self.wire.requests_for(BLOBS), [], f"restart: {restart}")
            daemon.ctl("umount", mounted)
        daemon.stop()

    def test_what_was_read_is_not_fetched_again_after_a_restart(self) -> None:
        daemon, image, reference = self.serve(BIG)
        mounted = daemon.mount(reference, self.mount_point())
        big = (mounted / "big").read_bytes()
        daemon.stop()
        daemon.start()
        self.wire.clear()
        daemon.mount(reference, mounted)
        self.assertEqual((mounted / "big").read_bytes(), big)
        self.assertEqual(big, (image.tree / "big").read_bytes())
        self.assertEqual(self.wire.bytes_for(BLOBS), 0)
        daemon.stop()

    def test_mounts_by_digest(self) -> None:
        daemon, image, reference = self.serve()
        daemon.mount(reference, self.mount_point())
        digest = daemon.ctl_json("mounts", "ls")["mounts"][0]["manifest_digest"]
        pinned = f"{reference.rpartition(':')[0]}@{digest}"
        self.assert_equal_trees(image, daemon.mount(pinned, self.mount_point("by-digest")))
        daemon.stop()

    def test_images_and_status_tell_what_is_here(self) -> None:
        daemon, image, reference = self.serve()
        daemon.mount(reference, self.mount_point())
        daemon.ctl("prefetch", "--wait", "--all", reference)
        [listed] = daemon.ctl_json("images", "ls")["images"]
        self.assertEqual((listed["present_bytes"], listed["mounts"]), (listed["size_bytes"], 1))
        self.assertGreaterEqual(listed["size_bytes"], image.size)
        status = daemon.status()
        self.assertEqual((status["schema"], status["door"], status["parked_reads"]), (1, "fuse", 0))
        self.assertEqual({entry["state"] for entry in status["objects"]}, {"finished"})
        self.assertEqual(sum(status["bytes_fetched"].values()), self.wire.bytes_for(BLOBS))
        self.assertIn(str(self.mount_point()), daemon.ctl("mounts", "ls").stdout)
        daemon.stop()


class PrefetchTest(IntegrationTest):
    def test_wait_ends_when_the_image_is_local(self) -> None:
        daemon, image, reference = self.serve(BIG)
        mounted = daemon.mount(reference, self.mount_point())
        done = daemon.ctl("prefetch", "--wait", "--all", reference)
        self.assertNotIn("\r", done.stderr, "no bar off a terminal")
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [])
        self.assertLessEqual(self.wire.bytes_for(BLOBS), image.size + 8192)
        self.proxy.vanish()
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_a_bar_on_a_terminal(self) -> None:
        daemon, _, reference = self.serve(BIG)
        daemon.mount(reference, self.mount_point())
        command = f"{programs.LACUNACTL} --run {daemon.run} prefetch --wait --all {reference}"
        shown = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, timeout=60)
        self.assertEqual(shown.returncode, 0, shown.stdout)
        self.assertRegex(shown.stdout, rb"\r.*100%.*\r")
        daemon.stop()

    def test_without_wait_the_fill_goes_on_behind(self) -> None:
        daemon, image, reference = self.serve(BIG)
        mounted = daemon.mount(reference, self.mount_point())
        daemon.ctl("prefetch", "--all", reference)
        daemon.ctl("prefetch", "--wait", "--all", reference)
        self.assertEqual(self.wire.overlapping_ranges(BLOBS), [])
        self.assert_equal_trees(image, mounted)
        daemon.stop()

    def test_an_unknown_image(self) -> None:
        daemon, _, reference = self.serve()
        done = daemon.ctl("prefetch", "--wait", f"{reference}-other", check=False)
        self.assertEqual(done.returncode, programs.NOT_FOUND, done.stderr)
        daemon.stop()


class UmountTest(IntegrationTest):
    def test_refused_while_a_file_is_open(self) -> None:
        daemon, image, reference = self.serve()
        mounted = daemon.mount(reference, self.mount_point())
        with (mounted / "big").open("rb") as opened:
            done = daemon.ctl("umount", mounted, check=False)
            self.assertEqual(done.returncode, programs.BUSY, done.stderr)
            self.assertIn(str(os.getpid()), done.stderr)
            self.assertIn("-l", done.stderr)
            self.assertEqual(opened.read(), (image.tree / "big").read_bytes())
        daemon.ctl("umount", mounted)
        daemon.stop()

    def test_lazily_while_a_file_is_open(self) -> None:
        daemon, image, reference = self.serve()
        mounted = daemon.mount(reference, self.mount_point())
        with (mounted / "big").open("rb") as opened:
            daemon.ctl("umount", "-l", mounted)
            self.assertEqual(os.listdir(mounted), [])
            self.assertEqual(opened.read(), (image.tree / "big").read_bytes())
        daemon.stop()

    def test_of_what_is_not_mounted(self) -> None:
        daemon, _, _ = self.serve()
        done = daemon.ctl("umount", self.folder, check=False)
        self.assertEqual(done.returncode, programs.NOT_FOUND, done.stderr)
        self.assertIn(str(self.folder), done.stderr)
        daemon.stop()

    def test_a_mount_after_an_unmount_outside(self) -> None:
        daemon, image, reference = self.serve()
        mounted = daemon.mount(reference, self.mount_point())
        subprocess.run(["umount", str(mounted)], check=True)
        self.assert_equal_trees(image, daemon.mount(reference, mounted))
        daemon.stop()
