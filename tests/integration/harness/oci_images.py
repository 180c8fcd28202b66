"""Images in OCI layouts, as tests use them: what they hold by two oracles, and how they come into a registry."""
import dataclasses
import gzip
import pathlib
import subprocess
from collections.abc import Iterator

from . import programs
from .oci_layout import LAYER, MANIFEST, OciLayout, digest_of
from .oci_model import OciModel
from .tree_compare import Tree

GZIP_LAYER = f"{LAYER}+gzip"


@dataclasses.dataclass(frozen=True)
class OciImage:
    folder: pathlib.Path  # of the layout
    tag: str

    @property
    def name(self) -> str:
        """As skopeo and lacuna-image call it."""
        return f"oci:{self.folder}:{self.tag}"

    @property
    def layout(self) -> OciLayout:
        return OciLayout(self.folder)

    def manifest(self) -> dict:
        return self.layout.read(self.layout.tagged(self.tag)["digest"])

    def config(self) -> dict:
        return self.layout.read(self.manifest()["config"]["digest"])

    def layer_digests(self) -> list[str]:
        return [layer["digest"] for layer in self.manifest()["layers"]]

    def chain_id(self) -> str:
        """Names what all layers together hold (OCI image-spec, config.md, "Layer ChainID")."""
        chain, *diff_ids = self.config()["rootfs"]["diff_ids"]
        for diff_id in diff_ids:
            chain = digest_of(f"{chain} {diff_id}".encode())
        return chain

    def layers_size(self) -> int:
        """Bytes of the blobs."""
        return sum(layer["size"] for layer in self.manifest()["layers"])

    def tars(self) -> Iterator[bytes]:
        """The layers, unpacked, from below; each is what its diffID says."""
        for layer, diff_id in zip(self.manifest()["layers"], self.config()["rootfs"]["diff_ids"], strict=True):
            tar = _unpacked(self.layout.path(layer["digest"]).read_bytes(), layer["mediaType"])
            if digest_of(tar) != diff_id:
                raise AssertionError(f"a layer of {self.name} is not what its diffID says")
            yield tar

    def model(self) -> Tree:
        """What a mount of it has to show."""
        model = OciModel()
        for tar in self.tars():
            model.apply(tar)
        return model.tree()

    def unpack_with_umoci(self, folder: pathlib.Path) -> pathlib.Path:
        """What another unpacker makes of it, in `folder`, which is made."""
        programs.run(["umoci", "raw", "unpack", "--image", f"{self.folder}:{self.tag}", folder], seconds=600)
        return folder

    def push(self, registry: str, repository: str, tag: str = "") -> None:
        """With skopeo, to a registry that speaks plain HTTP, under its own tag if no other is said; every blob as it is here."""
        programs.run(["skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false", self.name,
                      f"docker://{registry}/{repository}:{tag or self.tag}"], seconds=120)


def with_layer(below: OciImage, folder: pathlib.Path, tag: str, tar: bytes) -> OciImage:
    """An image of one more layer, in a layout at `folder`, which is made or has others."""
    layout = OciLayout(folder)
    manifest, config = below.manifest(), below.config()
    for layer in manifest["layers"]:
        if not layout.path(layer["digest"]).exists():
            layout.path(layer["digest"]).hardlink_to(below.layout.path(layer["digest"]))
    config["rootfs"]["diff_ids"].append(digest_of(tar))
    config.pop("history", None)  # it would have to name the layer
    manifest["layers"].append(layout.blob(gzip.compress(tar, mtime=0), GZIP_LAYER))
    manifest["config"] = layout.document(config, manifest["config"]["mediaType"])
    layout.tag(layout.document(manifest, MANIFEST), tag)
    return OciImage(folder, tag)


def _unpacked(blob: bytes, media_type: str) -> bytes:
    if media_type.endswith("+gzip"):
        return gzip.decompress(blob)
    if media_type.endswith("+zstd"):
        return subprocess.run(["zstd", "-dqc"], input=blob, capture_output=True, check=True).stdout
    return blob
