#include "daemon/cli/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace lacuna {
namespace {

constexpr size_t kGap = 2;

// Characters, not bytes: UTF-8 continuation bytes take no room.
size_t Width(const std::string& cell) {
  return std::count_if(cell.begin(), cell.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

}  // namespace

std::string Printable(const std::string& text) {
  // Quotes and backslashes are harmless on a terminal and stay readable.
  return absl::StrReplaceAll(absl::Utf8SafeCEscape(text), {{"\\\"", "\""}, {"\\'", "'"}, {"\\\\", "\\"}});
}

void Table::Add(std::vector<std::string> cells) {
  std::transform(cells.begin(), cells.end(), cells.begin(), Printable);
  rows_.push_back(std::move(cells));
}

std::string Table::ToString() const {
  std::vector<size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      absl::StrAppend(&text, row[i], std::string(widths[i] - Width(row[i]) + kGap, ' '));
    }
    absl::StrAppend(&text, row.back(), "\n");
  }
  return text;
}

}  // namespace lacuna
