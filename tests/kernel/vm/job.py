"""What a test machine is to do. Written as JSON for guest_init.py, which sees the host's files."""
import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("LACUNA_BUILD_DIR", SOURCE / "build" / "release")).resolve()
PASSED_ON = ("LACUNA_TEST_SCALE", "LACUNA_TEST_SEED")


@dataclasses.dataclass(frozen=True)
class Job:
    command: list[str]
    seconds: int  # then the kernel's blocked tasks are shown, and the machine ends
    directory: str = str(SOURCE)
    more_environment: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        own = {"PATH": os.defpath + ":/usr/sbin:/sbin", "LANG": "C.UTF-8", "HOME": "/tmp", "TMPDIR": "/tmp",
               "LACUNA_BUILD_DIR": str(BUILD), "LACUNA_TEST_IMAGES": "/tmp/images", "PYTHONDONTWRITEBYTECODE": "1"}
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return own | passed_on | dict(self.more_environment)

    def write(self, folder: pathlib.Path) -> None:
        content = {"command": self.command, "seconds": self.seconds, "directory": self.directory,
                   "environment": self.environment(), "keep": [str(SOURCE), str(BUILD)]}
        (folder / "job.json").write_text(json.dumps(content))
