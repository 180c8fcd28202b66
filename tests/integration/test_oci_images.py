"""The images that lacuna's mounts are compared with, and the oracles that say what is in them: all readers of archives agree."""
import concurrent.futures
import os
import subprocess

from harness import nasty_image, programs
from harness.case import IntegrationTest
from harness.debian_image import DEBIAN, GCC, NODE, debian_image
from harness.kept import UNUSED_SECONDS, kept
from harness.layer_codec import GZIP_6, MEMBERS, PLAIN, STORED, ZSTD
from harness.nasty_part import PARTS
from harness.oci_images import OciImage
from harness.oci_layout import Layer, OciLayout, digest_of
from harness.oci_model import ModelError, OciModel
from harness.tar_writer import SECOND, WHITEOUT, TarWriter
from harness.tree_compare import Tree, differences, scan


def below(tree: Tree, part: str) -> Tree:
    folder = part.encode()
    return {path: facts for path, facts in tree.items() if path == folder or path.startswith(folder + b"/")}


class OciImageTest(IntegrationTest):
    def check_that_skopeo_carries(self, image: OciImage) -> None:
        """Into a registry and out again, every blob as it was."""
        self.start_registry()
        image.push(self.registry.address, "test")
        back = OciLayout(self.folder / "back")
        programs.run(["skopeo", "copy", "--quiet", "--preserve-digests", "--src-tls-verify=false",
                      f"docker://{self.registry.address}/test:{image.tag}", back.name(image.tag)], seconds=120)
        self.assertEqual(OciImage(back.folder, image.tag).manifest(), image.manifest())
        self.assertEqual(back.wrong_blobs(), [])


class NastyImageTest(OciImageTest):
    def test_model_and_umoci_agree(self) -> None:
        found = nasty_image.nasty_as_umoci_has_it(nasty_image.SMALL_FOR_UMOCI)
        expected = nasty_image.nasty_image(nasty_image.SMALL_FOR_UMOCI).expected
        self.assertEqual(differences(expected, found, unsure_mtimes=False), [])

    def test_gnu_tar_reads_what_umoci_cannot(self) -> None:
        """Parts without whiteouts."""
        nasty = nasty_image.nasty_image()
        root = self.folder / "extracted"
        root.mkdir()
        parts = ["old-sparse-files", "huge-old-sparse-file", "contiguous-files", "global-records"]
        for tar in nasty.image.tars():
            # It fails where a part is not in a layer.
            subprocess.run(["tar", "-x", "-p", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-f", "-", "-C", root, *parts],
                           input=tar, capture_output=True, check=False)
        found = scan(root)
        for part in parts:
            with self.subTest(part):
                self.assertEqual(differences(below(nasty.expected, part), below(found, part), unsure_mtimes=False), [])

    def test_times_are_what_their_names_say(self) -> None:
        expected = nasty_image.nasty_image().expected
        for part in ("times", "far-times"):
            named = {path: facts for path, facts in below(expected, part).items() if b"/True-" in path or b"/False-" in path}
            self.assertGreater(len(named), 10)
            for path, facts in named.items():
                self.assertEqual(facts.mtime_ns, int(path.partition(b"-")[2].rpartition(b"e-")[2]) * SECOND, path)

    def test_each_part_is_there(self) -> None:
        expected = nasty_image.nasty_image().expected
        for part in PARTS:
            self.assertGreater(len(below(expected, part)), 1, part)

    def test_it_is_the_same_each_time(self) -> None:
        made = [[digest_of(layer.tar) for layer in nasty_image.make_layers(nasty_image.SMALL)] for _ in range(2)]
        self.assertEqual(*made)

    def test_skopeo_carries_it(self) -> None:
        self.check_that_skopeo_carries(nasty_image.nasty_image().image)


class LargeNastyImageTest(OciImageTest):
    fixtures = "nasty"

    def test_model_and_umoci_agree(self) -> None:
        found = nasty_image.nasty_as_umoci_has_it(nasty_image.LARGE_FOR_UMOCI)
        expected = nasty_image.nasty_image(nasty_image.LARGE_FOR_UMOCI).expected
        self.assertEqual(differences(expected, found, unsure_mtimes=False), [])

    def test_it_is_large(self) -> None:
        nasty = nasty_image.nasty_image(nasty_image.LARGE)
        self.assertEqual(len(nasty.image.layer_digests()), 40)
        self.assertGreater(len(nasty.expected), 100_000)
        self.assertEqual(sum(facts.size > 4 << 30 for facts in nasty.expected.values()), 2)

    def test_skopeo_carries_it(self) -> None:
        self.check_that_skopeo_carries(nasty_image.nasty_image(nasty_image.LARGE).image)


class DebianImageTest(OciImageTest):
    fixtures = "debian"

    def test_model_and_umoci_agree(self) -> None:
        image = debian_image(GCC)
        found = scan(image.unpack_with_umoci(self.folder / "unpacked"))
        self.assertEqual(differences(image.model(), found, unsure_mtimes=False), [])
        for program in (b"usr/bin/apt", b"usr/bin/node", b"usr/bin/gcc"):
            self.assertIn(program, found)

    def test_further_layers_lie_upon_the_first_and_white_out(self) -> None:
        images = [debian_image(stage) for stage in (DEBIAN, NODE, GCC)]
        layers = [image.layer_digests() for image in images]
        self.assertEqual([len(digests) for digests in layers], [1, 2, 3])
        self.assertEqual((layers[1][:1], layers[2][:2]), (layers[0], layers[1]))
        node = list(images[1].tars())[1]
        self.assertIn(b"/" + WHITEOUT, node)

    def test_skopeo_carries_it(self) -> None:
        self.check_that_skopeo_carries(debian_image(DEBIAN))


class OciModelTest(IntegrationTest):
    def test_a_hard_link_to_nowhere(self) -> None:
        layer = TarWriter()
        layer.hard_link("link", "nowhere")
        with self.assertRaisesRegex(ModelError, "link.*nowhere"):
            OciModel().apply(layer.finish())

    def test_symlinks_in_a_circle_on_the_way(self) -> None:
        layer = TarWriter()
        layer.symlink("circle", "circle")
        layer.file("circle/file")
        with self.assertRaisesRegex(ModelError, "symlinks"):
            OciModel().apply(layer.finish())


class CodecTest(IntegrationTest):
    def test_layers_are_unpacked_again(self) -> None:
        tars = [number.to_bytes(2, "big") * 500_000 for number in range(5)]
        layout = OciLayout(self.folder / "layout")
        codecs = [PLAIN, GZIP_6, STORED, MEMBERS, ZSTD]
        layout.tag(layout.image(Layer(tar, codec) for tar, codec in zip(tars, codecs)), "v1")
        image = OciImage(layout.folder, "v1")
        self.assertEqual(list(image.tars()), tars)
        self.assertEqual({layer["mediaType"].rpartition("tar")[2] for layer in image.manifest()["layers"]}, {"", "+gzip", "+zstd"})


class KeptTest(IntegrationTest):
    def make(self, name: str = "thing", recipe: object = 1) -> str:
        made = kept(name, [], recipe, lambda folder: (folder / "made").write_text(self.next_number()), self.folder)
        return (made / "made").read_text()

    def next_number(self) -> str:
        with (self.folder / "count").open("a") as count:
            return str(count.write("x") + count.tell() - 1)

    def test_is_made_once_for_a_recipe(self) -> None:
        self.assertEqual([self.make(), self.make(), self.make(recipe=2), self.make(), self.make("other")], ["1", "1", "2", "1", "3"])

    def test_who_comes_at_the_same_time_waits(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual(set(pool.map(lambda _: self.make(), range(8))), {"1"})

    def test_is_made_again_after_a_failure(self) -> None:
        with self.assertRaises(ZeroDivisionError):
            kept("thing", [], 1, lambda _: 1 // 0, self.folder)
        self.assertEqual(self.make(), "1")
        self.assertEqual(list(self.folder.glob("making*")), [])

    def test_what_nobody_used_for_long_goes(self) -> None:
        self.make()
        [old] = self.folder.glob("thing.*")
        long_ago = old.stat().st_mtime - UNUSED_SECONDS - 1
        os.utime(old, (long_ago, long_ago))
        self.make("other")
        self.assertTrue(old.exists())
        self.make(recipe=2)
        self.assertFalse(old.exists())
