"""Many containers at once, again and again: nothing may be left of them."""
import concurrent.futures
import pathlib
import random

from harness import leftovers
from harness.containerd import Containerd
from harness.containerd_case import SNAPSHOTTER, ContainerdTest
from harness.debian_image import DEBIAN, debian_image
from harness.oci_images import OciImage, with_layer
from harness.oci_layout import digest_of
from harness.process import wait_until
from harness.scale import scaled
from harness.takeover_case import Counts, TakeoverTest
from harness.tar_writer import TarWriter

IMAGES = 5
CONTAINERS = 50
ROUNDS = 2
DATA_BYTES = 1 << 20


def images_of_data(folder: pathlib.Path) -> list[tuple[OciImage, str]]:
    """Debian and a file /data, another one in each: (image, the file's SHA-256)."""
    made = []
    for number in range(IMAGES):
        data = random.Random(number).randbytes(DATA_BYTES)
        tar = TarWriter()
        tar.file("data", data)
        made.append((with_layer(debian_image(DEBIAN), folder, f"data-{number}", tar.finish()), digest_of(data).partition(":")[2]))
    return made


class ManyContainersTest(ContainerdTest, TakeoverTest):
    fixtures = "debian"
    alone = True

    def test_started_in_parallel_and_removed(self) -> None:
        images = images_of_data(self.folder / "images")
        daemon, containerd, references = self.serve_containerd(*(image for image, _ in images), index=True)
        wanted = [(reference, sha256) for reference, (_, sha256) in zip(references, images, strict=True)]
        self.round(containerd, wanted)  # what is fetched and learned once
        wait_until("everything to go", lambda: self.snapshot_folders(daemon) == [])
        daemon.wait_for_new_worker(daemon.kill_worker())
        counts, files = Counts.of(daemon, self.folder), self.cached_files(daemon)
        for _ in range(scaled(ROUNDS)):
            self.round(containerd, wanted)
        wait_until("everything to go", lambda: self.snapshot_folders(daemon) == [])
        self.assertEqual(self.snapshot_rows(daemon), 0)
        self.assertEqual(daemon.mounts(), {})
        self.assertEqual(self.cached_files(daemon), files)
        self.assert_counts(counts, daemon)
        containerd.stop()
        self.assertEqual(leftovers.mounts_below(self.folder), [])
        daemon.stop()

    def round(self, containerd: Containerd, images: list[tuple[str, str]]) -> None:
        for reference, _ in images:
            containerd.pull_lazily(reference)
        with concurrent.futures.ThreadPoolExecutor(CONTAINERS) as pool:
            for ran in [pool.submit(self.run_one, containerd, *images[number % IMAGES], number) for number in range(CONTAINERS)]:
                ran.result()
        for reference, _ in images:
            containerd.ctr("images", "rm", "--sync", reference)

    def run_one(self, containerd: Containerd, reference: str, sha256: str, number: int) -> None:
        command = ("sh", "-c", "echo written >/written && sha256sum /data")
        ran = containerd.ctr("run", "--rm", SNAPSHOTTER, reference, f"container-{number}", *command)
        self.assertEqual(ran.stdout, f"{sha256}  /data\n")
