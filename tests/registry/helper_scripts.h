// Credential helpers written in shell, in a folder that goes before all others in $PATH. Make it before
// threads start: it changes the environment.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fakes/temp_dir.h"

namespace lacuna {

// Sets a variable, and puts back what it was; null takes it out.
class ScopedEnvironment {
 public:
  ScopedEnvironment(const char* name, const char* value) : name_(name) {
    const char* const before = std::getenv(name);
    was_set_ = before != nullptr;
    if (was_set_) before_ = before;
    Set(value);
  }
  ~ScopedEnvironment() { Set(was_set_ ? before_.c_str() : nullptr); }
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

 private:
  void Set(const char* value) { value == nullptr ? unsetenv(name_) : setenv(name_, value, 1); }

  const char* const name_;
  bool was_set_ = false;
  std::string before_;
};

inline void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

class HelperScripts {
 public:
  // docker-credential-NAME; the script's working folder is the tests'.
  void Install(const std::string& name, const std::string& script) {
    const std::string path = folder_ / ("docker-credential-" + name);
    WriteFile(path, script.starts_with("#!") ? script : "#!/bin/sh\n" + script);
    chmod(path.c_str(), 0700);
  }
  // A file for a script to write to or read from.
  std::string File(const std::string& name) const { return folder_ / name; }
  bool Exists(const std::string& name) const { return std::filesystem::exists(File(name)); }
  std::string Content(const std::string& name) const {
    std::ifstream file(File(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  const TempDir folder_;
  const ScopedEnvironment path_{"PATH", (folder_.path() + ":" + std::getenv("PATH")).c_str()};
};

}  // namespace lacuna
