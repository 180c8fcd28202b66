"""The comparison of trees notices every kind of difference, and no other."""
import errno
import os
import pathlib
import subprocess
import unittest.mock

from harness.case import IntegrationTest
from harness.tree_compare import UNIT, differences, digest_of_pieces, scan

SPARSE_BYTES = 5 << 30


class TreeCompareTest(IntegrationTest):
    def setUp(self) -> None:
        super().setUp()
        self.one, self.other = self.folder / "one", self.folder / "other"
        for root in (self.one, self.other):
            (root / "folder" / "within").mkdir(parents=True)
            (root / "file").write_bytes(b"content")
            os.link(root / "file", root / "folder" / "linked")
            (root / "alone").write_bytes(b"")
            (root / "link").symlink_to("file")
            os.setxattr(root / "file", "user.name", b"value")
            os.mknod(root / "device", 0o20644, os.makedev(1, 3))
            for path in [*root.rglob("*"), root]:
                os.utime(path, ns=(0, 1_600_000_000_123_456_789), follow_symlinks=False)
        self.expected = scan(self.one)
        self.assertEqual(differences(self.expected, scan(self.other)), [])

    def finds(self, *regexes: str) -> None:
        """These differences, in their order, and no others."""
        found = differences(self.expected, scan(self.other))
        self.assertEqual(len(found), len(regexes), found)
        for regex, line in zip(regexes, found):
            self.assertRegex(line, regex)

    def keeping_mtime(self, path: pathlib.Path, change: object) -> None:
        before = path.lstat().st_mtime_ns
        change(path)
        os.utime(path, ns=(0, before), follow_symlinks=False)

    def test_bytes(self) -> None:
        self.keeping_mtime(self.other / "file", lambda path: path.write_bytes(b"CONTENT"))
        self.finds("^file: other bytes", "^folder/linked: other bytes")

    def test_files_that_cannot_be_read(self) -> None:
        with unittest.mock.patch("os.pread", side_effect=OSError(errno.EIO, "Input/output error")):
            self.finds("^file: cannot be read: Input/output error", "^folder/linked: cannot be read")

    def test_size(self) -> None:
        self.keeping_mtime(self.other / "alone", lambda path: os.truncate(path, 10))
        self.finds("^alone: size 0, found 10", "^alone: other bytes")

    def test_names(self) -> None:
        self.keeping_mtime(self.other, lambda root: (root / "alone").rename(root / "new\n"))
        self.finds("^missing: alone$", r"^not expected: new\\n$")

    def test_mode(self) -> None:
        (self.other / "folder").chmod(0o1755)
        self.finds("^folder: mode 40755, found 41755")

    def test_owner(self) -> None:
        os.lchown(self.other / "link", 1, 70000)
        self.finds("^link: uid 0, found 1", "^link: gid 0, found 70000")

    def test_a_nanosecond(self) -> None:
        os.utime(self.other / "link", ns=(0, 1_600_000_000_123_456_788), follow_symlinks=False)
        self.finds("^link: mtime_ns ")

    def test_mtimes_that_nobody_said(self) -> None:
        self.expected[b"folder"].unsure_mtime = True
        os.utime(self.other / "folder", ns=(0, 1))
        self.finds("^folder: mtime_ns ")
        self.assertEqual(differences(self.expected, scan(self.other), unsure_mtimes=False), [])

    def test_symlink_target(self) -> None:
        (self.other / "link").unlink()
        self.keeping_mtime(self.other, lambda root: (root / "link").symlink_to("elif"))
        os.utime(self.other / "link", ns=(0, self.expected[b"link"].mtime_ns), follow_symlinks=False)
        os.utime(self.other, ns=(0, self.expected[b""].mtime_ns))
        self.finds("^link: target b'file', found b'elif'")

    def test_xattrs(self) -> None:
        os.setxattr(self.other / "file", "user.name", b"other")
        os.setxattr(self.other / "device", "trusted.new", b"x")
        os.setxattr(self.other, "user.root", b"")
        self.finds("^: xattrs user.root None, found b''", "^device: xattrs trusted.new None, found b'x'",
                   "^file: xattrs user.name b'value', found b'other'", "^folder/linked: xattrs")

    def test_device_number(self) -> None:
        (self.other / "device").unlink()
        os.mknod(self.other / "device", 0o20644, os.makedev(1, 5))
        for path in (self.other / "device", self.other):
            os.utime(path, ns=(0, self.expected[b""].mtime_ns))
        self.finds("^device: device 259, found 261")

    def test_a_copy_instead_of_a_hard_link(self) -> None:
        (self.other / "folder" / "linked").unlink()
        subprocess.run(["cp", "-a", self.other / "file", self.other / "folder" / "linked"], check=True)
        os.utime(self.other / "folder", ns=(0, self.expected[b""].mtime_ns))
        self.finds("^file: links 2, found 1", "^file: is one file with file, found with $", "^folder/linked: links", "^folder/linked: is one")

    def test_a_hard_link_that_is_another_files(self) -> None:
        for name in ("folder/linked", "alone"):
            (self.other / name).unlink()
        (self.other / "alone").write_bytes(b"content")
        os.setxattr(self.other / "alone", "user.name", b"value")
        os.link(self.other / "alone", self.other / "folder" / "linked")
        for path in (self.other, self.other / "folder", self.other / "alone"):
            os.utime(path, ns=(0, self.expected[b""].mtime_ns))
        self.assertIn("folder/linked: is one file with file, found with alone", differences(self.expected, scan(self.other)))

    def test_subdirectories_are_counted(self) -> None:
        self.keeping_mtime(self.other / "folder", lambda folder: (folder / "new").mkdir())
        self.finds("^not expected: folder/new", "^folder: links 3, found 4")

    def test_holes_are_zeros(self) -> None:
        """And cost next to nothing: 5 GiB, twice."""
        content = b"x" * 100 + bytes(UNIT) + b"y"
        pieces = [(UNIT - 50, content), (SPARSE_BYTES - 1, b"z")]
        for root, zeros in ((self.one, 0), (self.other, 10 * UNIT)):
            with (root / "sparse").open("wb") as sparse:
                for offset, piece in pieces:
                    sparse.seek(offset)
                    sparse.write(piece)
                sparse.seek(1 << 30)
                sparse.write(bytes(zeros))
        digests = [scan(root)[b"sparse"].digest for root in (self.one, self.other)]
        self.assertEqual(set(digests), {digest_of_pieces(SPARSE_BYTES, pieces)})
        for changed in ([(UNIT - 51, content), pieces[1]], [pieces[0]], [*pieces[:1], (SPARSE_BYTES - 2, b"z")]):
            self.assertNotEqual(digest_of_pieces(SPARSE_BYTES, changed), digests[0])
        self.assertNotEqual(digest_of_pieces(SPARSE_BYTES + 1, pieces), digests[0])

    def test_long_reports_are_cut(self) -> None:
        for number in range(100):
            (self.other / f"new-{number}").touch()
        found = differences(self.expected, scan(self.other), most=5)
        self.assertEqual((len(found), found[-1]), (6, "… 96 more"))
