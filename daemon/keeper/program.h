// A program on disk, held open: it can be started also when another one has taken its path, or none.
//
// Caller: the supervisor. Opening allocates nothing.
#pragma once

#include <sys/stat.h>
#include <string>

#include "daemon/base/unique_fd.h"

namespace lacuna {

class Program {
 public:
  Program() = default;
  // Invalid, with errno set, when there is none.
  static Program Open(const std::string& path);
  // Takes over a descriptor of Open's.
  explicit Program(UniqueFd fd) : fd_(std::move(fd)) {}

  bool valid() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }
  // False as well when either is invalid.
  bool IsSameFileAs(const Program& other) const;

  // execveat(2). Returns only when that fails, with errno set.
  void Execute(char** arguments, char** environment) const;

 private:
  UniqueFd fd_;
};

}  // namespace lacuna
