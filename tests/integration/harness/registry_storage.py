"""Puts images where docker-registry keeps what was pushed (its filesystem driver, version 2): for hundreds of blobs, whose pushing
takes minutes in a machine without KVM. Before the registry starts, with its folder as `storage`.
"""
import json
import pathlib
from collections.abc import Sequence

from .oci_layout import CONFIG, EROFS_BOOTSTRAP, EROFS_DEVICE, MANIFEST, Descriptor, digest_of


def store_image(storage: pathlib.Path, repository: str, tag: str, bootstrap: bytes, devices: Sequence[bytes]) -> None:
    """What `lacuna-image push` makes of the same files."""
    blobs = [(EROFS_BOOTSTRAP, bootstrap), *((EROFS_DEVICE, device) for device in devices)]
    config = {"architecture": "amd64", "os": "linux", "config": {},
              "rootfs": {"type": "layers", "diff_ids": [digest_of(content) for _, content in blobs]}}
    root = storage / "docker/registry/v2"
    folder = root / "repositories" / repository
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": _layer(root, folder, CONFIG, json.dumps(config).encode()),
                "layers": [_layer(root, folder, kind, content) for kind, content in blobs]}
    digest = _blob(root, json.dumps(manifest).encode())
    _link(folder / "_manifests/revisions", digest)
    _link(folder / f"_manifests/tags/{tag}/index", digest)
    (folder / f"_manifests/tags/{tag}/current").mkdir()
    (folder / f"_manifests/tags/{tag}/current/link").write_text(digest)


def _layer(root: pathlib.Path, folder: pathlib.Path, media_type: str, content: bytes) -> Descriptor:
    digest = _blob(root, content)
    _link(folder / "_layers", digest)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _blob(root: pathlib.Path, content: bytes) -> str:
    digest = digest_of(content)
    name = digest.removeprefix("sha256:")
    file = root / "blobs/sha256" / name[:2] / name / "data"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return digest


def _link(folder: pathlib.Path, digest: str) -> None:
    link = folder / digest.replace(":", "/") / "link"
    link.parent.mkdir(parents=True)
    link.write_text(digest)
