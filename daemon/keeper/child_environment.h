// The variables by which the keeper leads what it executes to the descriptors that it leaves to it.
//
// Does not allocate. Callers: the keeper writes them; KeeperClient and the keeper's main read them.
#pragma once

#include <unistd.h>

#include <array>
#include <cstdio>

namespace lacuna {

inline constexpr char kKeeperVariable[] = "LACUNA_KEEPER";  // for a worker: "SOCKET,MEMORY"
inline constexpr char kCheckVariable[] =
    "LACUNA_KEEPER_CHECK";               // for a keeper: only whether it could, "MEMORY"
inline constexpr int kCheckPassed = 86;  // its exit status then, which no other program has by chance
inline constexpr char kTakeOverVariable[] = "LACUNA_KEEPER_TAKE_OVER";  // for a keeper: "MEMORY"

// This process' environment with one variable in front.
class ChildEnvironment {
 public:
  ChildEnvironment(const char* variable, int number) { Fill(variable, "%s=%d", number, 0); }
  ChildEnvironment(const char* variable, int first, int second) { Fill(variable, "%s=%d,%d", first, second); }

  char** get() { return pointers_.data(); }

 private:
  void Fill(const char* variable, const char* format, int first, int second) {
    std::snprintf(variable_.data(), variable_.size(), format, variable, first, second);
    pointers_[0] = variable_.data();
    size_t count = 1;
    for (char** entry = environ; *entry != nullptr && count + 1 < pointers_.size(); ++entry) {
      pointers_[count++] = *entry;
    }
    pointers_[count] = nullptr;
  }

  std::array<char, 64> variable_ = {};
  std::array<char*, 1024> pointers_ = {};
};

}  // namespace lacuna
