"""Makes the images that take long, and keeps them in LACUNA_CACHE, before tests want them: make_images.py debian | nasty.

Exit status: 0 done, 77 not to be had here, with a line `skipped: …`.
"""
import sys
import time
import unittest

from harness import debian_image, nasty_image


def make(name: str) -> None:
    if name == "debian":
        debian_image.debian_image(debian_image.GCC)  # which begins with the others
    elif name == "nasty":
        nasty_image.nasty_image(nasty_image.LARGE)
        nasty_image.nasty_as_umoci_has_it(nasty_image.LARGE_FOR_UMOCI)
    else:
        sys.exit(f"make_images.py: no images of the name {name}")


def main() -> int:
    started = time.monotonic()
    try:
        make(sys.argv[1])
    except unittest.SkipTest as reason:
        print(f"skipped: {reason}")
        return 77
    print(f"made in {time.monotonic() - started:.0f} s")
    return 0


sys.exit(main())
