"""`lacuna-image extract`: what it writes is what the image holds, and nothing but that."""
import errno
import json
import os
import pathlib
import random
import shutil

from harness import nasty_image, programs, volume
from harness.case import IntegrationTest
from harness.faults import Corrupt
from harness.tree_compare import Tree, differences, scan

SECONDS = 120
PASSWORD = b"secret\n"


class ExtractCase(IntegrationTest):
    def setUp(self) -> None:
        super().setUp()
        self.target = self.folder / "target"

    def extract(self, *words: object) -> dict:
        done = programs.run([programs.LACUNA_IMAGE, "extract", "-q", "-o", "json", *words], seconds=SECONDS)
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout)

    def fails(self, status: int, pattern: str, *words: object, before: tuple[str, ...] = ()) -> None:
        done = programs.run([*before, programs.LACUNA_IMAGE, "extract", *words], check=False)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, rf"\Alacuna-image: extract {words[0]}: .*{pattern}.*\n\Z")

    def mkfs(self, tree: pathlib.Path) -> pathlib.Path:
        image = self.folder / "image.erofs"
        programs.run(["mkfs.erofs", "--quiet", image, tree])
        return image

    def check(self, expected: Tree) -> None:
        self.assertEqual(differences(expected, scan(self.target)), [])


class ExtractFilesTest(ExtractCase):
    def test_what_mkfs_made_equals_its_tree(self) -> None:
        image = self.images.get()
        shown = self.extract(image.bootstrap, image.device, self.target)
        expected = scan(image.tree)
        self.check(expected)
        self.assertEqual((shown["folder"], shown["names"]), (str(self.target), len(expected)))

    def test_every_type_and_attribute_into_an_empty_folder(self) -> None:
        tree = self.folder / "tree"
        (tree / "deep" / "er").mkdir(parents=True)
        (tree / "setuid").write_bytes(b"#!")
        os.chown(tree / "setuid", 12, 34)
        os.setxattr(tree / "setuid", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
        os.chmod(tree / "setuid", 0o6711)
        os.link(tree / "setuid", tree / "deep" / "er" / "link")
        os.symlink("x" * 3000, tree / "symlink")
        os.setxattr(tree / "symlink", "trusted.of-a-symlink", b"1", follow_symlinks=False)
        os.lchown(tree / "symlink", 5, 6)
        os.mknod(tree / "character", 0o20640, os.makedev(7, 300))
        os.mknod(tree / "whiteout", 0o20000, 0)
        os.mkfifo(tree / "fifo")
        os.mknod(tree / "socket", 0o140755)
        os.setxattr(tree / "deep", "user.of-a-folder", b"v" * 3000)
        os.chmod(tree / "deep", 0o1777)
        for path in (tree / "setuid", tree / "symlink", tree / "deep" / "er", tree / "deep", tree):
            os.utime(path, ns=(0, -1_234_567_891), follow_symlinks=False)
        expected = scan(tree)
        self.target.mkdir()
        os.setxattr(self.target, "system.posix_acl_default", bytes.fromhex(
            "02000000" "01000700ffffffff" "02000700e7030000" "04000500ffffffff" "10000700ffffffff" "20000500ffffffff"))
        self.extract(self.mkfs(tree), self.target)
        self.check(expected)

    def test_progress_goes_to_a_terminal_only(self) -> None:
        image = self.images.get()
        done = programs.run([programs.LACUNA_IMAGE, "extract", image.bootstrap, image.device, self.target])
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, r"(?m)^folder +" + str(self.target) + "$")


class ExtractImageTest(ExtractCase):
    def setUp(self) -> None:
        """Into memory: ext4 holds neither attributes of 60,000 bytes nor the year 2500."""
        super().setUp()
        self.target = volume.tmpfs(self.folder / "memory") / "target"
        self.target.mkdir()
        try:
            os.setxattr(self.target, "user.test", b"")
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            self.skipTest("needs a kernel whose tmpfs has user attributes: 6.6 or later")
        self.target.rmdir()

    def test_a_layouts_image_is_what_the_model_says(self) -> None:
        nasty = nasty_image.nasty_image()
        shown = self.extract(nasty.image.name, self.target)
        self.check(nasty.expected)
        self.assertEqual(shown["names"], len(nasty.expected))
        largest = self.target / os.fsdecode(max(nasty.expected, key=lambda path: nasty.expected[path].size))
        status = largest.stat()
        self.assertLess(status.st_blocks * 512, status.st_size / 2, largest)

    def test_a_registrys_image_is_what_the_model_says(self) -> None:
        nasty = nasty_image.nasty_image()
        self.start_registry()
        nasty.image.push(self.registry.address, "test")
        self.wire.clear()
        self.extract(self.reference(f"test:{nasty.image.tag}"), self.target)
        self.check(nasty.expected)
        self.wire.settle()
        for layer in nasty.image.manifest()["layers"]:
            self.assertEqual(self.wire.bytes_for(layer["digest"]), layer["size"])

    def test_a_layer_that_is_not_what_the_manifest_says(self) -> None:
        nasty = nasty_image.nasty_image()
        self.start_registry()
        nasty.image.push(self.registry.address, "test")
        with self.proxy.inject(Corrupt(2000), nasty.image.layer_digests()[1]):
            self.fails(programs.INTEGRITY, "layer 2 .*the manifest says", self.reference(f"test:{nasty.image.tag}"), self.target)
        self.assertFalse(self.target.exists())

    def test_no_room_for_the_layers(self) -> None:
        small = volume.tmpfs(self.folder / "small", 1 << 20)
        self.fails(programs.FAILED, rf"layer \d+ .*: {small}: writing: No space left on device; set TMPDIR to a folder with more room",
                   nasty_image.nasty_image().image.name, self.target, before=("env", f"TMPDIR={small}"))
        self.assertFalse(self.target.exists())
        self.assertEqual(list(small.iterdir()), [])


class RefusedTest(ExtractCase):
    def setUp(self) -> None:
        super().setUp()
        self.outside = self.folder / "outside"
        self.outside.mkdir()
        tree = self.folder / "tree"
        (tree / "name2").mkdir(parents=True)
        (tree / "name2" / "password").write_bytes(PASSWORD)
        (tree / "name1").symlink_to(self.outside)
        self.image = self.mkfs(tree)
        content = bytearray(self.image.read_bytes())
        content[1024 + 8] &= 0xfe  # no checksum
        self.image.write_bytes(content)

    def damaged(self, old: bytes, new: bytes) -> pathlib.Path:
        content = self.image.read_bytes()
        self.assertEqual(content.count(old), 1)
        self.image.write_bytes(content.replace(old, new))
        return self.image

    def nothing_was_written(self) -> None:
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["image.erofs", "outside", "tree"])
        self.assertEqual(list(self.outside.iterdir()), [])

    def test_a_folder_that_is_not_empty(self) -> None:
        self.target.mkdir()
        (self.target / "mine").write_bytes(b"")
        self.fails(programs.FAILED, f"{self.target} is not empty; name a folder that is new or empty", self.image, self.target)
        self.assertEqual([path.name for path in self.target.iterdir()], ["mine"])

    def test_what_is_no_folder(self) -> None:
        self.target.write_bytes(b"mine")
        self.fails(programs.FAILED, f"{self.target} is no folder; name one that is new or empty", self.image, self.target)
        self.assertEqual(self.target.read_bytes(), b"mine")

    def test_without_root(self) -> None:
        self.fails(programs.FAILED, "owners and devices cannot be restored without root; run it with sudo", self.image, self.target,
                   before=("unshare", "--user"))
        self.nothing_was_written()

    def test_a_directory_behind_a_symlink_of_the_same_name(self) -> None:
        self.fails(programs.INTEGRITY, "/: its entry name1 is twice there", self.damaged(b"name2", b"name1"), self.target)
        self.nothing_was_written()

    def test_a_name_that_leads_out(self) -> None:
        for old, new in ((b"password", b"../passw"), (b"../passw", b"/outside")):
            self.fails(programs.INTEGRITY, "/name2: ", self.damaged(old, new), self.target)
            self.nothing_was_written()

    def test_wherever_a_byte_is_wrong_nothing_outside_is_touched(self) -> None:
        content, seed = self.image.read_bytes(), random.randrange(1 << 32)
        numbers = random.Random(seed)
        for _ in range(100):
            changed = bytearray(content)
            at = numbers.randrange(1024, len(content))
            changed[at] ^= 1 << numbers.randrange(8)
            self.image.write_bytes(changed)
            done = programs.run([programs.LACUNA_IMAGE, "extract", "-q", self.image, self.target], check=False)
            self.assertIn(done.returncode, (programs.DONE, programs.FAILED, programs.INTEGRITY), f"seed {seed}, at {at}: {done}")
            shutil.rmtree(self.target, ignore_errors=True)
            self.nothing_was_written()
