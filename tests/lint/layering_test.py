"""Fails if a folder includes, or a library links, what it may not. The rule is the table below (DESIGN.md section 3).

usage: layering_test.py SOURCE_DIR
"""
import pathlib
import re
import sys

import source_tree

MAY_USE = {
    "daemon/base": {"daemon/base"},
    "registry": {"registry", "daemon/base"},
    "cachefiles": {"cachefiles", "daemon/base"},
    "erofs-tools": {"erofs-tools", "daemon/base", "proto"},
    "erofs-tools/cli": {"erofs-tools/cli", "erofs-tools", "registry", "daemon/base", "proto"},
    "daemon/snapshotter": {"daemon/snapshotter", "daemon/base"},
    "daemon": {"daemon", "daemon/base", "daemon/snapshotter", "registry", "cachefiles", "erofs-tools", "proto"},
    "daemon/cli": {"daemon/cli", "daemon", "daemon/base", "daemon/snapshotter", "registry", "cachefiles", "erofs-tools", "proto"},
    "proto": {"proto"},
}


def layer(path: str) -> str:
    """The row of the table that a path belongs to; the longest prefix wins. Empty: not ours (a library's header)."""
    rows = [row for row in MAY_USE if path.startswith(row + "/")]
    return max(rows, key=len, default="")


def bad_includes(root: pathlib.Path) -> list[str]:
    bad = []
    for file in source_tree.cxx_files(root):
        name = file.relative_to(root).as_posix()
        if not layer(name):
            continue  # tests may use everything
        for include in source_tree.own_includes(file.read_text()):
            if include.startswith(("tests/", "../")) or (layer(include) and layer(include) not in MAY_USE[layer(name)]):
                bad.append(f"{name} may not include {include}")
            elif "/" not in include:
                bad.append(f"{name} includes {include}: name it from the top of the tree")
    return bad


def bad_links(root: pathlib.Path) -> list[str]:
    """Looks at every `lacuna_…` target named in a folder's CMakeLists.txt; the folder that defines a target owns it."""
    texts = {f.parent.relative_to(root).as_posix(): f.read_text()
             for f in source_tree.files(root) if f.name == "CMakeLists.txt" and layer(f.relative_to(root).as_posix())}
    defined = r"(?:lacuna_library|add_library|add_executable)\((\w+)"
    owner = {target: folder for folder, text in texts.items() for target in re.findall(defined, text)}
    bad = []
    for folder, text in texts.items():
        code = re.sub(r"#.*", "", text)
        for target in sorted(set(re.findall(r"\blacuna_\w+", code)) & set(owner)):
            if layer(owner[target] + "/") not in MAY_USE[layer(folder + "/")]:
                bad.append(f"{folder}/CMakeLists.txt may not link {target} of {owner[target]}/")
    return bad


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve()
    bad = bad_includes(root) + bad_links(root)
    print("\n".join(bad) or "layering ok")
    return 1 if bad else 0


sys.exit(main())
