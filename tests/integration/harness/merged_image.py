"""An EROFS image that lacuna's own library makes of an OCI image's layers, mounted without a daemon. Root only."""
import ctypes
import os
import pathlib

from . import programs
from .oci_images import OciImage

MS_RDONLY = 1
LAYERS_TO_EROFS = programs.BUILD / "tests" / "layers_to_erofs"
CODECS = {"": "plain", "+gzip": "gzip", "+zstd": "zstd"}


def devices_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """In table order."""
    devices = sorted(folder.glob("device-*.blob"), key=lambda path: int(path.stem.partition("-")[2]))
    return [device for device in devices if device.stat().st_size]


def check_with_erofs_utils(folder: pathlib.Path) -> None:
    """That other people's programs accept the image that mount_merged made there."""
    devices = [f"--device={device}" for device in devices_in(folder)]
    # fsck.erofs needs some 5 KiB of stack for each level.
    programs.run(["sh", "-c", 'ulimit -s unlimited; exec fsck.erofs "$@"', "fsck.erofs", *devices, folder / "bootstrap.erofs"], seconds=120)
    programs.run(["dump.erofs", "-s", *devices, folder / "bootstrap.erofs"])


def mount_merged(image: OciImage, folder: pathlib.Path) -> pathlib.Path:
    """The mount point, in `folder`, which is made; it goes with the test's folder."""
    folder.mkdir()
    blobs = [part for layer in image.manifest()["layers"]
             for part in (CODECS[layer["mediaType"].rpartition("tar")[2]], image.layout.path(layer["digest"]))]
    programs.run([LAYERS_TO_EROFS, folder, *blobs], seconds=120)
    point = folder / "root"
    point.mkdir()
    # mount(8) would put a loop device below the bootstrap, and EROFS wants all devices to be of one kind. Short names, because
    # mount(2) takes a page of options.
    options = ",".join(f"device={device}" for device in devices_in(folder))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(os.fsencode(folder / "bootstrap.erofs"), os.fsencode(point), b"erofs", MS_RDONLY, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mount of {folder}: {os.strerror(ctypes.get_errno())}")
    return point
