"""EROFS images made by Debian's mkfs.erofs, as bootstrap and device, kept by what they were made from."""
import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from .trees import TreeSpec, make_tree


@dataclasses.dataclass(frozen=True)
class Image:
    folder: pathlib.Path

    @property
    def tree(self) -> pathlib.Path:
        return self.folder / "tree"

    @property
    def bootstrap(self) -> pathlib.Path:
        return self.folder / "bootstrap.erofs"

    @property
    def device(self) -> pathlib.Path:
        return self.folder / "device.blob"

    @property
    def size(self) -> int:
        return self.bootstrap.stat().st_size + self.device.stat().st_size


def make_image(folder: pathlib.Path, chunk_bytes: int = 65536) -> None:
    """Turns `folder`/tree into `folder`/bootstrap.erofs and `folder`/device.blob."""
    image = Image(folder)
    subprocess.run(["mkfs.erofs", "--quiet", f"--blobdev={image.device}", f"--chunksize={chunk_bytes}",
                    "-U", "00000000-0000-4000-8000-000000000000", str(image.bootstrap), str(image.tree)],
                   check=True, capture_output=True)


class ImageCache:
    """Makes each image once. Safe for processes that make the same one at the same time: one of them wins."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        own_sources = [pathlib.Path(__file__), pathlib.Path(__file__).with_name("trees.py")]
        self._version = b"".join(source.read_bytes() for source in own_sources)

    def get(self, spec: TreeSpec = TreeSpec(), chunk_bytes: int = 65536) -> Image:
        key = hashlib.sha256(self._version + repr((spec, chunk_bytes)).encode()).hexdigest()[:16]
        final = self._folder / key
        if not final.exists():
            making = pathlib.Path(tempfile.mkdtemp(prefix="making-", dir=self._folder))
            try:
                make_tree(making / "tree", spec)
                make_image(making, chunk_bytes)
                os.rename(making, final)
            except OSError:
                if not final.exists():
                    raise
            finally:
                shutil.rmtree(making, ignore_errors=True)
        return Image(final)
