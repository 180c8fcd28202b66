"""Parts of the nasty image: what layers and the order of entries come to."""
from .nasty_part import LEVELS, Layers, part, random_bytes
from .tar_writer import SECOND, Type

OTHER_MTIME = 1_500_000_000 * SECOND


@part()
def whiteouts(layers: Layers, top: str) -> None:
    for name in ("file", "kept", "again", "again-later"):
        layers[0].file(f"{top}/{name}", name.encode())
    layers[0].symlink(f"{top}/link", "kept")
    layers[0].symlink(f"{top}/dangling", "nowhere")
    layers[0].fifo(f"{top}/fifo")
    layers[0].device(f"{top}/device", Type.BLOCK_DEVICE, 5, 5)
    layers[0].directory(f"{top}/folder")
    layers[0].file(f"{top}/folder/deep/within", b"gone with the folder")
    layers[0].file(f"{top}/folder-kept/gone", b"")
    layers[0].file(f"{top}/folder-kept/kept", b"")
    for name in ("file", "link", "dangling", "fifo", "device", "folder", "folder-kept/gone", "never-there"):
        layers[1].whiteout(f"{top}/{name}")
    for level in range(2, 8):
        if level % 2:
            layers[level].file(f"{top}/again-later", b"%d" % level)
        else:
            layers[level].whiteout(f"{top}/again-later")


@part()
def whiteouts_of_the_same_layer(layers: Layers, top: str) -> None:
    """They are about what is below, whatever their place."""
    for name in ("before", "after", "folder-before/below", "folder-after/below"):
        layers[0].file(f"{top}/{name}", b"below")
    layers[1].file(f"{top}/before", b"of the layer itself")
    layers[1].whiteout(f"{top}/before")
    layers[1].whiteout(f"{top}/after")
    layers[1].file(f"{top}/after", b"of the layer itself")
    layers[1].file(f"{top}/new", b"with nothing below")
    layers[1].whiteout(f"{top}/new")
    layers[1].whiteout(f"{top}/folder-after")
    layers[1].directory(f"{top}/folder-after", mode=0o711)
    layers[1].file(f"{top}/folder-after/new", b"")
    layers[1].directory(f"{top}/folder-before", mode=0o711)
    layers[1].file(f"{top}/folder-before/new", b"")
    layers[1].whiteout(f"{top}/folder-before")
    layers[2].whiteout(f"{top}/new")


@part()
def opaque_directories(layers: Layers, top: str) -> None:
    for name in ("first", "last", "alone", "nested/inner", "implied"):
        layers[0].directory(f"{top}/{name}", mode=0o750, uid=5)
        layers[0].file(f"{top}/{name}/below", b"below")
        layers[0].file(f"{top}/{name}/deep/below", b"below")
        layers[0].file(f"{top}/{name}/both", b"below")
    for name in ("first", "last", "nested"):
        layers[1].directory(f"{top}/{name}", mode=0o701, mtime_ns=OTHER_MTIME)
    for name in ("first", "alone", "nested", "implied", "nowhere-below"):
        layers[1].opaque(f"{top}/{name}")
    for name in ("first", "last", "implied", "nowhere-below"):
        layers[1].file(f"{top}/{name}/both", b"above")
        layers[1].file(f"{top}/{name}/above", b"above")
    layers[1].directory(f"{top}/nested/inner", mode=0o702)
    layers[1].file(f"{top}/nested/inner/above", b"above")
    layers[1].opaque(f"{top}/last")
    layers[2].file(f"{top}/first/later", b"what is above an opaque folder is there")
    layers[3].opaque(f"{top}/first")


@part()
def replaced_by_other_types(layers: Layers, top: str) -> None:
    makers = [lambda layer, path: layer.file(path, path.encode()),
              lambda layer, path: (layer.directory(path, mode=0o710), layer.file(f"{path}/within", b"")),
              lambda layer, path: layer.symlink(path, "elsewhere"),
              lambda layer, path: (layer.directory(path), layer.file(f"{path}/other", b"")),
              lambda layer, path: layer.fifo(path),
              lambda layer, path: layer.file(path, b"a file again"),
              lambda layer, path: layer.device(path, Type.CHARACTER, 1, 7)]
    layers[0].file(f"{top}/elsewhere/not-to-be-touched", b"")
    for first in range(len(makers)):
        for level in range(LEVELS):
            makers[(first + level) % len(makers)](layers[level], f"{top}/from-{first}")


@part()
def rewritten_in_every_layer(layers: Layers, top: str) -> None:
    for number, layer in enumerate(layers.every):
        layer.file(f"{top}/always", random_bytes(f"{top}-{number}", 5000 + number), mode=0o600 + number % 8, mtime_ns=number * SECOND)
        layer.file(f"{top}/only-of-{number}", b"%d" % number)
        layer.directory(f"{top}/folder", mode=0o700 + number % 8, uid=number, xattrs={f"user.{number % 3}": b"%d" % number})
        if number % 3 == 2:
            layer.whiteout(f"{top}/only-of-{number - 2}")


@part()
def described_again(layers: Layers, top: str) -> None:
    """A directory's new entry replaces all of its attributes, and nothing in it. So does a file's, with its body."""
    for name in ("folder", "file", "bare-folder", "bare-file"):
        add = layers[0].directory if "folder" in name else layers[0].file
        add(f"{top}/{name}", mode=0o755, uid=1, gid=2, xattrs={"user.old": b"old", "user.both": b"old", "trusted.old": b"old"})
        add = layers[1].directory if "folder" in name else layers[1].file
        more = {} if "bare" in name else {"xattrs": {"user.new": b"new", "user.both": b"new"}}
        add(f"{top}/{name}", mode=0o2711, uid=3, gid=4, mtime_ns=OTHER_MTIME, **more)
    layers[0].file(f"{top}/folder/kept", b"kept")


@part()
def duplicates(layers: Layers, top: str) -> None:
    """In one layer. The last one wins."""
    layer = layers[0]
    layer.directory(top)
    for number in range(3):
        layer.file(f"{top}/file-file", b"%d" % number * (3 - number), mode=0o600 + number, xattrs={f"user.{number}": b"%d" % number})
        layer.directory(f"{top}/folder-folder", mode=0o700 + number, xattrs={f"user.{number}": b"%d" % number})
        layer.file(f"{top}/folder-folder/{number}", b"stays")
    layer.file(f"{top}/file-folder-file", b"first")
    layer.directory(f"{top}/file-folder-file")
    layer.file(f"{top}/file-folder-file/gone", b"")
    layer.file(f"{top}/file-folder-file", b"last")
    layer.directory(f"{top}/folder-file-folder", mode=0o777, xattrs={"user.gone": b"yes"})
    layer.file(f"{top}/folder-file-folder/gone", b"")
    layer.file(f"{top}/folder-file-folder", b"between")
    layer.directory(f"{top}/folder-file-folder", mode=0o711)
    layer.file(f"{top}/folder-file-folder/there", b"")
    layer.symlink(f"{top}/link-file", "victim")
    layer.file(f"{top}/victim", b"not written through the link", mtime_ns=OTHER_MTIME)
    layer.file(f"{top}/link-file", b"a file of its own")
    layer.file(f"{top}/file-link", b"file")
    layer.symlink(f"{top}/file-link", "victim")
    layer.fifo(f"{top}/fifo-file")
    layer.file(f"{top}/fifo-file", b"does not block")
    layer.directory(f"{top}/aim")
    layer.symlink(f"{top}/link-folder", "aim")
    layer.directory(f"{top}/link-folder", mode=0o711)
    layer.file(f"{top}/link-folder/own", b"")


@part()
def children_before_parents(layers: Layers, top: str) -> None:
    for layer, name in ((layers[0], "new"), (layers[1], "new"), (layers[1], "later")):
        layer.file(f"{top}/{name}/a/b/c", b"deep", mtime_ns=OTHER_MTIME)
        layer.directory(f"{top}/{name}/a/b", mode=0o710, mtime_ns=OTHER_MTIME)
        layer.directory(f"{top}/{name}/a", mode=0o701, xattrs={"user.a": name.encode()}, mtime_ns=OTHER_MTIME)
        layer.directory(f"{top}/{name}", mode=0o711, uid=9, mtime_ns=OTHER_MTIME)


@part()
def implied_parents(layers: Layers, top: str) -> None:
    """Directories without an entry of their own, and what they are when a layer below has them."""
    layers[0].file(f"{top}/nobody/described/this", b"")
    layers[0].directory(f"{top}/below", mode=0o2770, uid=11, gid=12, mtime_ns=OTHER_MTIME, xattrs={"user.kept": b"yes"})
    layers[1].file(f"{top}/below/new", b"")
    layers[1].file(f"{top}/below/folder/new", b"")
    layers[2].directory(f"{top}/below/folder", mode=0o700, mtime_ns=OTHER_MTIME)
    layers[3].file(f"{top}/below/folder/newer", b"")
    layers[3].whiteout(f"{top}/below/new")


@part()
def parents_that_are_links(layers: Layers, top: str) -> None:
    """As /lib is usr/lib: what layers above put there goes where the link leads, and never out of the image."""
    layers[0].directory(f"{top}/usr/lib", mode=0o751)
    layers[0].symlink(f"{top}/lib", "usr/lib")
    layers[0].symlink(f"{top}/absolute", f"/{top}/usr/lib")
    layers[0].symlink(f"{top}/chain", "absolute")
    layers[0].symlink(f"{top}/above", f"../../../../{top}/usr")
    layers[0].symlink(f"{top}/usr/back", "..")
    layers[0].file(f"{top}/usr/lib/gone", b"")
    layers[0].file(f"{top}/lib/of-the-same-layer", b"")
    for name in ("lib", "absolute", "chain", "above/lib", "usr/back/lib"):
        layers[1].file(f"{top}/{name}/through-{name.replace('/', '-')}", name.encode())
        layers[1].directory(f"{top}/{name}/folder-{name.replace('/', '-')}", mode=0o711)
        layers[2].file(f"{top}/{name}/new/folder/{name.replace('/', '-')}", name.encode())
    layers[3].whiteout(f"{top}/lib/gone")
    layers[4].directory(f"{top}/chain", mode=0o700)
    layers[4].file(f"{top}/chain/no-link-any-more", b"")


@part()
def parents_that_are_dangling_links(layers: Layers, top: str) -> None:
    layers[0].symlink(f"{top}/link", "not/yet")
    layers[1].file(f"{top}/link/file", b"made where the link leads")


@part()
def hard_links(layers: Layers, top: str) -> None:
    layer = layers[0]
    layer.file(f"{top}/one", b"body", mode=0o4711, uid=8)
    layer.hard_link(f"{top}/two", f"{top}/one", mode=0o4711, uid=8)
    layer.hard_link(f"{top}/chain", f"./{top}/two", mode=0o4711, uid=8)
    layer.hard_link(f"{top}/folder/implied", f"/{top}/one", mode=0o4711, uid=8)
    layer.symlink(f"{top}/symlink", "one")
    layer.hard_link(f"{top}/symlink-too", f"{top}/symlink", mode=0o777)
    layer.fifo(f"{top}/fifo")
    layer.hard_link(f"{top}/fifo-too", f"{top}/fifo")
    layer.device(f"{top}/device", Type.CHARACTER, 1, 3)
    layer.hard_link(f"{top}/device-too", f"{top}/device")
    layer.file(f"{top}/empty")
    layer.hard_link(f"{top}/empty-too", f"{top}/empty")
    layer.file(f"{top}/replaced", b"old")
    layer.hard_link(f"{top}/to-the-old", f"{top}/replaced")
    layer.file(f"{top}/replaced", b"new")
    layer.hard_link(f"{top}/to-the-new", f"{top}/replaced")
    layer.file(f"{top}/over", b"was there")
    layer.hard_link(f"{top}/over", f"{top}/empty")
    layer.symlink(f"{top}/way", "folder")
    layer.hard_link(f"{top}/by-a-way", f"{top}/way/implied", mode=0o4711, uid=8)


@part()
def hard_links_to_layers_below(layers: Layers, top: str) -> None:
    for name in ("a", "b", "c", "d", "e"):
        layers[0].file(f"{top}/{name}", name.encode() * 5000)
    layers[0].hard_link(f"{top}/a-too", f"{top}/a")
    layers[1].hard_link(f"{top}/a-above", f"{top}/a")
    layers[1].hard_link(f"{top}/a-chain", f"{top}/a-above")
    layers[2].hard_link(f"{top}/a-higher", f"{top}/a-chain")
    layers[1].hard_link(f"{top}/b-above", f"{top}/b")
    layers[1].file(f"{top}/b", b"another")
    layers[1].hard_link(f"{top}/b-another", f"{top}/b")
    layers[2].hard_link(f"{top}/c-above", f"{top}/c")
    layers[3].whiteout(f"{top}/c")
    layers[4].hard_link(f"{top}/c-higher", f"{top}/c-above")
    layers[5].file(f"{top}/a-too", b"no longer")
    layers[1].hard_link(f"{top}/d-above", f"{top}/d")  # and then the name below goes: a file that was renamed
    layers[1].whiteout(f"{top}/d")
    layers[6].hard_link(f"{top}/e", f"{top}/a")


@part()
def whiteouts_through_links(layers: Layers, top: str) -> None:
    layers[0].file(f"{top}/real/gone", b"")
    layers[0].file(f"{top}/real/opaque/gone", b"")
    layers[0].symlink(f"{top}/link", "real")
    layers[1].whiteout(f"{top}/link/gone")
    layers[1].opaque(f"{top}/link/opaque")
    layers[1].file(f"{top}/link/opaque/new", b"")
