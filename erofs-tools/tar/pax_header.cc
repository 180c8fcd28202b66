#include "erofs-tools/tar/pax_header.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"
#include "erofs-tools/tar/tar_xattrs.h"

namespace lacuna {
namespace {

struct Record {
  absl::string_view key;
  absl::string_view value;
};

bool HasNul(absl::string_view text) {
  return text.find('\0') != absl::string_view::npos;
}

absl::Status Malformed(absl::string_view key) {
  return absl::InvalidArgumentError(
      absl::StrCat("its PAX record \"", EscapeForTerminal(key.substr(0, 200)), "\" is malformed"));
}

// Takes "LENGTH KEY=VALUE\n" off `data`; LENGTH is that of all of it, in decimal.
std::optional<Record> TakeRecord(absl::string_view& data) {
  const size_t space = data.find(' ');
  if (space == absl::string_view::npos || data[0] == '-') return std::nullopt;
  const auto length = ParseTarDecimal(data.substr(0, space));
  if (!length.has_value() || static_cast<uint64_t>(*length) > data.size()) return std::nullopt;
  const absl::string_view record = data.substr(0, static_cast<size_t>(*length));
  if (record.size() < space + 2 || record.back() != '\n') return std::nullopt;
  data.remove_prefix(record.size());
  const absl::string_view pair = record.substr(space + 1, record.size() - space - 2);
  const size_t equals = pair.find('=');
  if (equals == absl::string_view::npos || equals == 0) return std::nullopt;
  if (HasNul(pair.substr(0, equals))) return std::nullopt;
  return Record{pair.substr(0, equals), pair.substr(equals + 1)};
}

bool SetName(absl::string_view value, std::string& name) {
  name = std::string(value);
  return !HasNul(value);
}

bool SetNumber(absl::string_view value, std::optional<int64_t>& number) {
  number = ParseTarDecimal(value);
  return number.has_value() || value.empty();
}

class Parser {
 public:
  absl::Status Add(const Record& record) {
    absl::string_view key = record.key;
    if (absl::ConsumePrefix(&key, "GNU.sparse.")) return AddSparse(key, record);
    if (absl::ConsumePrefix(&key, "SCHILY.xattr.")) {
      header_.schily_xattrs[std::string(key)] = std::string(record.value);
      return absl::OkStatus();
    }
    if (absl::ConsumePrefix(&key, "LIBARCHIVE.xattr.")) {
      auto xattr = DecodeLibarchiveXattr(key, record.value);
      if (!xattr.has_value()) return Malformed(record.key);
      header_.libarchive_xattrs[std::move(xattr->name)] = std::move(xattr->value);
      return absl::OkStatus();
    }
    return SetField(record) ? absl::OkStatus() : Malformed(record.key);
  }

  absl::StatusOr<PaxHeader> Finish() && {
    if (numbers_ % 2 != 0) return Malformed("GNU.sparse.offset");
    return std::move(header_);
  }

 private:
  bool SetField(const Record& record) {
    const auto& [key, value] = record;
    if (key == "path") return SetName(value, header_.path);
    if (key == "linkpath") return SetName(value, header_.target);
    if (key == "size") return SetNumber(value, header_.size);
    if (key == "uid") return SetNumber(value, header_.uid);
    if (key == "gid") return SetNumber(value, header_.gid);
    if (key == "mtime") {
      header_.mtime = ParsePaxTime(value);
      return header_.mtime.has_value() || value.empty();
    }
    return true;  // names of users, other times, other programs' keys
  }

  // Version 0.0 breaks the rule that a later record replaces an earlier one: offset and numbytes take turns.
  absl::Status AddSparse(absl::string_view key, const Record& record) {
    PaxSparse& sparse = header_.sparse;
    if (key == "offset" || key == "numbytes") {
      const bool expected = (key == "offset") == (numbers_ % 2 == 0);
      const bool two_maps = numbers_ == 0 && !sparse.map.empty();
      if (!expected || two_maps || absl::StrContains(record.value, ',')) return Malformed(record.key);
      absl::StrAppend(&sparse.map, numbers_ == 0 ? "" : ",", record.value);
      ++numbers_;
      return absl::OkStatus();
    }
    if (key == "map" && numbers_ > 0) return Malformed(record.key);
    const std::pair<absl::string_view, std::string*> fields[] = {
        {"major", &sparse.major}, {"minor", &sparse.minor},        {"name", &sparse.name},
        {"size", &sparse.size},   {"realsize", &sparse.real_size}, {"numblocks", &sparse.blocks},
        {"map", &sparse.map},
    };
    for (const auto& [name, text] : fields) {
      if (key == name) *text = std::string(record.value);
    }
    return absl::OkStatus();
  }

  PaxHeader header_;
  size_t numbers_ = 0;  // of a map of version 0.0
};

}  // namespace

absl::StatusOr<PaxHeader> ParsePaxHeader(absl::string_view data) {
  Parser parser;
  while (!data.empty()) {
    const absl::string_view shown = data.substr(0, 40);
    const auto record = TakeRecord(data);
    if (!record.has_value()) return Malformed(shown);
    RETURN_IF_ERROR(parser.Add(*record));
  }
  return std::move(parser).Finish();
}

}  // namespace lacuna
