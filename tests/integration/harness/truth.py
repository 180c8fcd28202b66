"""The bytes that objects ought to have, and what cache_folder_check finds when it opens a cache folder as a successor would."""
import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Iterable

from . import programs
from .oci_layout import digest_of


@dataclasses.dataclass
class Findings:
    finished: int = 0  # objects
    partial: int = 0
    empty: int = 0
    chunks: int = 0  # that were compared
    wrong: list[str] = dataclasses.field(default_factory=list)

    def add(self, other: "Findings") -> None:
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def object_name(blob: pathlib.Path) -> str:
    """What the file of this blob's object is called in a cache folder."""
    return "v1-" + digest_of(blob.read_bytes()).replace(":", "-")


class Truth:
    def __init__(self, folder: pathlib.Path, blobs: Iterable[pathlib.Path]):
        self._folder = folder
        folder.mkdir()
        for blob in blobs:
            shutil.copy(blob, folder / object_name(blob).rpartition("-")[2])

    def check(self, root: pathlib.Path) -> Findings:
        """Opens the objects below `root`, which starts over what is damaged. No daemon may run there."""
        done = programs.run([programs.CACHE_FOLDER_CHECK, root, self._folder], env={"PATH": os.environ["PATH"]})
        return Findings(**json.loads(done.stdout))
