"""Debian 12 as an OCI image, and programs of it in further layers: made with debootstrap, apt and umoci from the package sources of
this machine, and kept in LACUNA_CACHE. Layers are real differences, with whiteouts. Needs root, and those sources.
"""
import dataclasses
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile
import unittest

from .kept import kept
from .oci_images import OciImage

STAGE = pathlib.Path(__file__).with_name("debian_stage.sh")
SUITE = "bookworm"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# An apt that copies finds packages of a `file` source where dpkg in a chroot finds them too.
SOURCE_LINE = f"deb [signed-by={KEYRING}] $(REPO_URI) $(RELEASE) $(COMPONENT)"
MAKE_SECONDS = 600


@dataclasses.dataclass(frozen=True)
class Stage:
    tag: str
    packages: tuple[str, ...] = ()
    below: "Stage | None" = None


DEBIAN = Stage("debian")
NODE = Stage("node", ("nodejs",), DEBIAN)
GCC = Stage("gcc", ("gcc", "libc6-dev"), NODE)


class NoMirror(unittest.SkipTest):
    """This machine has no Debian packages to make images of: the test is skipped, and says so."""


def debian_image(stage: Stage = DEBIAN) -> OciImage:
    """NoMirror where packages cannot be had and the image was not made before."""
    folder = kept(f"debian-{stage.tag}", [STAGE], (stage, SUITE), lambda making: _make(making / "layout", stage))
    return OciImage(folder / "layout", stage.tag)


def _make(layout: pathlib.Path, stage: Stage) -> None:
    if stage.below:
        shutil.copytree(debian_image(stage.below).folder, layout, copy_function=_copy)
    lines = _source_lines()
    suffix = f" {SUITE} main"
    mirrors = [line.split()[2] for line in lines if line.endswith(suffix)]
    if not mirrors:
        raise NoMirror(f"apt has no source of {SUITE} main")
    with tempfile.NamedTemporaryFile("w", suffix=".list") as sources:
        sources.write("".join(line.replace(" file:", " copy:") + "\n" for line in lines))
        sources.flush()
        _run_stage(layout, stage, sources.name, mirrors[0])


def _copy(source: str, target: str) -> None:
    """Blobs never change; the list of tags does."""
    if os.path.basename(os.path.dirname(source)) == "sha256":
        os.link(source, target)
    else:
        shutil.copy(source, target)


def _run_stage(layout: pathlib.Path, stage: Stage, sources: str, mirror: str) -> None:
    below = stage.below.tag if stage.below else ""
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", STAGE, layout, below, stage.tag, sources, mirror, SUITE,
         *stage.packages], capture_output=True, text=True, timeout=MAKE_SECONDS, env=os.environ | _proxies())
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-3000:]
        if not _answers(mirror):
            raise NoMirror(f"the mirror of apt's sources does not answer: {said[-300:]}")
        raise AssertionError(f"the image {stage.tag} cannot be made:\n{said}")


def _source_lines() -> list[str]:
    """apt's own sources, each in one line, in the order that it has them."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", SOURCE_LINE, "Created-By: Packages"],
                            capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in dict.fromkeys(listed) if SUITE in line.split()[3]]


def _proxies() -> dict[str, str]:
    """apt's, for debootstrap, which downloads by itself."""
    listed = subprocess.run(["apt-config", "shell", "http_proxy", "Acquire::http::Proxy", "https_proxy", "Acquire::https::Proxy"],
                            capture_output=True, text=True, check=True).stdout
    return dict(word.split("=", 1) for word in shlex.split(listed))


def _answers(mirror: str) -> bool:
    """Whether it has the suite. `apt-get update` knows how to ask, but would change this machine's lists."""
    return subprocess.run(["/usr/lib/apt/apt-helper", "download-file", f"{mirror.rstrip('/')}/dists/{SUITE}/Release", "/dev/null"],
                          capture_output=True, timeout=120).returncode == 0
