// Runs a shell command for a test, and says where the programs it needs are missing.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace lacuna {

struct CommandResult {
  int status = -1;  // as wait() has it; 0 is success
  std::string output;
};

inline CommandResult RunCommand(const std::string& command) {
  CommandResult result;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "re");
  if (pipe == nullptr) return result;
  char buffer[4096];
  while (const size_t got = std::fread(buffer, 1, sizeof(buffer), pipe)) result.output.append(buffer, got);
  result.status = pclose(pipe);
  return result;
}

inline bool HasProgram(const std::string& name) {
  return RunCommand("command -v " + name).status == 0;
}

}  // namespace lacuna
