// Inflates a gzip blob of one or several members, from its begin, making checkpoints, or from a checkpoint.
// Sources: RFC 1951, 1952; zlib.h (Z_BLOCK, inflatePrime, inflateSetDictionary). What is allowed around
// members is what gzip and Go's compress/gzip allow: several, empty ones too, and zeros after the last.
//
// Callers: BlobInflater, ChunkDecoder. One thread at a time.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "erofs-tools/layer/blob_inflater.h"
#include "erofs-tools/layer/window_trimmer.h"

namespace lacuna {

// The least number of tar bytes between checkpoints, where they compress well: the most that a cold read
// inflates for nothing, but for the deflate block in which they end. Trimmed, a window costs some KiB: a
// thousandth of the blob.
inline constexpr uint64_t kCheckpointSpacing = 1024 * 1024;
// The same in bytes of the blob, for what hardly compresses: what lies between two checkpoints is fetched
// together.
inline constexpr uint64_t kCheckpointBlobSpacing = 512 * 1024;
inline constexpr uint64_t kGzipWindow = 32 * 1024;

class GzipInflater final : public BlobInflater {
 public:
  // From the blob's begin. Adds checkpoints unless that is null.
  GzipInflater(OnTar on_tar, std::vector<GzipCheckpoint>* checkpoints);
  // From `checkpoint`: the first byte that is written is that before its blob_offset if it has bits.
  // IntegrityError when its window cannot be.
  static absl::StatusOr<std::unique_ptr<BlobInflater>> From(const GzipCheckpoint& checkpoint, OnTar on_tar);
  ~GzipInflater() override;
  GzipInflater(const GzipInflater&) = delete;
  GzipInflater& operator=(const GzipInflater&) = delete;

  absl::Status Write(absl::Span<const char> blob) override;
  absl::Status Finish() override;

 private:
  enum class At {
    kBits,     // the byte that begins before the checkpoint
    kMember,   // within a member that zlib reads whole, and checks
    kDeflate,  // within the member of the checkpoint: zlib sees only the deflate stream
    kTrailer,  // behind the latter
    kBetween,  // before a member, or the end
    kPadding,  // zeros up to the end
  };

  absl::Status Step(absl::Span<const char>& blob);
  absl::Status Inflate(absl::Span<const char>& blob);
  absl::Status InflateOnce(uint64_t input_end, int& code);
  absl::Status BeginMember(char first);
  bool CheckpointIsDue() const;
  // Here; without a window, as at a member's begin.
  void AddCheckpoint(uint8_t bits);
  // Within a member.
  void AddCheckpointWithin();
  void FeedTrimmer(absl::Span<const char> blob);
  // The last checkpoint gets the window that is being trimmed, if there is one.
  void KeepWindow();
  absl::Status Error(absl::string_view what) const;
  void Consume(absl::Span<const char>& blob, size_t size);

  const OnTar on_tar_;
  std::vector<GzipCheckpoint>* const checkpoints_;
  std::vector<char> tar_;
  z_stream stream_{};
  At at_;
  std::unique_ptr<WindowTrimmer> trimmer_;  // of the last checkpoint, until it is done
  unsigned char byte_before_ = 0;           // the last that went in
  int bits_ = 0;                            // for kBits
  uint64_t trailer_left_ = 0;               // for kTrailer
  uint64_t blob_position_ = 0;
  uint64_t tar_position_ = 0;
};

}  // namespace lacuna
