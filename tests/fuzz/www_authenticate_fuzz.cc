// ParseWwwAuthenticate: what it returns is within its limits, and read back the same when written down again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "registry/www_authenticate.h"

namespace {

std::string Quoted(absl::string_view value) {
  std::string quoted = "\"";
  for (const char c : value) absl::StrAppend(&quoted, c == '"' || c == '\\' ? "\\" : "", std::string(1, c));
  return quoted + "\"";
}

std::string Written(const std::vector<lacuna::Challenge>& challenges) {
  std::string written;
  for (const lacuna::Challenge& challenge : challenges) {
    absl::StrAppend(&written, challenge.scheme, " ");
    for (const auto& [name, value] : challenge.parameters) {
      absl::StrAppend(&written, name, "=", Quoted(value), ",");
    }
    absl::StrAppend(&written, ",");
  }
  return written;
}

bool IsLowerCaseName(const std::string& name) {
  return !name.empty() && name == absl::AsciiStrToLower(name) && name.find_first_of(" \t,=\"") == name.npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<lacuna::Challenge> challenges = lacuna::ParseWwwAuthenticate(text);
  if (challenges.size() > 16) std::abort();
  for (const lacuna::Challenge& challenge : challenges) {
    if (!IsLowerCaseName(challenge.scheme) || challenge.parameters.size() > 32) std::abort();
    for (const auto& [name, value] : challenge.parameters) {
      if (!IsLowerCaseName(name) || value.size() > 8 * 1024) std::abort();
      if (value.find_first_of(std::string("\r\n\0", 3)) != value.npos) std::abort();
      if (challenge.Find(name) != value) std::abort();
    }
  }
  const std::vector<lacuna::Challenge> again = lacuna::ParseWwwAuthenticate(Written(challenges));
  if (again.size() != challenges.size()) std::abort();
  for (size_t i = 0; i < again.size(); ++i) {
    if (again[i].scheme != challenges[i].scheme || again[i].parameters != challenges[i].parameters)
      std::abort();
  }
  return 0;
}
