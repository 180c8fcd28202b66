"""Debian's containerd with folders of its own: what lacuna is compared with."""
import pathlib
import subprocess

from . import programs
from .process import Process, wait_until

PROXY_PLUGIN = """
[proxy_plugins.lacuna]
type = "snapshot"
address = "{}"
"""
# What a Kubernetes node needs (deploy/README.md), where nobody may be made less likely to be killed than this process is.
CRI_PLUGIN = """
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
stream_server_port = "0"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{folder}/cni"
conf_dir = "{folder}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "lacuna"
disable_snapshot_annotations = {unlabeled}
"""


class Containerd:
    def __init__(self, folder: pathlib.Path, snapshotter: pathlib.Path | None = None, pause: str = "",
                 labels: bool = True):
        """Starts it; what listens at `snapshotter` it knows as "lacuna". With the image `pause` for pods it serves Kubernetes, by it;
        `labels`: which image a layer is of is said in labels then."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.socket = folder / "containerd.sock"
        config = folder / "config.toml"
        config.write_text(f"""version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = [{'' if pause else '"io.containerd.grpc.v1.cri"'}]
[grpc]
address = "{self.socket}"
[ttrpc]
address = "{self.socket}.ttrpc"
""" + (PROXY_PLUGIN.format(snapshotter) if snapshotter else "") + (CRI_PLUGIN.format(pause=pause, folder=folder, unlabeled=str(not labels).lower()) if pause else ""))
        self._command = ["containerd", "--config", str(config)]
        self._log = folder / "containerd.log"
        self._start()

    def _start(self) -> None:
        self._process = Process(self._command, self._log)
        try:
            wait_until("containerd to answer", self._answers, seconds=20)
        except TimeoutError:
            self.stop()
            raise RuntimeError(f"containerd does not start:\n{self._process.log()}") from None

    def _answers(self) -> bool:
        return self.socket.exists() and programs.run(["ctr", "-a", self.socket, "version"], check=False).returncode == 0

    def ctr(self, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        return programs.run(["ctr", "-a", self.socket, *arguments], check, seconds=600)

    def root_of(self, container: str) -> pathlib.Path:
        """Of one that runs: what it sees as /."""
        return self._folder / "state/io.containerd.runtime.v2.task/default" / container / "rootfs"

    def pull_lazily(self, reference: str) -> None:
        programs.run(["ctr-remote", "-a", self.socket, "images", "rpull", "--snapshotter=lacuna", "--plain-http", reference], seconds=600)

    def collect_garbage(self) -> None:
        """Has it remove what nothing refers to any more, which it does when it likes."""
        self.ctr("leases", "create", "--id=collect")
        self.ctr("leases", "rm", "--sync", "collect")

    def finds_lacuna(self) -> bool:
        """It looks for a snapshotter that has been away every few seconds."""
        return self.ctr("snapshots", "--snapshotter=lacuna", "ls", check=False).returncode == 0

    def remove_ended(self, container: str) -> None:
        """Of the only one there is: waits until it has ended."""
        wait_until("the container to end", lambda: "STOPPED" in self.ctr("tasks", "ls").stdout)
        self.ctr("tasks", "rm", container)
        self.ctr("containers", "rm", container)

    def restart(self) -> None:
        """Its containers run on: each has a process beside it that is not a child of containerd."""
        self.stop()
        self._start()

    def stop(self) -> None:
        self._process.end()

    def clean_up(self) -> None:
        """Ends it, and what still runs in it."""
        for namespace in ("default", "k8s.io") if self._process.running() else ():
            for task in self.ctr(f"--namespace={namespace}", "tasks", "ls", "--quiet", check=False).stdout.split():
                self.ctr(f"--namespace={namespace}", "tasks", "rm", "--force", task, check=False)
        self.stop()
