"""The files of this repository, for the checks beside this file."""
import pathlib
import re
import subprocess

PRODUCT_FOLDERS = ("daemon", "registry", "cachefiles", "erofs-tools")


def files(root: pathlib.Path) -> list[pathlib.Path]:
    """All files that belong to the tree: those that git tracks or would, or in a copy without git all outside build/."""
    if (root / ".git").exists():
        listed = subprocess.run(["git", "-C", str(root), "-c", f"safe.directory={root}", "ls-files", "-z", "--cached",
                                 "--others", "--exclude-standard"], check=True, capture_output=True)
        names = {name.decode() for name in listed.stdout.split(b"\0") if name}
    else:
        names = {p.relative_to(root).as_posix() for p in root.rglob("*") if "__pycache__" not in p.parts}
        names = {name for name in names if not name.startswith("build/")}
    return [root / name for name in sorted(names) if (root / name).is_file()]


def cxx_files(root: pathlib.Path) -> list[pathlib.Path]:
    return [f for f in files(root) if f.suffix in (".h", ".cc")]


def is_product(root: pathlib.Path, path: pathlib.Path) -> bool:
    return path.relative_to(root).parts[0] in PRODUCT_FOLDERS


def own_includes(text: str) -> list[str]:
    """What a C++ source includes with quotes."""
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.MULTILINE)
