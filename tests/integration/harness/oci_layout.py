"""OCI image layouts made by hand: images of tar layers, indexes of them, artifacts about them (image-spec image-layout.md)."""
import dataclasses
import hashlib
import io
import json
import pathlib
import random
import tarfile
from collections.abc import Iterable, Sequence

from .layer_codec import PLAIN, Codec

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
EROFS_BOOTSTRAP = "application/vnd.erofs.layer.v1"
EROFS_DEVICE = "application/vnd.lacuna.erofs.device.v1"
EMPTY = "application/vnd.oci.empty.v1+json"
REF_NAME = "org.opencontainers.image.ref.name"

Descriptor = dict[str, object]


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def tar_layer(size: int, seed: int = 1) -> bytes:
    """A tar of one file of so many random bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo(f"file-{seed}")
        member.size = size
        tar.addfile(member, io.BytesIO(random.Random(seed).randbytes(size)))
    return out.getvalue()


@dataclasses.dataclass(frozen=True)
class Layer:
    tar: bytes
    codec: Codec = PLAIN


class OciLayout:
    def __init__(self, folder: pathlib.Path):
        """Makes one, or opens the one that is there."""
        self.folder = folder
        if not (folder / "oci-layout").exists():
            (folder / "blobs/sha256").mkdir(parents=True)
            (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
            self._write_index({"schemaVersion": 2, "manifests": []})

    def name(self, tag: str = "") -> str:
        return f"oci:{self.folder}" + (f":{tag}" if tag else "")

    def path(self, digest: str) -> pathlib.Path:
        return self.folder / "blobs/sha256" / digest.removeprefix("sha256:")

    def blob(self, content: bytes, media_type: str, **fields: object) -> Descriptor:
        digest = digest_of(content)
        self.path(digest).write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content), **fields}

    def document(self, value: object, media_type: str, **fields: object) -> Descriptor:
        # Indented, as nobody else writes it: whoever parses and prints it again changes its digest.
        return self.blob(json.dumps(value, indent=3).encode(), media_type, **fields)

    def image(self, layers: Iterable[bytes | Layer], architecture: str = "amd64", runs: Sequence[str] = ()) -> Descriptor:
        """Of plain tars, or of layers packed as they say. `runs`: what a container of it runs."""
        diff_ids, blobs = [], []
        for layer in layers:
            layer = layer if isinstance(layer, Layer) else Layer(layer)
            diff_ids.append(digest_of(layer.tar))
            blobs.append(self.blob(layer.codec.pack(layer.tar), LAYER + layer.codec.suffix))
        config = {"architecture": architecture, "os": "linux", "config": {"Entrypoint": list(runs)} if runs else {},
                  "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.document(config, CONFIG), "layers": blobs}
        return self.document(manifest, MANIFEST, platform={"os": "linux", "architecture": architecture})

    def index(self, manifests: list[Descriptor]) -> Descriptor:
        return self.document({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, INDEX)

    def artifact(self, subject: Descriptor, artifact_type: str, note: str) -> Descriptor:
        """A manifest that says something about another one."""
        empty = self.blob(b"{}", EMPTY)
        plain = {key: subject[key] for key in ("mediaType", "digest", "size")}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type, "config": empty,
                    "layers": [empty], "subject": plain, "annotations": {"note": note}}
        return self.document(manifest, MANIFEST)

    def tag(self, descriptor: Descriptor, tag: str) -> None:
        index = self.read_index()
        index["manifests"].append({**descriptor, "annotations": {REF_NAME: tag}})
        self._write_index(index)

    def read(self, digest: str) -> dict:
        """A document that is there."""
        return json.loads(self.path(digest).read_bytes())

    def read_index(self) -> dict:
        return json.loads((self.folder / "index.json").read_text())

    def tagged(self, tag: str) -> Descriptor:
        [found] = [entry for entry in self.read_index()["manifests"] if entry.get("annotations", {}).get(REF_NAME) == tag]
        return found

    def wrong_blobs(self) -> list[str]:
        """The files among the blobs that are not what they are called."""
        return [file.name for file in (self.folder / "blobs/sha256").iterdir()
                if digest_of(file.read_bytes()) != f"sha256:{file.name}"]

    def _write_index(self, index: dict) -> None:
        (self.folder / "index.json").write_text(json.dumps(index))
