// A real EROFS image for the mount tests: a small tree, and what mkfs.erofs makes of it.
//
// Needs root and mkfs.erofs (erofs-utils); WhyNoMounts says what is missing. One thread.
#pragma once

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "cachefiles/erofs_mount.h"
#include "daemon/base/byte_range.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {

// Why mounts cannot be tested here; empty when they can.
inline std::string WhyNoMounts() {
  if (geteuid() != 0) return "needs root: mounts";
  if (access("/dev/fuse", R_OK | W_OK) != 0) return "needs /dev/fuse";
  if (!KernelHasErofs()) return "needs a kernel with EROFS";
  if (std::system("mkfs.erofs --help >/dev/null 2>&1") != 0) return "needs mkfs.erofs (erofs-utils)";
  return "";
}

// Whether this kernel mounts EROFS from plain files (6.12 and later): tried with one that holds no image.
inline bool KernelMountsFiles(const DiskFolder& folder) {
  const std::string file = folder / "no-image";
  const std::string target = folder / "no-mount";
  std::ofstream(file) << std::string(4096, '\0');
  mkdir(target.c_str(), 0700);
  return mount(file.c_str(), target.c_str(), "erofs", MS_RDONLY, nullptr) == 0 || errno != ENOTBLK;
}

inline std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

inline std::string NoiseOf(size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; i += 8) {
    const uint64_t word = random();
    std::memcpy(bytes.data() + i, &word, std::min<size_t>(8, size - i));
  }
  return bytes;
}

class ErofsTestImage {
 public:
  static constexpr size_t kBigFile = 20 << 20;  // "big", of noise

  // `separate_blob`: file data in a second file, as chunks of 64 KiB, which mounts need as `device=`. Each is
  // made once per process: on an emulated CPU that takes seconds.
  static const ErofsTestImage& Get(bool separate_blob) {
    if (separate_blob) {
      static const ErofsTestImage kTwoFiles(true);
      return kTwoFiles;
    }
    static const ErofsTestImage kOneFile(false);
    return kOneFile;
  }

  const DiskFolder& folder() const { return folder_; }
  std::string source() const { return folder_ / "image"; }
  std::string device() const { return folder_ / "blob"; }
  const std::string& bootstrap() const { return bootstrap_; }
  const std::string& blob() const { return blob_; }
  const std::map<std::string, std::string>& files() const { return files_; }  // path → content

 private:
  explicit ErofsTestImage(bool separate_blob) {
    const std::string tree = folder_ / "tree";
    Write(tree, "empty", "");
    Write(tree, "one", "x");
    Write(tree, "under-a-block", NoiseOf(4095, 1));
    Write(tree, "block", NoiseOf(4096, 2));
    Write(tree, "dir/deep/odd", NoiseOf(100'001, 3));
    Write(tree, "zeros", std::string(1 << 20, '\0'));
    Write(tree, "big", NoiseOf(kBigFile, 4));
    const std::string options =
        separate_blob ? absl::StrCat("--chunksize=65536 --blobdev=", device(), " ") : "";
    const std::string command = absl::StrCat("mkfs.erofs ", options, source(), " ", tree, " >/dev/null 2>&1");
    if (std::system(command.c_str()) != 0) std::abort();
    bootstrap_ = Padded(ReadWhole(source()));
    if (separate_blob) blob_ = Padded(ReadWhole(device()));
  }

  void Write(const std::string& tree, const std::string& name, const std::string& content) {
    const std::filesystem::path path = std::filesystem::path(tree) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    files_[name] = content;
  }
  static std::string Padded(std::string bytes) {
    bytes.resize(RoundUp(bytes.size(), kBlockSize));
    return bytes;
  }

  const DiskFolder folder_;
  std::map<std::string, std::string> files_;
  std::string bootstrap_;
  std::string blob_;
};

}  // namespace lacuna
