"""Any OCI image, unmodified: what lacunactl mount shows of it is what unpackers make of it, and costs what is read."""
import errno
import os
import pathlib
import unittest

from harness import faults, nasty_image, programs
from harness.case import BLOBS, IntegrationTest
from harness.daemon import Daemon
from harness.debian_image import DEBIAN, GCC, NODE, debian_image
from harness.oci_images import OciImage
from harness.page_cache import drop_page_cache
from harness.tree_compare import Tree, differences, scan

LOOP = {"fuse_loop": True}
REPOSITORY = "test"
SMALL_FILE = "etc/debian_version"  # of Debian's own layer
FAR_FILE = "usr/bin/x86_64-linux-gnu-gcc-12"  # of the layer that gcc is in
IMPATIENT = {"read_deadline": "2s", "failure_memory": "100ms"}


class OciMountTest(IntegrationTest):
    def serve_images(self, *images: OciImage, index: bool, **config: dict[str, object]) -> tuple[Daemon, list[str]]:
        """In a registry behind a proxy, with an index beside each if wanted: (a daemon that runs, the references)."""
        self.start_registry()
        for image in images:
            image.push(self.registry.address, REPOSITORY)
            if index:
                programs.run([programs.LACUNA_IMAGE, "index", "--push", f"{self.registry.address}/{REPOSITORY}:{image.tag}"], seconds=120)
        return self.new_daemon(**config).start(), [self.reference(f"{REPOSITORY}:{image.tag}") for image in images]

    def check(self, image: OciImage, expected: Tree, index: bool, **config: dict[str, object]) -> None:
        daemon, [reference] = self.serve_images(image, index=index, **config)
        mounted = daemon.mount(reference, self.mount_point())
        self.assertEqual(differences(expected, scan(mounted)), [])
        daemon.ctl("prefetch", "--wait", "--all", reference, seconds=120)
        drop_page_cache()
        self.assertEqual(differences(expected, scan(mounted)), [])
        self.assertLess(self.wire.bytes_for(BLOBS), image.layers_size() * 11 // 10)
        daemon.stop()


class NastyMountTest(OciMountTest):
    def check_nasty(self, index: bool, **config: dict[str, object]) -> None:
        nasty = nasty_image.nasty_image()
        self.check(nasty.image, nasty.expected, index, **config)

    def test_with_an_index(self) -> None:
        self.check_nasty(index=True)

    def test_without_an_index(self) -> None:
        self.check_nasty(index=False)

    @unittest.skipIf(programs.why_no_loop(), programs.why_no_loop())
    def test_over_a_loop_device(self) -> None:
        self.check_nasty(index=True, door=LOOP)

    @unittest.skipIf(programs.why_no_loop(), programs.why_no_loop())
    def test_over_a_loop_device_without_an_index(self) -> None:
        self.check_nasty(index=False, door=LOOP)

    def test_an_index_that_is_not_wanted(self) -> None:
        nasty = nasty_image.nasty_image()
        daemon, [reference] = self.serve_images(nasty.image, index=True)
        mounted = daemon.mount(reference, self.mount_point(), "--no-index")
        self.assertEqual(differences(nasty.expected, scan(mounted)), [])
        daemon.stop()


class LargeNastyMountTest(OciMountTest):
    fixtures = "nasty"

    def test_with_an_index(self) -> None:
        nasty = nasty_image.nasty_image(nasty_image.LARGE)
        self.check(nasty.image, nasty.expected, index=True)


class DebianMountTest(OciMountTest):
    fixtures = "debian"

    def test_with_an_index(self) -> None:
        image = debian_image(GCC)
        self.check(image, image.model(), index=True)

    def test_without_an_index(self) -> None:
        image = debian_image(NODE)
        self.check(image, image.model(), index=False)

    def test_programs_run(self) -> None:
        daemon, [reference] = self.serve_images(debian_image(GCC), index=True)
        mounted = daemon.mount(reference, self.mount_point())
        shown = programs.run(["chroot", mounted, "node", "-e", "console.log(6 * 7)"])
        self.assertEqual(shown.stdout, "42\n")
        self.assertIn("gcc", programs.run(["chroot", mounted, "gcc", "--version"]).stdout)
        self.assertLess(self.wire.bytes_for(BLOBS), debian_image(GCC).layers_size())
        daemon.stop()

    def test_a_small_file_costs_at_most_2_mib(self) -> None:
        daemon, [reference] = self.serve_images(debian_image(GCC), index=True)
        mounted = daemon.mount(reference, self.mount_point())
        self.wire.clear()
        self.assertRegex((mounted / SMALL_FILE).read_text(), r"^12\.")
        self.wire.settle(BLOBS)
        self.assertLessEqual(self.wire.bytes_for(), 2 << 20)
        daemon.stop()

    def test_when_the_registry_goes_what_was_read_is_there(self) -> None:
        daemon, [reference] = self.serve_images(debian_image(GCC), index=True, fetch=IMPATIENT)
        mounted = daemon.mount(reference, self.mount_point())
        version = (mounted / SMALL_FILE).read_text()
        with self.proxy.inject(faults.Close(), ""):
            drop_page_cache()
            self.assertEqual((mounted / SMALL_FILE).read_text(), version)
            self.assert_eio(mounted / FAR_FILE)
        daemon.forget_failures(failure_memory=0.1)
        self.assertEqual((mounted / FAR_FILE).read_bytes()[:4], b"\x7fELF")
        daemon.stop()

    def test_of_a_second_image_only_what_is_new_is_fetched(self) -> None:
        first, second = debian_image(DEBIAN), debian_image(NODE)
        daemon, references = self.serve_images(first, second, index=True)
        for reference in references[:1]:
            daemon.mount(reference, self.mount_point("first"))
            daemon.ctl("prefetch", "--wait", "--all", reference, seconds=120)
        self.wire.clear()
        mounted = daemon.mount(references[1], self.mount_point("second"))
        daemon.ctl("prefetch", "--wait", "--all", references[1], seconds=120)
        self.assertEqual(differences(second.model(), scan(mounted)), [])
        [shared, new] = second.layer_digests()
        self.assertEqual(self.wire.bytes_for(shared), 0)
        self.assertGreater(self.wire.bytes_for(new), 0)
        daemon.stop()

    def assert_eio(self, path: pathlib.Path) -> None:
        with self.assertRaises(OSError) as raised, path.open("rb", buffering=0) as file:
            os.pread(file.fileno(), 4096, 0)
        self.assertEqual(raised.exception.errno, errno.EIO)
