"""The base of the tests of the cachefiles door: daemons that take no other, and images of every shape."""
import pathlib
import subprocess
from collections.abc import Sequence

from harness import programs
from harness.case import BLOBS, IntegrationTest
from harness.daemon import Daemon
from harness.images import Image
from harness.oci_layout import CONFIG, EROFS_BOOTSTRAP, EROFS_DEVICE, MANIFEST, OciLayout, digest_of
from harness.trees import TreeSpec

SMALL = TreeSpec(files=30, mean_bytes=16 << 10, big_bytes=1 << 20)  # a machine without KVM is ten times slower
CACHEFILES = {"kind": "cachefiles"}


class CachefilesTest(IntegrationTest):
    def serve(self, spec: TreeSpec = SMALL, **config: dict[str, object]) -> tuple[Daemon, Image, str]:
        return super().serve(spec, **{"door": CACHEFILES} | config)

    def serve_nothing(self, **config: dict[str, object]) -> Daemon:
        """An empty registry behind a proxy, and a daemon that runs."""
        self.start_registry()
        return self.new_daemon(**{"door": CACHEFILES} | config).start()

    def push_files(self, bootstrap: pathlib.Path, devices: Sequence[pathlib.Path] = (), name: str = "test:latest") -> str:
        """Pushes past the proxy; returns the reference through it."""
        programs.run([programs.LACUNA_IMAGE, "push", bootstrap, *devices, f"{self.registry.address}/{name}"])
        return self.reference(name)

    def push_as_they_are(self, bootstrap: pathlib.Path, devices: Sequence[pathlib.Path]) -> str:
        """Pushes what `lacuna-image push` would not make an image of, and others may."""
        layout = OciLayout(self.folder / "layout")
        layers = [layout.blob(bootstrap.read_bytes(), EROFS_BOOTSTRAP)]
        layers += [layout.blob(device.read_bytes(), EROFS_DEVICE) for device in devices]
        config = layout.document({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers"}}, CONFIG)
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        layout.tag(layout.document(manifest, MANIFEST), "odd")
        programs.run([programs.LACUNA_IMAGE, "push", layout.name("odd"), f"{self.registry.address}/test:latest"])
        return self.reference()

    def check_that_it_outlives_the_daemon(self, daemon: Daemon, image: Image, reference: str) -> None:
        """What one daemon has read the next one serves, without a request for a blob."""
        mounted = daemon.mount(reference, self.mount_point())
        self.assert_equal_trees(image, mounted)
        daemon.stop()
        self.wire.clear()
        daemon.start()
        self.assert_equal_trees(image, daemon.mount(reference, mounted))
        self.assertEqual(self.wire.requests_for(BLOBS), [])
        daemon.stop()

    def assert_files(self, expected: dict[str, bytes], mounted: pathlib.Path) -> None:
        """That the folder has these files and no others, every byte of them."""
        self.assertEqual({path.name for path in mounted.iterdir()}, set(expected))
        self.assertEqual([name for name, content in expected.items() if (mounted / name).read_bytes() != content], [])

    def assert_refused(self, daemon: Daemon, reference: str, reason: str) -> None:
        """That a mount fails with this in its message, and leaves nothing mounted."""
        directory = self.mount_point("refused")
        directory.mkdir(exist_ok=True)
        done = daemon.ctl("mount", reference, directory, check=False)
        self.assertEqual(done.returncode, programs.FAILED, done.stderr)
        self.assertRegex(done.stderr, reason)
        self.assertFalse(directory.is_mount())
        self.assertEqual(erofs_mounts(), [])


def make_single_blob(image: Image, *flags: str) -> pathlib.Path:
    """`image`'s tree as an EROFS that holds all of its data itself. Made anew at each call: the guest's disk is empty."""
    blob = image.folder / "single.erofs"
    subprocess.run(["mkfs.erofs", "--quiet", *flags, str(blob), str(image.tree)], check=True, capture_output=True)
    return blob


def erofs_mounts() -> list[str]:
    """As the kernel lists them."""
    lines = pathlib.Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    return [line for line in lines if line.partition(" - ")[2].startswith("erofs ")]


def blob_path(blob: pathlib.Path) -> str:
    """What a blob's path has in it at the wire, as a regular expression."""
    return digest_of(blob.read_bytes())
