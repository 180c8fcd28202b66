"""Layers of an OCI image, taken apart and merged into one EROFS image, are what unpackers make of them: without a daemon."""
import errno

from harness import nasty_image
from harness.case import IntegrationTest
from harness.debian_image import GCC, debian_image
from harness.merged_image import check_with_erofs_utils, mount_merged
from harness.oci_images import OciImage
from harness.tree_compare import Tree, differences, scan


class MergedLayersTest(IntegrationTest):
    def check(self, image: OciImage, expected: Tree) -> None:
        try:
            mounted = mount_merged(image, self.folder / "merged")
        except OSError as error:
            if error.errno != errno.ENOTBLK:
                raise
            self.skipTest("needs a kernel whose EROFS mounts files: 6.12 or later")
        self.assertEqual(differences(expected, scan(mounted)), [])
        check_with_erofs_utils(self.folder / "merged")


class NastyMergedLayersTest(MergedLayersTest):
    def test_are_what_the_model_says(self) -> None:
        nasty = nasty_image.nasty_image()
        self.check(nasty.image, nasty.expected)


class LargeNastyMergedLayersTest(MergedLayersTest):
    fixtures = "nasty"

    def test_are_what_the_model_says(self) -> None:
        nasty = nasty_image.nasty_image(nasty_image.LARGE)
        self.check(nasty.image, nasty.expected)


class DebianMergedLayersTest(MergedLayersTest):
    fixtures = "debian"

    def test_are_what_the_model_says(self) -> None:
        image = debian_image(GCC)
        self.check(image, image.model())
