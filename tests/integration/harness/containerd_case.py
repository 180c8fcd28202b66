"""The base of tests in which Debian's containerd, unpatched, has lacuna as its snapshotter."""
import contextlib
import json
import pathlib
import sqlite3
import stat
import time
from collections.abc import Iterator

from . import programs
from .case import BLOBS, IntegrationTest
from .containerd import Containerd
from .daemon import Daemon
from .oci_images import OciImage
from .process import wait_until
from .tree_compare import Tree, scan

SNAPSHOTTER = "--snapshotter=lacuna"
REPOSITORY = "test"


class ContainerdTest(IntegrationTest):
    def setUp(self) -> None:
        super().setUp()
        self.started = time.time_ns()

    def push_images(self, *images: OciImage, index: bool) -> list[str]:
        """Into the registry, whose references through the proxy are returned."""
        for image in images:
            image.push(self.registry.address, REPOSITORY)
            if index:
                programs.run([programs.LACUNA_IMAGE, "index", "--push", f"{self.registry.address}/{REPOSITORY}:{image.tag}"], seconds=120)
        return [self.reference(f"{REPOSITORY}:{image.tag}") for image in images]

    def start_containerd(self, daemon: Daemon, pause: str = "", labels: bool = True) -> Containerd:
        """`pause`, `labels`: as Containerd has them."""
        containerd = Containerd(self.folder / "containerd", daemon.run / "snapshotter.sock", pause, labels)
        self.addCleanup(containerd.clean_up)
        return containerd

    def containerd_socket(self) -> pathlib.Path:
        return self.folder / "containerd/containerd.sock"

    def serve_containerd(self, *images: OciImage, index: bool = False,
                         **config: dict[str, object]) -> tuple[Daemon, Containerd, list[str]]:
        """A registry with the images, lacunad, and containerd: (lacunad, containerd, the references)."""
        self.start_registry()
        references = self.push_images(*images, index=index)
        config = {"snapshotter": {"containerd": str(self.containerd_socket())}} | config
        daemon = self.new_daemon(**config).start()
        return daemon, self.start_containerd(daemon), references

    def root(self, containerd: Containerd, image: OciImage, snapshotter: str) -> Tree:
        """What a container of the image would see. (`ctr images mount` has overlayfs mount it, whatever it is told.)"""
        with self.writable(containerd, image.chain_id(), snapshotter) as root:
            tree = scan(root, overlay=True)
        containerd.ctr("snapshots", f"--snapshotter={snapshotter}", "rm", "writable")
        for facts in tree.values():
            if stat.S_ISDIR(facts.mode):
                facts.links = 1  # as overlayfs has it for a directory of several layers
                facts.unsure_mtime = facts.mtime_ns > self.started  # from the unpacking
        return tree

    @contextlib.contextmanager
    def writable(self, containerd: Containerd, parent: str, snapshotter: str = "lacuna") -> Iterator[pathlib.Path]:
        """A new snapshot "writable", mounted."""
        root = self.folder / "writable"
        root.mkdir()
        prepare = ("snapshots", f"--snapshotter={snapshotter}", "prepare", "--mounts", "writable", parent)
        [mount] = json.loads(containerd.ctr(*prepare).stdout)
        programs.run(["mount", "-t", mount["Type"], "-o", ",".join(mount["Options"]), mount["Source"], root])
        yield root
        programs.run(["umount", root])
        root.rmdir()

    def snapshot_folders(self, daemon: Daemon) -> list[str]:
        return sorted(path.name for path in (daemon.root / "snapshots").iterdir())

    def snapshot_rows(self, daemon: Daemon) -> int:
        with contextlib.closing(sqlite3.connect(f"file:{daemon.root}/snapshots.db?mode=ro", uri=True)) as database:
            return database.execute("SELECT count(*) FROM snapshots").fetchone()[0]

    def assert_started_lazily(self, daemon: Daemon, image: OciImage) -> None:
        """Of all that was fetched since the wire's log began: little of the image."""
        fetched = self.wire.bytes_for(BLOBS)
        print(f"{fetched} bytes of {image.layers_size()}: {100 * fetched / image.layers_size():.1f} %")
        self.assertLess(fetched, 0.15 * image.layers_size())
        self.assertEqual(daemon.ctl("events").stdout.count("snapshot.unpacked"), 0)

    def assert_snapshots_go(self, daemon: Daemon) -> None:
        """With all that is theirs, in a moment."""
        wait_until("all snapshots to go", lambda: self.snapshot_rows(daemon) == 0 and self.snapshot_folders(daemon) == [])
        self.assertEqual(daemon.mounts(), {})

    def cached_files(self, daemon: Daemon) -> set[pathlib.Path]:
        return {path for path in (daemon.root / "objects").rglob("*") if path.is_file()}
