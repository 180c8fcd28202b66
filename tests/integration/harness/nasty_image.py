"""An image of everything that archives and layers can get wrong. Each part is a folder of its own at the top of the image, so that the
path of a difference names what is broken; what each is about is said in nasty_files, nasty_bodies and nasty_layers.

Not in it is what unpackers disagree about, or refuse: a hard link to what an earlier entry of its layer whites out, a whiteout in a
directory that nobody has, an xattr without a value.
"""
import dataclasses
import pathlib
import pickle
import shutil
from collections.abc import Iterator

from . import layer_codec, nasty_bodies, nasty_files, nasty_layers, nasty_part, oci_layout, oci_model, tar_writer, tree_compare
from .kept import kept
from .layer_codec import GZIP_1, GZIP_6, GZIP_9, MEMBERS, PLAIN, STORED, ZSTD, Codec
from .nasty_part import LEVELS, PARTS, Layers
from .oci_images import OciImage
from .oci_layout import Layer, OciLayout
from .tar_writer import TarWriter
from .tree_compare import Tree, scan

MODULES = (layer_codec, nasty_bodies, nasty_files, nasty_layers, nasty_part, oci_layout, oci_model, tar_writer, tree_compare)
SOURCES = [pathlib.Path(__file__), *(pathlib.Path(module.__file__) for module in MODULES)]
TAG = "nasty"
CODECS = [GZIP_6, PLAIN, GZIP_1, MEMBERS, GZIP_9, STORED]
ZSTD_LAYER = 3
EMPTY_LAYERS = (11, 23)  # of the large image
ENDINGS = [bytes(1024), b"", bytes(512), bytes(10240), bytes(1024) + b"what follows the end of an archive"]


@dataclasses.dataclass(frozen=True)
class NastySpec:
    large: bool = False  # 40 layers, 100,000 files, files of 5 GiB; else 8 layers, 40 MiB
    zstd: bool = True  # one layer is compressed with it
    for_umoci: bool = False  # without the parts that umoci cannot unpack, zstd, and what it would take too long for

    @property
    def count(self) -> int:
        return 5 * LEVELS if self.large else LEVELS


SMALL, LARGE = NastySpec(), NastySpec(large=True)
SMALL_FOR_UMOCI, LARGE_FOR_UMOCI = NastySpec(for_umoci=True), NastySpec(large=True, for_umoci=True)


@dataclasses.dataclass(frozen=True)
class NastyImage:
    image: OciImage
    expected: Tree


def nasty_image(spec: NastySpec = SMALL) -> NastyImage:
    """Kept, with what the model says that it comes to."""
    folder = kept("nasty", SOURCES, spec, lambda making: _make(making, spec))
    return NastyImage(OciImage(folder / "layout", TAG), pickle.loads((folder / "expected").read_bytes()))


def nasty_as_umoci_has_it(spec: NastySpec) -> Tree:
    """What umoci unpacks of it. Kept too: it takes its time for so many files."""
    def make(making: pathlib.Path) -> None:
        root = nasty_image(spec).image.unpack_with_umoci(making / "unpacked")
        (making / "found").write_bytes(pickle.dumps(scan(root)))
        shutil.rmtree(making / "unpacked")

    return pickle.loads((kept("nasty-umoci", SOURCES, spec, make) / "found").read_bytes())


def _make(folder: pathlib.Path, spec: NastySpec) -> None:
    layout = OciLayout(folder / "layout")
    layout.tag(layout.image(make_layers(spec)), TAG)
    (folder / "expected").write_bytes(pickle.dumps(OciImage(layout.folder, TAG).model()))


def make_layers(spec: NastySpec) -> Iterator[Layer]:
    """The same for the same spec."""
    empty = EMPTY_LAYERS if spec.large else ()
    writers = [TarWriter() for _ in range(spec.count)]
    layers = Layers([writer for number, writer in enumerate(writers) if number not in empty],
                    huge=spec.large and not spec.for_umoci)
    _describe_root(layers)
    for part in PARTS.values():
        if not (spec.for_umoci and part.umoci):
            part.make(layers, part.name)
    for number, writer in enumerate(writers):
        yield Layer(writer.finish(ENDINGS[number % len(ENDINGS)] if number not in empty else bytes(1024)), _codec(spec, number))


def _describe_root(layers: Layers) -> None:
    layers[0].directory(".", mode=0o751, uid=1)
    layers[2].directory(".", mode=0o755, mtime_ns=1_234_567_890_000_000_001, xattrs={"user.root": b"of the root"})


def _codec(spec: NastySpec, number: int) -> Codec:
    return ZSTD if number == ZSTD_LAYER and spec.zstd and not spec.for_umoci else CODECS[number % len(CODECS)]
