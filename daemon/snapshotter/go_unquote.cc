#include "daemon/snapshotter/go_unquote.h"

#include <cstdint>

namespace lacuna {
namespace {

constexpr uint32_t kMaxRune = 0x10FFFF;
constexpr uint32_t kReplacementRune = 0xFFFD;

void AppendUtf8(uint32_t rune, std::string& out) {
  if (rune >= 0xD800 && rune < 0xE000) rune = kReplacementRune;  // half a surrogate pair, as Go does
  if (rune < 0x80) {
    out.push_back(static_cast<char>(rune));
  } else if (rune < 0x800) {
    out.push_back(static_cast<char>(0xC0 | rune >> 6));
    out.push_back(static_cast<char>(0x80 | (rune & 0x3F)));
  } else if (rune < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | rune >> 12));
    out.push_back(static_cast<char>(0x80 | (rune >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (rune & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | rune >> 18));
    out.push_back(static_cast<char>(0x80 | (rune >> 12 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (rune >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (rune & 0x3F)));
  }
}

// Takes `count` digits of the base from the front of `text`.
std::optional<uint32_t> TakeNumber(absl::string_view& text, size_t count, uint32_t base) {
  if (text.size() < count) return std::nullopt;
  uint32_t value = 0;
  for (const char c : text.substr(0, count)) {
    uint32_t digit = 16;
    if (c >= '0' && c <= '9') digit = static_cast<uint32_t>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<uint32_t>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') digit = static_cast<uint32_t>(c - 'A' + 10);
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
  }
  text.remove_prefix(count);
  return value;
}

// Takes what follows a backslash from the front of `text`. False when it means nothing.
bool TakeEscape(absl::string_view& text, char quote, std::string& out) {
  static constexpr absl::string_view kLetters = "abfnrtv\\";
  static constexpr absl::string_view kMeanings = "\a\b\f\n\r\t\v\\";
  const char c = text.front();
  if (const size_t at = kLetters.find(c); at != absl::string_view::npos || c == quote) {
    text.remove_prefix(1);
    out.push_back(c == quote ? c : kMeanings[at]);
    return true;
  }
  if (c >= '0' && c <= '7') {
    const std::optional<uint32_t> byte = TakeNumber(text, 3, 8);
    if (!byte.has_value() || *byte > 255) return false;
    out.push_back(static_cast<char>(*byte));
    return true;
  }
  const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits == 0) return false;
  text.remove_prefix(1);
  const std::optional<uint32_t> value = TakeNumber(text, digits, 16);
  if (!value.has_value() || *value > kMaxRune) return false;
  c == 'x' ? out.push_back(static_cast<char>(*value)) : AppendUtf8(*value, out);
  return true;
}

}  // namespace

std::optional<std::string> GoUnquote(absl::string_view literal) {
  if (literal.size() < 2 || literal.front() != literal.back()) return std::nullopt;
  const char quote = literal.front();
  absl::string_view rest = literal.substr(1, literal.size() - 2);
  std::string out;
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == quote || c == '\n' || (c == '\\' && rest.empty())) return std::nullopt;
    if (c != '\\') {
      out.push_back(c);
    } else if (!TakeEscape(rest, quote, out)) {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace lacuna
