"""Debian's containerd with folders of its own: what lacuna is compared with."""
import pathlib
import subprocess

from . import programs
from .process import Process, wait_until


class Containerd:
    def __init__(self, folder: pathlib.Path):
        """Starts it."""
        folder.mkdir(parents=True)
        self._socket = folder / "containerd.sock"
        config = folder / "config.toml"
        config.write_text(f"""version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{self._socket}"
[ttrpc]
address = "{self._socket}.ttrpc"
""")
        self._process = Process(["containerd", "--config", str(config)], folder / "containerd.log")
        try:
            wait_until("containerd to answer", self._answers, seconds=20)
        except TimeoutError:
            self.stop()
            raise RuntimeError(f"containerd does not start:\n{self._process.log()}") from None

    def _answers(self) -> bool:
        return self._socket.exists() and programs.run(["ctr", "-a", self._socket, "version"], check=False).returncode == 0

    def ctr(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return programs.run(["ctr", "-a", self._socket, *arguments], seconds=600)

    def stop(self) -> None:
        self._process.end()
