"""Indexes and layers that lie: what is mounted is the image or an error, and nobody else's object is touched."""
import gzip
import hashlib
import io
import os
import random
import stat
import tarfile
import zlib
from collections.abc import Callable

from harness import proc, programs
from harness.case import BLOBS, IntegrationTest
from harness.daemon import Daemon
from harness.faults import Truncate
from harness.forged_index import CHUNK_SUMS, DIFF_ID, INDEXED_LAYER, STRUCTURE, IndexFile, RegistryWriter, with_mode
from harness.oci_layout import CONFIG, LAYER, MANIFEST, OciLayout, digest_of

GZIP = LAYER + "+gzip"
TOOL = random.Random(3).randbytes(1 << 20)
TEXT = b"a line\n" * 100_000
LARGE = random.Random(4).randbytes(8 << 20)  # which is not read ahead with a file of TOOL's size: the layer is not complete by that
BOMB_BYTES = 2 << 30
BOMB_ENTRIES = 1_100_000


def tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.mode, member.size = 0o755, len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def tar_with(tool: bytes) -> bytes:
    return tar_of({"bin/tool": tool, "etc/text": TEXT, "usr/large": LARGE})


TAR = tar_with(TOOL)


class AttackCase(IntegrationTest):
    def setUp(self) -> None:
        super().setUp()
        self.start_registry()
        self.layout = OciLayout(self.folder / "layout")

    def push_layer(self, blob: bytes, diff_id: str, name: str = "app") -> str:
        """An image of one gzip layer, whose config says that its tar is `diff_id`: the manifest's digest."""
        config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [diff_id]}}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.layout.document(config, CONFIG),
                    "layers": [self.layout.blob(blob, GZIP)]}
        image = self.layout.document(manifest, MANIFEST, platform={"os": "linux", "architecture": "amd64"})
        self.layout.tag(image, name)
        programs.run([programs.LACUNA_IMAGE, "copy", "-q", self.layout.name(name), f"{self.registry.address}/{name}:1"])
        return image["digest"]

    def push_tar(self, tar: bytes, name: str = "app") -> str:
        return self.push_layer(gzip.compress(tar, mtime=0), digest_of(tar), name)

    def lacuna_image(self, verb: str, name: str = "app", *flags: str, check: bool = True):
        return programs.run([programs.LACUNA_IMAGE, verb, *flags, f"{self.registry.address}/{name}:1"], check=check)

    def forge(self, image: str, change: Callable[[bytes], bytes], name: str = "app") -> None:
        """Replaces the index of the image's only layer."""
        repository = RegistryWriter(self.registry.address, name)
        [layer] = repository.indexes(image)["layers"]
        forged = change(repository.get_blob(layer["digest"]))
        entry = repository.put_blob(forged, layer["mediaType"], annotations={INDEXED_LAYER: layer["annotations"][INDEXED_LAYER]})
        repository.replace_indexes(image, [entry])

    def indexed(self, change: Callable[[bytes], bytes]) -> Daemon:
        """A daemon, and an image whose index was changed."""
        image = self.push_tar(TAR)
        self.lacuna_image("index", "app", "--push", "-q")
        self.forge(image, change)
        return self.new_daemon().start()

    def mount(self, daemon: Daemon, name: str = "app", *flags: str):
        return daemon.mount(self.reference(f"{name}:1"), self.mount_point(name), *flags)

    def assert_shows_the_image(self, mounted) -> None:
        self.assertEqual((mounted / "bin/tool").read_bytes(), TOOL)
        self.assertEqual((mounted / "etc/text").read_bytes(), TEXT)
        self.assertEqual(stat.S_IMODE((mounted / "bin/tool").stat().st_mode), 0o755)


class ForgedIndexTest(AttackCase):
    def assert_goes_without(self, daemon: Daemon, why: str) -> None:
        self.assert_shows_the_image(self.mount(daemon))
        self.assertIn(why, daemon.process.log())

    def test_garbage(self) -> None:
        self.assert_goes_without(self.indexed(lambda index: b"no index at all"), "is not used")

    def test_a_flipped_byte(self) -> None:
        self.assert_goes_without(self.indexed(lambda index: index[:200] + bytes([index[200] ^ 1]) + index[201:]), "is not used")

    def test_of_another_tar(self) -> None:
        other = digest_of(b"another").encode()
        daemon = self.indexed(lambda index: IndexFile(index).change(DIFF_ID, lambda _: other).content())
        self.assert_goes_without(daemon, "the image's config says")

    def test_wrong_chunk_digests(self) -> None:
        """Nothing can be read, and nothing wrong is: whoever asks for the image without it has it."""
        daemon = self.indexed(lambda index: IndexFile(index).change(CHUNK_SUMS, lambda sums: bytes(len(sums))).content())
        mounted = self.mount(daemon)
        with self.assertRaises(OSError):
            (mounted / "bin/tool").read_bytes()
        daemon.ctl("umount", mounted)
        self.assert_shows_the_image(self.mount(daemon, "app", "--no-index"))

    def test_one_that_adds_a_setuid_file_is_found_out(self) -> None:
        daemon = self.indexed(lambda index: IndexFile(index).change(
            STRUCTURE, lambda structure: with_mode(structure, "bin/tool", 0o4755)).content())
        self.assertEqual(self.lacuna_image("check", check=False).returncode, programs.INTEGRITY)
        mounted = self.mount(daemon)
        self.assertEqual((mounted / "bin/tool").read_bytes(), TOOL)
        filled = daemon.ctl("prefetch", "--wait", self.reference("app:1"), check=False)
        self.assertEqual(filled.returncode, programs.INTEGRITY, filled.stderr)
        self.assertIn("are those of a tar of", filled.stderr)
        with self.assertRaises(OSError):
            self.uncached(mounted / "bin/tool")
        self.assertIn("dropped", daemon.process.log())
        daemon.ctl("umount", mounted)
        self.assert_shows_the_image(self.mount(daemon))  # its index is not used again

    def test_one_for_a_digest_is_not_asked_for(self) -> None:
        image = self.push_tar(TAR)
        self.lacuna_image("index", "app", "--push", "-q")
        self.forge(image, lambda index: IndexFile(index).change(
            STRUCTURE, lambda structure: with_mode(structure, "bin/tool", 0o4755)).content())
        daemon = self.new_daemon().start()
        mounted = daemon.mount(f"127.0.0.1:{self.proxy.port}/app@{image}", self.mount_point())
        self.assert_shows_the_image(mounted)

    def uncached(self, path) -> bytes:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            return file.read()


class ForeignDiffIdTest(AttackCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_tar(TAR, "victim")
        self.daemon = self.new_daemon().start()
        self.victim = self.mount(self.daemon, "victim")
        self.evil = tar_with(TOOL[::-1])

    def tearDown(self) -> None:
        self.assert_shows_the_image(self.victim)

    def test_a_config_that_claims_it(self) -> None:
        self.push_layer(gzip.compress(self.evil, mtime=0), digest_of(TAR), "evil")
        self.mount_point("evil").mkdir()
        done = self.daemon.ctl("mount", self.reference("evil:1"), self.mount_point("evil"), check=False)
        self.assertEqual(done.returncode, programs.INTEGRITY, done.stderr)
        self.assertIn("the image's config says", done.stderr)

    def test_a_config_and_an_index_that_claim_it(self) -> None:
        # An index of the evil tar, made for an honest image of it, and then said to be of the victim's.
        honest = self.push_tar(self.evil, "evil")
        self.lacuna_image("index", "evil", "--push", "-q")
        repository = RegistryWriter(self.registry.address, "evil")
        index = repository.get_blob(repository.indexes(honest)["layers"][0]["digest"])
        image = self.push_layer(gzip.compress(self.evil, mtime=0), digest_of(TAR), "evil2")
        programs.run(["skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false",
                      f"docker://{self.registry.address}/evil2:1", f"docker://{self.registry.address}/evil:1"])
        forged = IndexFile(index).change(DIFF_ID, lambda _: digest_of(TAR).encode()).content()
        artifact = repository.indexes(honest)
        layer = artifact["layers"][0]
        entry = repository.put_blob(forged, layer["mediaType"], annotations=layer["annotations"])
        subject = artifact["subject"] | {"digest": image, "size": self.layout.path(image).stat().st_size}
        repository.put_indexes(image, artifact | {"layers": [entry], "subject": subject})
        mounted = self.mount(self.daemon, "evil")
        self.assertEqual((mounted / "bin/tool").read_bytes(), TOOL[::-1], "it shows what it is, not what it says")
        filled = self.daemon.ctl("prefetch", "--wait", self.reference("evil:1"), check=False)
        self.assertEqual(filled.returncode, programs.INTEGRITY, filled.stderr)


class BadLayerTest(AttackCase):
    def refused(self, *flags: str):
        daemon = self.new_daemon(fetch={"read_deadline": "3s"}).start()
        self.mount_point("app").mkdir()
        done = daemon.ctl("mount", *flags, self.reference("app:1"), self.mount_point("app"), check=False, seconds=300)
        self.assertNotEqual(done.returncode, programs.DONE)
        left = [file.name for file in (daemon.root / "objects").iterdir()]
        self.assertEqual(left, [], "nothing of it stays")
        return daemon, done

    def test_a_blob_that_is_cut_short(self) -> None:
        whole = gzip.compress(TAR, mtime=0)
        self.push_layer(whole[:len(whole) // 2], digest_of(TAR))
        _, done = self.refused()
        self.assertEqual(done.returncode, programs.INTEGRITY, done.stderr)

    def test_a_registry_that_sends_half_of_it(self) -> None:
        self.push_tar(TAR)
        with self.proxy.inject(Truncate(after=1000), BLOBS):
            self.refused()

    def test_a_million_entries(self) -> None:
        """More than a tree may have: a clear error, in bounded memory."""
        packer = zlib.compressobj(1, wbits=31)
        blob = b""
        for first in range(0, BOMB_ENTRIES, 10_000):
            block = io.BytesIO()
            with tarfile.open(fileobj=block, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                for number in range(first, first + 10_000):
                    tar.addfile(tarfile.TarInfo(f"d{number % 1000}/f{number}"))
                end = tar.offset
            blob += packer.compress(block.getvalue()[:end])
        blob += packer.flush()
        self.push_layer(blob, digest_of(b"never asked"))
        daemon, done = self.refused()
        self.assertIn("more than 1048576 files", done.stderr)
        self.assertLess(proc.peak_memory(daemon.worker_pid()), 1 << 30)

    def test_a_gzip_bomb_of_zeros_takes_no_space(self) -> None:
        header = tarfile.TarInfo("zeros")
        header.size = BOMB_BYTES
        packer = zlib.compressobj(1, wbits=31)
        blob = packer.compress(header.tobuf(tarfile.GNU_FORMAT))
        hasher = hashlib.sha256(header.tobuf(tarfile.GNU_FORMAT))
        piece = bytes(1 << 20)
        for _ in range(BOMB_BYTES >> 20):
            blob += packer.compress(piece)
            hasher.update(piece)
        blob += packer.flush()
        self.push_layer(blob, f"sha256:{hasher.hexdigest()}")
        daemon = self.new_daemon().start()
        mounted = self.mount(daemon)
        self.assertEqual((mounted / "zeros").stat().st_size, BOMB_BYTES)
        with (mounted / "zeros").open("rb") as file:
            file.seek(BOMB_BYTES // 2)
            self.assertEqual(file.read(4096), bytes(4096))
        taken = sum(file.stat().st_blocks * 512 for file in (daemon.root / "objects").iterdir())
        self.assertLess(taken, 1 << 20)
        self.assertLess(proc.peak_memory(daemon.worker_pid()), 256 << 20)

    def test_paths_that_lead_out(self) -> None:
        """Names are below the image's root, whatever they say, as in a chroot."""
        self.push_tar(tar_of({"../../outside": b"1", "/absolute": b"2", "a/../../b": b"3"}))
        mounted = self.mount(self.new_daemon().start())
        self.assertEqual(sorted(path.name for path in mounted.iterdir() if path.is_file()), ["absolute", "b", "outside"])
