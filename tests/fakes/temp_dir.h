// Folders for one test, removed with all that is in them. Nothing may be mounted there by then.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace lacuna {

class TempDir {
 public:
  TempDir() : TempDir(std::filesystem::temp_directory_path()) {}
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 protected:
  explicit TempDir(const std::filesystem::path& parent) : path_(parent / "lacuna-test-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }

 private:
  std::string path_;
};

// On a disk file system: /tmp may be a tmpfs, which bears no backing files.
class DiskFolder : public TempDir {
 public:
  DiskFolder() : TempDir(std::filesystem::path(Parent())) {}

 private:
  static const char* Parent() {
    const char* const chosen = std::getenv("TMPDIR");
    return chosen == nullptr ? "/var/tmp" : chosen;
  }
};

}  // namespace lacuna
