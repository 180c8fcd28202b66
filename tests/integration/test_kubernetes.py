"""Pods as a kubelet has them made, by the CRI plugin of Debian's containerd."""
import pathlib
import random

from harness import tiny_elf
from harness.containerd_case import ContainerdTest
from harness.cri import Cri
from harness.debian_image import GCC, debian_image
from harness.oci_images import OciImage
from harness.oci_layout import OciLayout
from harness.tar_writer import TarWriter


def pause_image(folder: pathlib.Path) -> OciImage:
    """What holds a pod together: one program that waits."""
    layout = OciLayout(folder)
    program = folder / "pause"
    tiny_elf.hangs(program)
    tar = TarWriter()
    tar.file("pause", program.read_bytes(), mode=0o755)
    layout.tag(layout.image([tar.finish()], runs=["/pause"]), "pause")
    return OciImage(folder, "pause")


class PodTest(ContainerdTest):
    fixtures = "debian"

    def check(self, labels: bool, web_host: str | None = None, **config: dict[str, object]) -> None:
        image, pause = debian_image(GCC), pause_image(self.folder / "pause")
        self.start_registry(web_host=web_host)
        [reference, pause_reference] = self.push_images(image, pause, index=True)
        daemon = self.new_daemon(snapshotter={"containerd": str(self.containerd_socket())}, **config).start()
        cri = Cri(self.start_containerd(daemon, pause_reference, labels).socket)
        self.addCleanup(cri.close)
        self.wire.clear()
        cri.pull(reference)
        pod = cri.run_pod("pod", self.folder / "logs")
        container = pod.start("container", reference, "sleep", "infinity")
        self.assertEqual(pod.execute(container, "node", "-e", "console.log(6 * 7)"), (0, "42\n", ""))
        self.assert_started_lazily(daemon, image)
        pod.remove()
        for name in (reference, pause_reference):
            cri.remove_image(name)
        self.assert_snapshots_go(daemon)
        daemon.stop()

    def test_it_runs_before_its_image_is_here(self) -> None:
        self.check(labels=True)

    def test_without_labels_its_image_is_found_in_containerd(self) -> None:
        # containerd keeps a registry's name without its port, and images without their tags: the registry has to be where its name alone
        # leads, and has to be trusted with indexes of what a digest names.
        self.check(labels=False, web_host=f"127.{random.randint(2, 250)}.{random.randint(2, 250)}.2", index={"trust": "all"})
