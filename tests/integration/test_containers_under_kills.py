"""lacunad's processes are killed while containers run and images are pulled."""
import hashlib
import io
import pathlib
import random
import tarfile
import threading
import time
from collections.abc import Callable

from harness.containerd import Containerd
from harness.containerd_case import SNAPSHOTTER, ContainerdTest
from harness.daemon import Daemon
from harness.debian_image import DEBIAN, debian_image
from harness.oci_images import OciImage, with_layer
from harness.process import wait_until
from harness.scale import fresh_seed, scaled
from harness.takeover_case import TakeoverTest
from harness.trees import TreeSpec

KILLS = 12
SECONDS_BETWEEN = (0.1, 1.0)
TREE = TreeSpec(seed=12, files=60, big_bytes=24 << 20, program=True)
OTHER = TreeSpec(seed=13, files=20, big_bytes=2 << 20)
RUNNING = "running"
CHECK = "sha256sum --quiet --check /data.sums"
FAILED = ": FAILED"
WRONG = f"{FAILED}\n"  # a file that could not be read is "FAILED open or read"


def image_of_tree(tree: pathlib.Path, folder: pathlib.Path, tag: str) -> OciImage:
    """Debian with the tree as /data, and /data.sums of its files."""
    names = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink() and str(path).isprintable())
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  /data/{path.relative_to(tree)}\n" for path in names)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(tree, "data")
        member = tarfile.TarInfo("data.sums")
        member.size = len(sums)
        tar.addfile(member, io.BytesIO(sums.encode()))
    return with_layer(debian_image(DEBIAN), folder, tag, out.getvalue())


class Killer:
    """Kills at random instants, in a thread of its own, until it has done so often enough."""

    def __init__(self, kill: Callable[[], None], source: random.Random):
        self.calm = threading.Lock()  # whoever has it is left alone
        self.kills = 0
        self._kill = kill
        self._random = source
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error: Exception | None = None
        self._thread.start()

    def _run(self) -> None:
        try:
            while self.kills < scaled(KILLS):
                time.sleep(self._random.uniform(*SECONDS_BETWEEN))
                with self.calm:
                    self._kill()
                self.kills += 1
        except Exception as error:
            self._error = error
        threading.Event().wait()  # for ever: what a thread has started is ended with it

    def at_work(self) -> bool:
        if self._error:
            raise self._error
        return self.kills < scaled(KILLS)


class KillsTest(ContainerdTest, TakeoverTest):
    fixtures = "debian"
    alone = True

    def setUp(self) -> None:
        super().setUp()
        self.seed = fresh_seed()
        self.output = self.folder / "container.log"

    def run_container(self) -> tuple[Daemon, Containerd]:
        """One of the tree's image runs, and reads it again and again; the other tree's image is in the registry."""
        trees = [self.images.get(spec).tree for spec in (TREE, OTHER)]
        images = [image_of_tree(tree, self.folder / "images", f"image-{number}") for number, tree in enumerate(trees)]
        daemon, containerd, [reference, _] = self.serve_containerd(*images, index=True)
        containerd.pull_lazily(reference)
        containerd.ctr("run", "--detach", f"--log-uri=file://{self.output}", SNAPSHOTTER, reference, RUNNING,
                       "sh", "-c", f"while {CHECK}; do :; done")
        return daemon, containerd

    def pull_under_kills(self, containerd: Containerd, kill: Callable[[], None]) -> str:
        """The other image, and runs it, again and again: what was said where that failed."""
        killer = Killer(kill, random.Random(self.seed))
        pulls, broken = 0, []
        while killer.at_work():
            try:
                self.pull_and_run(containerd)
            except AssertionError as error:
                broken.append(str(error))
                with killer.calm:
                    wait_until("containerd to find lacunad again", containerd.finds_lacuna)
                    self.pull_and_run(containerd)
            pulls += 1
        print(f"seed {self.seed}: {killer.kills} kills, {pulls} pulls, {len(broken)} of them broken")
        print("\n".join(sorted({error.splitlines()[-1] for error in broken})))
        return "\n".join(broken)

    def pull_and_run(self, containerd: Containerd) -> None:
        reference = self.reference("test:image-1")
        containerd.ctr("containers", "rm", "other", check=False)  # of a run that broke
        containerd.pull_lazily(reference)
        containerd.ctr("run", "--rm", SNAPSHOTTER, reference, "other", *CHECK.split())
        containerd.ctr("images", "rm", "--sync", reference)

    def finish(self, daemon: Daemon, containerd: Containerd) -> None:
        containerd.ctr("tasks", "kill", "--signal=KILL", RUNNING, check=False)
        containerd.remove_ended(RUNNING)
        containerd.ctr("images", "rm", "--sync", self.reference("test:image-0"))
        self.assert_snapshots_go(daemon)
        daemon.stop()

    def test_of_the_worker_no_container_notices(self) -> None:
        daemon, containerd = self.run_container()
        readers = self.start_steady(self.seed, self.images.get(TREE), containerd.root_of(RUNNING) / "data")
        said = self.pull_under_kills(containerd, lambda: daemon.wait_for_new_worker(daemon.kill_worker()))
        self.assert_served(self.finish_steady(readers))
        self.assertNotIn(FAILED, said)
        self.assertEqual(self.output.read_text(), "")
        self.assertIn("RUNNING", containerd.ctr("tasks", "ls").stdout)
        self.finish(daemon, containerd)

    def test_of_the_keeper_no_container_reads_a_wrong_byte(self) -> None:
        daemon, containerd = self.run_container()

        def kill() -> None:
            daemon.kill()
            daemon.start()
        said = self.pull_under_kills(containerd, kill)
        self.assertNotIn(WRONG, said + self.output.read_text())
        self.finish(daemon, containerd)
