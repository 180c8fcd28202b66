#include "daemon/base/hide_arguments.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"

namespace lacuna {
namespace {

void Hide(char* text) {
  std::memset(text, '*', std::strlen(text));
}

}  // namespace

void HideArguments(int argc, char** argv, std::initializer_list<absl::string_view> options) {
  for (int i = 1; i < argc; ++i) {
    for (const absl::string_view option : options) {
      const absl::string_view argument = argv[i];
      if (argument == option && i + 1 < argc) Hide(argv[i + 1]);
      if (absl::StartsWith(argument, option) && argument.substr(option.size(), 1) == "=") {
        Hide(argv[i] + option.size() + 1);
      }
    }
  }
}

}  // namespace lacuna
