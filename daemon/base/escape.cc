#include "daemon/base/escape.h"

#include "absl/strings/str_cat.h"

namespace lacuna {

std::string EscapeForTerminal(absl::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    if (c >= ' ' && c <= '~') {
      text.push_back(c);
    } else {
      absl::StrAppend(&text, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return text;
}

}  // namespace lacuna
