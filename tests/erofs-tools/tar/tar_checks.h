// What holds for every archive, also for one that is refused: for the property test and the fuzz target.
#pragma once

#include <random>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/erofs-tools/tar/recording_sink.h"
#include "tests/erofs-tools/tar/tar_builder.h"

namespace lacuna {

// What TarEntry promises and this one breaks; empty: nothing.
inline std::string BrokenPromiseOf(const ReadEntry& read) {
  const TarEntry& entry = read.entry;
  if (entry.path.empty() || absl::StrContains(entry.path, '\0')) return "path";
  if (entry.permissions > 07777 || entry.mtime_nanoseconds >= 1'000'000'000) return "numbers";
  if (entry.type != TarEntry::Type::kRegular && entry.size != 0) return "size of what has none";
  uint64_t end = 0;
  bool first = true;
  for (const ByteRange& segment : entry.segments) {
    if (segment.empty() || segment.length > entry.size) return "length of a segment";
    if ((!first && segment.offset <= end) || segment.offset > entry.size - segment.length) return "segments";
    end = segment.end();
    first = false;
  }
  for (size_t i = 1; i < entry.xattrs.size(); ++i) {
    if (entry.xattrs[i - 1].name >= entry.xattrs[i].name) return "order of attributes";
  }
  for (const Xattr& xattr : entry.xattrs) {
    if (absl::StartsWith(xattr.name, "trusted.overlay.") || absl::StartsWith(xattr.name, "user.overlay.")) {
      return "attributes of overlayfs";
    }
  }
  return "";
}

inline std::string DifferenceOf(const RecordingSink& a, const RecordingSink& b) {
  if (a.status != b.status) return absl::StrCat(a.status.ToString(), " or ", b.status.ToString());
  if (a.entries != b.entries) return "entries";
  if (a.structure != b.structure) return "structure";
  if (a.position != b.position) return absl::StrCat("position: ", a.position, " or ", b.position);
  return "";
}

// Reads `archive` whole, in pieces that `seed` makes up, and again from its structure alone. What was not as
// it should be; empty: all was well.
inline std::string ViolationOf(const std::string& archive, uint32_t seed) {
  const RecordingSink whole = ReadTar(archive);
  if (whole.archive != archive.substr(0, whole.archive.size())) return "what is passed on is not the archive";
  if (whole.status.ok() && whole.archive.size() != archive.size()) return "not all is passed on";
  for (const ReadEntry& read : whole.entries) {
    if (const std::string broken = BrokenPromiseOf(read); !broken.empty()) return broken;
    if (read.body_offset > archive.size() || read.structure_before > read.body_offset)
      return "offset of a body";
    if (read.body != archive.substr(read.body_offset, read.body.size())) return "a body";
    if (whole.status.ok() && read.body.size() != read.entry.body_size()) return "length of a body";
  }

  std::minstd_rand random(seed);
  const auto pieces = [&] { return random() % 4 == 0 ? 1 + random() % 5000 : 1 + random() % 20; };
  const RecordingSink split = ReadTarInPieces(archive, TarReader::Bodies::kPresent, pieces);
  // What a sink saw before an error depends on where the pieces end; that there is one does not.
  if (split.status != whole.status) return absl::StrCat("in pieces: ", DifferenceOf(whole, split));
  if (!whole.status.ok()) return "";
  if (const std::string difference = DifferenceOf(whole, split); !difference.empty()) {
    return absl::StrCat("in pieces: ", difference);
  }

  RecordingSink cut = ReadTarInPieces(whole.structure, TarReader::Bodies::kCutOut, pieces);
  for (size_t i = 0; i < cut.entries.size() && i < whole.entries.size(); ++i) {
    cut.entries[i].body = whole.entries[i].body;
  }
  const std::string difference = DifferenceOf(whole, cut);
  return difference.empty() ? "" : absl::StrCat("from structure: ", difference);
}

// `archive` with the right checksum in every block that looks like a header: lets a mutation through to what
// is behind the checksum.
inline std::string WithChecksums(std::string archive) {
  for (size_t at = 0; at + 512 <= archive.size(); at += 512) {
    if (archive.compare(at + 257, 5, "ustar") != 0) continue;
    std::string block = archive.substr(at, 512);
    PutChecksum(block);
    archive.replace(at, 512, block);
  }
  return archive;
}

}  // namespace lacuna
