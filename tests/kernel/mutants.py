#!/usr/bin/env python3
"""Plants mistakes in the cachefiles door and the chunk map, one after the other, and holds the kernel tests to noticing each of them.

usage: tests/kernel/mutants.py [NAME…]

For people, not part of CI: each mistake takes a build and a few machines. Exit status 0 if every mistake turned a test red.
"""
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
CACHE = pathlib.Path(os.environ.get("LACUNA_CACHE", pathlib.Path.home() / ".cache" / "lacuna"))  # as tests/run
PROGRAMS = ("lacunad", "lacunad-worker", "lacunactl", "lacuna-image", "cache_folder_check")
RED = 1
TESTS = ("test_cachefiles_door.CachefilesDoorTest.test_every_file_is_equal",
         "test_cachefiles_images.LastBlockTest.test_of_a_device_and_a_small_bootstrap",
         "test_cachefiles_space.StuckDiskTest.test_a_reader_gets_its_bytes_once_they_are_written_and_not_before",
         "power.power_cut_test.PowerCutTest.test_no_power_cut_leaves_a_wrong_byte")


@dataclasses.dataclass(frozen=True)
class Edit:
    """`old` stands exactly once in the file; a mutant that no longer fits the code says so instead of passing."""

    file: str
    old: str
    new: str

    def apply(self, tree: pathlib.Path) -> None:
        path = tree / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise SystemExit(f"mutants.py: {self.file} has {text.count(self.old)} times: {self.old}")
        path.write_text(text.replace(self.old, self.new))


MUTANTS = {
    "skips READ_COMPLETE": [
        Edit("cachefiles/cachefiles_reads.cc",
             "const int error = device_->CompleteRead(object_fd, msg_id);", "const int error = 0 * (object_fd + msg_id);")],
    "writes at a rounded offset": [
        Edit("cachefiles/cachefiles_file.cc", "blocks.size(), static_cast<off_t>(offset));",
             "blocks.size(), static_cast<off_t>(offset / (4 * kChunkSize) * (4 * kChunkSize)));")],
    "answers before writing": [
        Edit("daemon/blob_cache_arrival.cc", "  absl::Status stored = refusal();\n",
             "  if (kept_by_kernel()) ChunksStored(chunks, file).IgnoreError();\n  absl::Status stored = refusal();\n")],
    "forgets to pad": [
        Edit("daemon/flight.cc", "  buffer_.resize(RoundUp(buffer_.size(), kBlockSize));\n", ""),
        Edit("cachefiles/cachefiles_file.cc", ".first(RoundUp(size, kBlockSize));", ".first(size);")],
    "writes the map before the data is synced": [
        Edit("cachefiles/chunk_map.cc", """  if (absl::Status synced = data.Sync(); !synced.ok()) return Fail(synced);
  return WriteSlot(std::move(snapshot));
""", """  RETURN_IF_ERROR(WriteSlot(std::move(snapshot)));
  const absl::Status synced = data.Sync();
  return synced.ok() ? synced : Fail(synced);
""")],
    "writes what came during the sync into the map": [
        Edit("cachefiles/chunk_map.cc", "  return WriteSlot(std::move(snapshot));\n", """  {
    MutexLock lock(mutex_);
    snapshot = words_;
  }
  return WriteSlot(std::move(snapshot));
""")],
}


def build(tree: pathlib.Path) -> pathlib.Path:
    folder = tree / "build" / "release"
    settings = os.environ | {"CCACHE_DIR": str(CACHE / "ccache"), "CCACHE_BASEDIR": str(tree), "CCACHE_NOHASHDIR": "1"}
    for command in (["cmake", "--preset", "release"],
                    ["cmake", "--build", "--preset", "release", "--target", *PROGRAMS]):
        done = subprocess.run(command, cwd=tree, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise SystemExit(f"mutants.py: {' '.join(command)} failed:\n{done.stdout[-4000:]}")
    return folder


def killer(tree: pathlib.Path) -> str | None:
    """The first test that fails with the programs of this tree."""
    settings = os.environ | {"LACUNA_BUILD_DIR": str(build(tree)), "PYTHONPATH": str(HERE)}
    for test in TESTS:
        on_host = test.startswith("power.")
        command = [str(HERE.parent / "integration/run_one.py")] if on_host else [str(HERE / "run_in_vm.py"), "6.12"]
        done = subprocess.run([sys.executable, *command, test], env=settings, stdout=subprocess.DEVNULL)
        if done.returncode == RED:
            return test
    return None


def survives(name: str, edits: list[Edit], folder: pathlib.Path) -> bool:
    tree = folder / "tree"
    shutil.copytree(SOURCE, tree, ignore=shutil.ignore_patterns("build", ".git"), symlinks=True)
    try:
        for edit in edits:
            edit.apply(tree)
        red = killer(tree)
    finally:
        shutil.rmtree(tree)
    print(f"{name or 'nothing planted'}: {red or 'all green'}", flush=True)
    return red is None


def main() -> int:
    names = sys.argv[1:] or list(MUTANTS)
    if unknown := set(names) - set(MUTANTS):
        print(f"mutants.py: unknown {', '.join(unknown)}; known: {', '.join(MUTANTS)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="lacuna-mutants-", dir="/var/tmp") as folder:
        if not survives("", [], pathlib.Path(folder)):
            print("mutants.py: a test is red without any mistake", file=sys.stderr)
            return 1
        survivors = [name for name in names if survives(name, MUTANTS[name], pathlib.Path(folder))]
    print(f"{len(names) - len(survivors)} of {len(names)} mistakes were noticed")
    return 1 if survivors else 0


sys.exit(main())
