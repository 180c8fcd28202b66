"""The base of tests of lacunad as a service of a real systemd: the unit as it is shipped, with other paths."""
import os
import pathlib
import subprocess

from . import programs, systemd
from .daemon import Daemon
from .images import Image
from .load_case import BIG, LoadTest
from .process import wait_until
from .trees import TreeSpec

UNIT = pathlib.Path(__file__).parents[3] / "deploy/systemd/lacunad.service"
DROP_IN = """[Service]
ExecStart=
ExecStart={lacunad} --log-level debug {options}
ExecReload=
ExecReload={lacunactl} upgrade
Environment=DOCKER_CONFIG={docker_config} PATH={path}
StandardOutput=append:{log}
StandardError=append:{log}
"""


class Service(Daemon):
    """lacunad in that systemd. Directories are the host's, without what is mounted there: `inside` leads there."""

    def __init__(self, folder: pathlib.Path, drop_in: str, programs_folder: pathlib.Path = programs.BUILD, options: str = "",
                 path: str = os.environ["PATH"]):
        super().__init__(folder)
        self.log_path = folder / "lacunad.log"
        text = DROP_IN.format(lacunad=programs_folder / "lacunad", lacunactl=programs_folder / "lacunactl", options=options,
                              docker_config=os.environ["DOCKER_CONFIG"], path=path, log=self.log_path)
        self.systemd = systemd.Systemd(folder / "systemd", {"lacunad.service": UNIT.read_text(),
                                                            "lacunad.service.d/test.conf": text + drop_in})
        self.run = self.inside("/run/lacuna")

    def start(self, *more: str) -> "Service":
        self.systemctl("start")
        return self

    def systemctl(self, verb: str, *more: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.systemd.systemctl(verb, *more, "lacunad.service", check=check)

    def show(self, name: str) -> str:
        return self.systemd.show("lacunad.service", name)

    def inside(self, path: pathlib.Path | str) -> pathlib.Path:
        return self.systemd.inside(path)

    def keeper_pid(self) -> int:
        """As the host has it."""
        return self.systemd.host_pid(int(self.show("MainPID")))

    def await_restart(self, restarts: int = 1) -> None:
        """Until it runs again after it was killed, in all so many times."""
        wait_until("systemd to restart it", lambda: int(self.show("NRestarts")) >= restarts and self.show("SubState") == "running",
                   seconds=30, every=0.1)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def clean_up(self) -> None:
        self.systemd.end()


class ServiceTest(LoadTest):
    def setUp(self) -> None:
        if reason := systemd.why_not_here():
            self.skipTest(reason)
        super().setUp()

    def new_service(self, drop_in: str = "", **options: object) -> Service:
        service = Service(self.folder / "service", drop_in, **options)
        self.addCleanup(self._end, service)
        return service

    def serve_as_service(self, drop_in: str = "", spec: TreeSpec = BIG, **options: object) -> tuple[Service, Image, pathlib.Path]:
        """One that runs, an image, and its mount as it is seen from here."""
        self.start_registry()
        image = self.images.get(spec)
        service = self.new_service(drop_in, **options).start()
        return service, image, service.inside(service.mount(self.push(image), self.mount_point()))

    def _end(self, service: Service) -> None:
        service.clean_up()
        if self._failed():
            print(f"---- lacunad\n{service.log()[-20000:]}")
            print(f"---- systemd\n{(self.folder / 'service/systemd/systemd.log').read_text(errors='replace')[-6000:]}")
