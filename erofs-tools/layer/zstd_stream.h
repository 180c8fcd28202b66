// zstd in memory and as streams, bounded.
// Source: RFC 8878; zstd's manual.
//
// Callers: what reads and writes an index, or a zstd layer. Each is used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace lacuna {

// How far back a frame may refer, as a power of two: a reader's memory. In an index 8 MiB (all levels that we
// write stay below), in a layer 128 MiB, which is the zstd program's own limit.
inline constexpr int kIndexWindowLog = 23;
inline constexpr int kLayerWindowLog = 27;

struct ZstdFree {
  void operator()(ZSTD_CCtx_s* context) const;
  void operator()(ZSTD_DCtx_s* context) const;
};

// Compresses a stream to a string.
class ZstdWriter {
 public:
  // ResourceExhausted, from any method, when the result would be longer than `max_bytes`.
  ZstdWriter(int level, uint64_t max_bytes);

  absl::Status Write(absl::Span<const char> bytes);
  absl::StatusOr<std::string> Finish() &&;

 private:
  absl::Status Compress(absl::Span<const char> bytes, bool end);

  const uint64_t max_bytes_;
  const std::unique_ptr<ZSTD_CCtx_s, ZstdFree> context_;
  std::string result_;
};

// Decompresses a stream of any number of frames.
class ZstdReader {
 public:
  explicit ZstdReader(int max_window_log);

  // Takes bytes off the begin of `in`, and returns how many came out, into the begin of `out`. None when more
  // input is needed. InvalidArgument when it is not zstd's, or needs a larger window.
  absl::StatusOr<size_t> Read(absl::Span<const char>& in, absl::Span<char> out);
  // Whether a frame has ended, and nothing of another has been read.
  bool at_end() const { return at_end_; }

 private:
  const std::unique_ptr<ZSTD_DCtx_s, ZstdFree> context_;
  bool at_end_ = false;
};

// One frame that says how long its content is.
std::string ZstdCompress(absl::string_view bytes, int level);
// InvalidArgument when `bytes` are not whole frames, or more than `max_bytes` come out.
absl::StatusOr<std::string> ZstdDecompress(absl::string_view bytes, uint64_t max_bytes);
// What the first frame of `bytes` says is its content's length. InvalidArgument when it does not say.
absl::StatusOr<uint64_t> ZstdContentSize(absl::string_view bytes);

}  // namespace lacuna
