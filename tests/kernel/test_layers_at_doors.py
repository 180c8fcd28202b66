"""Ordinary images, with all that is nasty in them, through both doors of old and new kernels: what is mounted is what the model says."""
import re

from harness import nasty_image, programs
from harness.case import IntegrationTest
from harness.tree_compare import differences, scan

NOT_IN_THESE_KERNELS = r": xattrs (security\.|system\.posix_acl)"  # they are built without EROFS_FS_SECURITY and _POSIX_ACL


class LayersAtDoorsTest(IntegrationTest):
    kernels = "6.12 6.1"

    def check(self, door: str, index: bool) -> None:
        nasty = nasty_image.nasty_image()
        self.start_registry()
        nasty.image.push(self.registry.address, "test")
        name = f"test:{nasty.image.tag}"
        if index:
            programs.run([programs.LACUNA_IMAGE, "index", "--push", f"{self.registry.address}/{name}"], seconds=120)
        daemon = self.new_daemon().start("--door", door)
        mounted = self.mount_point()
        mounted.mkdir()
        daemon.ctl("mount", self.reference(name), mounted, seconds=120)
        found = differences(nasty.expected, scan(mounted))
        self.assertEqual([line for line in found if not re.search(NOT_IN_THESE_KERNELS, line)], [])
        self.assertEqual({item["verified"] for item in daemon.status()["objects"]} & {"none"}, set())
        daemon.stop()

    def test_cachefiles_with_an_index(self) -> None:
        self.check("cachefiles", index=True)

    def test_cachefiles_without_an_index(self) -> None:
        self.check("cachefiles", index=False)

    def test_fuse_with_an_index(self) -> None:
        self.check("fuse", index=True)
