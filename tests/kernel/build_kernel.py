#!/usr/bin/env python3
"""Builds test kernels that are not in LACUNA_CACHE yet, and prints where they are: build_kernel.py [SERIES…]."""
import sys

from vm import kernel, kernel_build

try:
    for series in sys.argv[1:] or kernel.ALL:
        print(kernel_build.build(kernel.Kernel(series)))
except kernel.KernelError as error:
    sys.exit(f"build_kernel.py: {error}")
