#!/usr/bin/env python3
"""Builds test kernels that are not in LACUNA_CACHE yet, and prints where they are: build_kernel.py [SERIES…]."""
import signal
import sys

from vm import kernel, kernel_build

signal.signal(signal.SIGTERM, lambda *_: sys.exit("build_kernel.py: terminated"))  # a way out that removes the build tree
try:
    for series in sys.argv[1:] or kernel.ALL:
        print(kernel_build.build(kernel.Kernel(series)), flush=True)
except kernel.KernelError as error:
    sys.exit(f"build_kernel.py: {error}")
