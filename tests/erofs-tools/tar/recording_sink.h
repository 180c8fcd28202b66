// What a TarReader made of an archive, kept for a test to look at.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daemon/base/status.h"
#include "erofs-tools/tar/tar_reader.h"

namespace lacuna {

struct ReadEntry {
  TarEntry entry;
  uint64_t body_offset = 0;
  uint64_t structure_before = 0;  // bytes of structure passed on before it
  std::string body;

  friend bool operator==(const ReadEntry&, const ReadEntry&) = default;
};

class RecordingSink : public TarSink {
 public:
  absl::Status OnStructure(absl::Span<const char> bytes) override {
    structure.append(bytes.data(), bytes.size());
    archive.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status OnEntry(const TarEntry& entry, uint64_t body_offset) override {
    entries.push_back({entry, body_offset, structure.size(), ""});
    return absl::OkStatus();
  }
  absl::Status OnBody(absl::Span<const char> bytes) override {
    entries.back().body.append(bytes.data(), bytes.size());
    archive.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }

  std::string structure;
  std::string archive;  // structure and bodies as they came
  std::vector<ReadEntry> entries;
  absl::Status status;
  uint64_t position = 0;
};

// Reads `archive` in pieces whose lengths `next` says.
template <typename Next>
RecordingSink ReadTarInPieces(const std::string& archive, TarReader::Bodies bodies, Next next) {
  RecordingSink sink;
  TarReader reader(sink, bodies);
  for (size_t at = 0; at < archive.size() && sink.status.ok();) {
    const size_t length = std::min<size_t>(next(), archive.size() - at);
    // A copy of the very length, so that ASan sees what is read beyond it, or after it has gone.
    const std::vector<char> piece(archive.begin() + at, archive.begin() + at + length);
    sink.status = reader.Read(piece);
    at += length;
  }
  if (sink.status.ok()) sink.status = reader.Finish();
  sink.position = reader.position();
  return sink;
}

inline RecordingSink ReadTar(const std::string& archive,
                             TarReader::Bodies bodies = TarReader::Bodies::kPresent) {
  return ReadTarInPieces(archive, bodies, [&] { return archive.size(); });
}

}  // namespace lacuna
