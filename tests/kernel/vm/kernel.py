"""A kernel for tests: which source it is made from, with which options, and where it is kept once made."""
import hashlib
import os
import pathlib
import re
import subprocess

ALL = ("6.12", "6.1")
CONFIG = pathlib.Path(__file__).resolve().parents[1] / "config"
LACUNA_CACHE = pathlib.Path(os.environ.get("LACUNA_CACHE", pathlib.Path.home() / ".cache" / "lacuna"))
KERNELS = LACUNA_CACHE / "kernels"


class KernelError(Exception):
    """No kernel, and why."""


class Kernel:
    """Debian's kernel of one series, such as 6.12."""

    def __init__(self, series: str):
        if series not in ALL:
            raise KernelError(f"no test kernel {series}; there are {', '.join(ALL)}")
        self.series = series
        self.package = f"linux-source-{series}"
        self.tarball = pathlib.Path(f"/usr/src/{self.package}.tar.xz")

    def options(self) -> list[str]:
        """The lines of a Kconfig fragment: what this kernel has, or has not, unlike allnoconfig."""
        text = "".join((CONFIG / f"{name}.config").read_text() for name in ("common", self.series))
        return re.findall(r"^CONFIG_\w+=.+$|^# CONFIG_\w+ is not set$", text, re.MULTILINE)

    def source_version(self) -> str:
        shown = subprocess.run(["dpkg-query", "--show", "--showformat=${Version}", self.package], capture_output=True, text=True)
        if shown.returncode != 0 or not self.tarball.exists():
            raise KernelError(f"needs the package {self.package}; try deploy/install-packages")
        return shown.stdout

    @property
    def path(self) -> pathlib.Path:
        """The finished kernel, named by what it was made from. It may not be there yet."""
        options = hashlib.sha256("\n".join(sorted(self.options())).encode()).hexdigest()[:12]
        return KERNELS / f"vmlinux-{self.source_version()}-{options}"

    def why_missing(self) -> str | None:
        try:
            return None if self.path.exists() else f"kernel {self.series} is not built; try tests/kernel/build_kernel.py {self.series}"
        except KernelError as error:
            return str(error)
