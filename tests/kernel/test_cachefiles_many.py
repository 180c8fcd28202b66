"""Hundreds of objects at the cachefiles door on a real kernel."""
import random

from cachefiles_case import CACHEFILES
from harness.case import BLOBS
from harness.erofs_writer import write_image
from harness.page_cache import drop_page_cache
from harness.registry_storage import store_image
from mounted_case import MountedTest

DEVICES = 499  # and the bootstrap
BYTES = 5000  # two blocks of each


class ManyObjectsTest(MountedTest):
    def test_500_objects_open_at_once(self) -> None:
        source = random.Random(14)
        files = [(f"file-{number:03}", source.randbytes(BYTES)) for number in range(DEVICES)]
        bootstrap, devices = write_image(self.folder / "image", [[file] for file in files])
        storage = self.folder / "storage"
        store_image(storage, "test", "latest", bootstrap.read_bytes(), [device.read_bytes() for device in devices])
        self.start_registry(storage=storage)
        daemon = self.new_daemon(door=CACHEFILES).start()
        mounted = daemon.mount(self.reference(), self.mount_point())
        self.assert_files(dict(files), mounted)
        self.assertEqual(len(daemon.status()["objects"]), DEVICES + 1)
        self.assertEqual(daemon.process.log().count(" opened as "), DEVICES + 2, "with the door's test of itself")
        drop_page_cache()
        self.wire.clear()
        self.assert_files(dict(files), mounted)
        self.assertEqual(self.wire.requests_for(BLOBS), [])
        daemon.ctl("umount", mounted)
        daemon.stop()
