"""Parts of the nasty image: names, types, attributes of single files."""
import struct

from .nasty_part import Layers, part, random_bytes
from .tar_writer import MTIME, SECOND, Type

CAP_NET_RAW = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)  # struct vfs_cap_data, effective
ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in (  # tag, permissions, id
    (0x01, 6, 0xFFFFFFFF), (0x02, 7, 1000), (0x04, 4, 0xFFFFFFFF), (0x10, 7, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)))
LONGEST_NAME = 255
LONG_PATH = 4000  # of the 4,095 that a system call takes; the rest is for where the image is mounted
LONGEST_TARGET = 4095


@part()
def long_names(layers: Layers, top: str) -> None:
    for length in (99, 100, 101, 154, 155, 156, 200, LONGEST_NAME):
        for gnu in (False, True):
            layers[0].file(f"{top}/{f'{gnu}-{length}-':x<{length}}", b"by name", gnu=gnu)
            layers[0].directory(f"{top}/{f'{gnu}-folder-{length}-':x<{length}}", gnu=gnu)
            layers[0].file(f"{top}/{f'{gnu}-folder-{length}-':x<{length}}/{'y' * min(length, 100)}", b"within", gnu=gnu)
            layers[0].symlink(f"{top}/{f'{gnu}-link-{length}-':x<{length}}", f"{f'{gnu}-{length}-':x<{length}}", gnu=gnu)


@part()
def long_paths(layers: Layers, top: str) -> None:
    for gnu in (False, True):
        path = f"{top}/{gnu}"
        while len(path) < LONG_PATH - LONGEST_NAME - 2:
            path += "/" + f"{len(path):x<{LONGEST_NAME}}"
        path += "/" + "z" * (LONG_PATH - len(path) - 1)
        layers[0].file(path, path.encode(), gnu=gnu)
        layers[1].hard_link(f"{top}/{gnu}-linked", path, gnu=gnu)
    layers[0].file(f"{top}/" + "d/" * 900 + "bottom", b"deep")


@part()
def odd_names(layers: Layers, top: str) -> None:
    layers[0].directory(top)
    names = [b"-rf", b"--", b" ", b" leading", b"trailing ", b"new\nline", b"tab\there", b"back\\slash", b"quote'\"s", b"*", b"~", b"...",
             b"..x", b".wh", b".whx", b".hidden", "Ünïcode-日本".encode(), b"e\xcc\x81 and \xc3\xa9", b"latin-\xe9\xff", b"cut-\xc3", b"%s%n",
             b"aux:con", bytes(range(1, 32)) + b"\x7f", bytes(range(128, 256)), b"=", b"12 path=x"]
    for name in names:
        layers[0].file(top.encode() + b"/" + name, name)
        layers[0].file(top.encode() + b"/by-record-" + name, name, pax=[("path", top.encode() + b"/by-record-" + name)])
        layers[1].symlink(top.encode() + b"/link-" + name, name)


@part()
def odd_paths(layers: Layers, top: str) -> None:
    """A path means what it says as text; nothing is above the root."""
    for number, path in enumerate(("./{}/f", "/{}/f", "{}//f", "{}/./f", "{}/x/../f", "../../{}/f", "{}/no/such/../../f", "//./{}/f")):
        layers[0].file(path.format(top) + str(number), path.encode())
        layers[0].directory(path.format(top) + f"older-{number}")
        layers[1].hard_link(f"{top}/linked-{number}", path.format(top) + str(number))


@part()
def types(layers: Layers, top: str) -> None:
    layer = layers[0]
    layer.directory(top, mode=0o700)
    layer.fifo(f"{top}/fifo", mode=0o600, uid=3)
    for major, minor in ((1, 3), (0, 1), (255, 255), (256, 256), (4095, (1 << 20) - 1)):
        layer.device(f"{top}/character-{major}-{minor}", Type.CHARACTER, major, minor, mode=0o666)
        layer.device(f"{top}/block-{major}-{minor}", Type.BLOCK_DEVICE, major, minor, gid=6)
    layer.file(f"{top}/old-style", b"of before there were types", Type.OLD_FILE)
    layer.file(f"{top}/old-style-folder/", b"", Type.OLD_FILE, mode=0o711)


@part(umoci="does not know the type")
def contiguous_files(layers: Layers, top: str) -> None:
    layers[0].file(f"{top}/file", random_bytes(top, 5000), Type.CONTIGUOUS)


@part(umoci="makes them")
def whiteout_devices(layers: Layers, top: str) -> None:
    """Overlayfs would take them for whiteouts: they are not there, and hide nothing."""
    layers[0].file(f"{top}/below", b"still there")
    layers[1].device(f"{top}/below", Type.CHARACTER, 0, 0)
    layers[1].device(f"{top}/device", Type.CHARACTER, 0, 0)


@part()
def modes(layers: Layers, top: str) -> None:
    for mode in (0, 0o1, 0o644, 0o755, 0o777, 0o1777, 0o2755, 0o4755, 0o6111, 0o7777):
        layers[0].file(f"{top}/file-{mode:o}", b"#!/bin/sh\n", mode=mode, uid=12, gid=13)
        layers[0].directory(f"{top}/folder-{mode:o}", mode=mode, uid=12, gid=13)
        layers[0].file(f"{top}/folder-{mode:o}/within", b"")
    layers[0].fifo(f"{top}/fifo", mode=0o7777)


@part()
def owners(layers: Layers, top: str) -> None:
    for number in (0, 1, 0o7777777, 0o10000000, 65534, 65535, 65536, 1 << 31, (1 << 32) - 2):
        for gnu in (False, True):
            layers[0].file(f"{top}/{gnu}-{number}", b"", uid=number, gid=number // 2, gnu=gnu)
            layers[0].directory(f"{top}/{gnu}-folder-{number}", uid=number // 2, gid=number, gnu=gnu)
            layers[0].symlink(f"{top}/{gnu}-link-{number}", "x", uid=number, gid=number, gnu=gnu)


@part()
def times(layers: Layers, top: str) -> None:
    """In nanoseconds, since 1901, where ext4 begins."""
    whole = [0, 1, -1, MTIME, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, (1 << 32) + 5, (1 << 33) - 1, (1 << 33) + 7, -(1 << 31)]
    for seconds in whole:
        for gnu in (False, True):
            layers[0].file(f"{top}/{gnu}-{seconds}", b"", mtime_ns=seconds * SECOND, gnu=gnu)
    for nanoseconds in (1, 500_000_000, -1, -500_000_000, -1_500_000_001, MTIME * SECOND + 999_999_999, ((1 << 33) + 7) * SECOND + 123_000):
        layers[0].file(f"{top}/ns{nanoseconds}", b"", mtime_ns=nanoseconds)
        layers[0].directory(f"{top}/folder-ns{nanoseconds}", mtime_ns=nanoseconds)
        layers[0].symlink(f"{top}/link-ns{nanoseconds}", "x", mtime_ns=nanoseconds)
    layers[0].file(f"{top}/many-digits", b"", pax=[("mtime", b"1600000000.1234567899999")])


@part(umoci="counts nanoseconds in 64 bits, and ext4 ends in 2446")
def far_times(layers: Layers, top: str) -> None:
    for seconds in (15_000_000_000, 1 << 34, 1 << 36, 1 << 40, -(1 << 31) - 1, -(1 << 34), -(1 << 40)):
        for gnu in (False, True):
            layers[0].file(f"{top}/{gnu}-{seconds}", b"", mtime_ns=seconds * SECOND, gnu=gnu)


@part()
def symlinks(layers: Layers, top: str) -> None:
    targets = {"dangling": "nowhere", "self": "self", "loop-a": "loop-b", "loop-b": "loop-a", "absolute": "/etc/passwd", "root": "/",
               "parent": "..", "dot": ".", "above": "../../../../../..", "slashes": "//a///b//", "spaces": " a \n b ",
               "longest": "x/" * (LONGEST_TARGET // 2) + "y", "hundred": "h" * 100, "hundred-one": "h" * 101}
    for name, target in targets.items():
        layers[0].symlink(f"{top}/{name}", target)
        layers[0].symlink(f"{top}/gnu-{name}", target, gnu=True)
    layers[0].symlink(f"{top}/bytes", bytes(range(1, 256)))


@part()
def xattrs(layers: Layers, top: str) -> None:
    values = {"user.text": b"value", "user.bytes": bytes(range(256)), "user.line": b"a\n12 path=b\n", "user.high": b"\xff\xfe",
              "trusted.lacuna": b"root's", "security.lacuna": b"of a module that there is not", "security.capability": CAP_NET_RAW,
              "user." + "n" * 250: b"long name", "user.with.dots": b".", "user.Ünïcode": b"u"}
    for name, value in values.items():
        layers[0].file(f"{top}/{name[:20]}", b"", xattrs={name: value})
    layers[0].file(f"{top}/all", b"body", xattrs=values, mode=0o755)
    layers[0].file(f"{top}/same-as-all", b"body", xattrs=values)
    layers[0].file(f"{top}/many", b"", xattrs={f"user.{number}": b"%d" % number for number in range(100)})
    layers[0].file(f"{top}/block", b"", xattrs={"user.block": random_bytes(top, 3800)})
    layers[0].directory(f"{top}/folder", xattrs=values)
    layers[0].symlink(f"{top}/link", "nowhere", xattrs={"trusted.link": b"of the link"})
    layers[0].fifo(f"{top}/fifo", xattrs={"trusted.fifo": b"of the fifo"})
    layers[0].device(f"{top}/device", Type.BLOCK_DEVICE, 7, 7, xattrs={"security.lacuna": b"of the device"})


@part(umoci="unpacks to ext4, which has one block for them")
def large_xattrs(layers: Layers, top: str) -> None:
    layers[0].file(f"{top}/60000", b"", xattrs={"user.large": random_bytes(top, 60_000)})
    layers[0].file(f"{top}/many", b"x", xattrs={f"user.{number}": random_bytes(top, 2000 + number) for number in range(30)})
    layers[0].directory(f"{top}/folder", xattrs={"trusted.large": bytes(60_000)})


@part(umoci="keeps those of user.overlay")
def foreign_xattrs(layers: Layers, top: str) -> None:
    """What overlayfs would act on, and what no kernel knows: dropped."""
    foreign = {"trusted.overlay.opaque": b"y", "trusted.overlay.redirect": b"/etc", "user.overlay.whiteout": b"y", "user.overlay.origin": b"x",
               "system.lacuna": b"1", "nonsense": b"2", "com.apple.quarantine": b"3", "user.kept": b"4", "trusted.overlayed": b"5"}
    layers[0].file(f"{top}/below", b"still there")
    layers[1].directory(top, xattrs=foreign)
    layers[1].file(f"{top}/file", b"", xattrs=foreign)


@part()
def posix_acls(layers: Layers, top: str) -> None:
    layers[0].file(f"{top}/file", b"", mode=0o670, xattrs={"system.posix_acl_access": ACL})
    layers[0].directory(f"{top}/folder", mode=0o670, xattrs={"system.posix_acl_access": ACL, "system.posix_acl_default": ACL})


@part()
def records(layers: Layers, top: str) -> None:
    """PAX records say more than the header that they come before."""
    layer = layers[0]
    body = random_bytes(top, 1000)
    layer.file("wrong-name", body, uid=1, gid=2, pax=[("path", f"{top}/right-name".encode()), ("uid", b"70001"), ("gid", b"70002"),
                                                     ("mtime", b"1234567890.5"), ("comment", b"\n=\n"), ("VENDOR.thing", b"unknown")])
    layer.symlink(f"{top}/link", "wrong", pax=[("linkpath", b"right\xff")])
    layer.file(f"{top}/size", body, header_size=7, pax=[("size", b"1000")])
    layer.file(f"{top}/twice", b"", pax=[("uid", b"1"), ("uid", b"2")])
    layer.file(f"{top}/times", b"", pax=[("atime", b"1.5"), ("ctime", b"2.5"), ("LIBARCHIVE.creationtime", b"3")])


@part(umoci="takes them for a file")
def global_records(layers: Layers, top: str) -> None:
    """As `git archive` begins with."""
    layers[3].global_records([("comment", b"1234567890abcdef1234567890abcdef12345678")])
    layers[3].file(f"{top}/file", b"")
    layers[3].global_records([("comment", b"again"), ("VENDOR.thing", b"unknown")])
    layers[3].file(f"{top}/other", b"")
