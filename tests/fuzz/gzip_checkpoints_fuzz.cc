// Inflating as anybody may have compressed it, from checkpoints as anybody may have made them.
//
// Input: one byte that says where the checkpoint is, its bits, then a gzip stream. It is inflated as a whole;
// then from each checkpoint that was made on the way, which has to give the same; then from the checkpoint of
// the input's own.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "erofs-tools/layer/gzip_inflater.h"
#include "erofs-tools/layer/zstd_stream.h"

namespace lacuna {
namespace {

constexpr size_t kMaxRatio = 1100;  // deflate's is 1032

void Check(bool holds) {
  if (!holds) std::abort();
}

// What comes out, and whether without error.
bool Inflate(BlobInflater& inflater, absl::Span<const char> blob) {
  for (; blob.size() > 100; blob.remove_prefix(100)) {
    if (!inflater.Write(blob.first(100)).ok()) return false;
  }
  return inflater.Write(blob).ok() && inflater.Finish().ok();
}

BlobInflater::OnTar AppendTo(std::string& tar) {
  return [&tar](absl::Span<const char> bytes, uint64_t) {
    tar.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  };
}

// Returns false when the checkpoint's window is none.
bool InflateFrom(const GzipCheckpoint& checkpoint, absl::Span<const char> blob, std::string& tar, bool& ok) {
  auto inflater = GzipInflater::From(checkpoint, AppendTo(tar));
  if (!inflater.ok()) return false;
  ok = Inflate(**inflater, blob.subspan(BlobBegin(checkpoint)));
  return true;
}

void InflateBlob(absl::Span<const char> blob) {
  std::string whole;
  std::vector<GzipCheckpoint> checkpoints;
  GzipInflater inflater(AppendTo(whole), &checkpoints);
  const bool good = Inflate(inflater, blob);
  Check(whole.size() <= blob.size() * kMaxRatio);
  for (const GzipCheckpoint& checkpoint : checkpoints) {
    std::string part;
    bool ok = false;
    Check(InflateFrom(checkpoint, blob, part, ok));
    // From a checkpoint on the member's checksum is not known.
    Check(ok || !good);
    Check(!good || part == whole.substr(checkpoint.tar_offset));
  }
}

}  // namespace
}  // namespace lacuna

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const absl::Span<const char> blob(reinterpret_cast<const char*>(data) + 2, size - 2);
  lacuna::InflateBlob(blob);
  const lacuna::GzipCheckpoint checkpoint{
      .tar_offset = 1,
      .blob_offset = std::min<uint64_t>(data[0] + 1, blob.size()),
      .bits = static_cast<uint8_t>(data[1] % 8),
      .window = data[1] % 16 < 8 ? lacuna::ZstdCompress("window", 1) : std::string(blob.begin(), blob.end())};
  if (checkpoint.blob_offset == 0) return 0;
  std::string tar;
  bool ok = false;
  lacuna::InflateFrom(checkpoint, blob, tar, ok);
  lacuna::Check(tar.size() <= blob.size() * lacuna::kMaxRatio);
  return 0;
}
