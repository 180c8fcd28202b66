"""A kernel for tests: which source it is made from, with which options, and where it is kept once made."""
import hashlib
import os
import pathlib
import subprocess

ALWAYS = "6.12"  # built when it is missing; the others when somebody asks for them
ALL = (ALWAYS, "6.1")
CONFIG = pathlib.Path(__file__).parents[1] / "config"
CACHE = pathlib.Path(os.environ.get("LACUNA_CACHE", pathlib.Path.home() / ".cache" / "lacuna")) / "kernels"


class KernelError(Exception):
    """No kernel, and why."""


class Kernel:
    """Debian's kernel of one series, such as 6.12."""

    def __init__(self, series: str):
        self.series = series
        self.package = f"linux-source-{series}"
        self.tarball = pathlib.Path(f"/usr/src/{self.package}.tar.xz")

    def options(self) -> str:
        """The text of a Kconfig fragment: what this kernel has beyond allnoconfig."""
        return "".join((CONFIG / f"{name}.config").read_text() for name in ("common", self.series))

    def source_version(self) -> str:
        shown = subprocess.run(["dpkg-query", "--show", "--showformat=${Version}", self.package], capture_output=True, text=True)
        if shown.returncode != 0 or not self.tarball.exists():
            raise KernelError(f"needs the package {self.package}; try deploy/install-packages")
        return shown.stdout

    @property
    def path(self) -> pathlib.Path:
        """The finished kernel, named by everything it was made from. It may not be there yet."""
        made_from = hashlib.sha256(self.options().encode()).hexdigest()[:12]
        return CACHE / f"vmlinux-{self.source_version()}-{made_from}"

    def why_missing(self) -> str | None:
        try:
            if self.path.exists():
                return None
        except KernelError as error:
            return str(error)
        return f"kernel {self.series} is not built; try tests/kernel/build_kernel.py {self.series}"
