// The variable of a worker's environment that leads it to its keeper: the numbers of two descriptors that it
// inherits.
//
// Does not allocate. Callers: WorkerProcess writes it, KeeperClient reads it.
#pragma once

#include <unistd.h>

#include <array>
#include <cstdio>

namespace lacuna {

inline constexpr char kKeeperVariable[] = "LACUNA_KEEPER";  // "SOCKET,MEMORY"

// This process' environment with the variable in front.
class LinkEnvironment {
 public:
  LinkEnvironment(int socket, int memory) {
    std::snprintf(variable_.data(), variable_.size(), "%s=%d,%d", kKeeperVariable, socket, memory);
    pointers_[0] = variable_.data();
    size_t count = 1;
    for (char** entry = environ; *entry != nullptr && count + 1 < pointers_.size(); ++entry) {
      pointers_[count++] = *entry;
    }
    pointers_[count] = nullptr;
  }

  char** get() { return pointers_.data(); }

 private:
  std::array<char, 48> variable_ = {};
  std::array<char*, 1024> pointers_;
};

}  // namespace lacuna
