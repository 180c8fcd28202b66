"""What a test machine is to do. Written as a Python module for guest_init.py, which sees the host's files: json starts slower."""
import dataclasses
import os
import pathlib
from collections.abc import Mapping

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("LACUNA_BUILD_DIR", SOURCE / "build" / "release")).resolve()
PYTHON = "/usr/bin/python3"  # Debian's, which is optimized, whatever CMake found
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PASSED_ON = ("LACUNA_TEST_SCALE", "LACUNA_TEST_SEED")


@dataclasses.dataclass(frozen=True)
class Job:
    command: list[str]
    seconds: int  # then the kernel's blocked tasks are shown, and the machine ends
    more_environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    needs: tuple[pathlib.Path, ...] = ()  # folders of the host that it reads, besides sources and programs

    def environment(self) -> dict[str, str]:
        """The same on every host, but for what is passed on. The guest can write to nothing but its disk, which is /tmp."""
        own = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/tmp", "TMPDIR": "/tmp", "PYTHONDONTWRITEBYTECODE": "1",
               "LACUNA_BUILD_DIR": str(BUILD), "LACUNA_TEST_IMAGES": "/tmp/images"}
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return own | passed_on | dict(self.more_environment)

    def write(self, folder: pathlib.Path) -> None:
        content = {"command": self.command, "seconds": self.seconds, "environment": self.environment(),
                   "directory": str(SOURCE), "keep": [str(path) for path in (SOURCE, BUILD, *self.needs)]}
        (folder / "job.py").write_text("".join(f"{name} = {value!r}\n" for name, value in content.items()))
