#include "erofs-tools/layer/gzip_inflater.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/layer/zlib_stream.h"
#include "erofs-tools/layer/zstd_stream.h"

namespace lacuna {
namespace {

// windowBits of inflateInit2.
constexpr int kGzipFormat = 16 + 15;
constexpr int kRawDeflate = -15;

constexpr uint64_t kTrailerSize = 8;  // CRC-32 and length of a member
// How much goes in at once: by so much may be too high how many bytes a chunk is said to need.
constexpr size_t kInputStep = 4 * 1024;
constexpr size_t kOutputStep = 32 * 1024;
// Measured on a Debian layer: 3 makes windows 3% larger, 19 as much smaller in twenty times the time.
constexpr int kWindowLevel = 9;

// z_stream::data_type while inflating.
constexpr int kUnusedBits = 7;
constexpr int kInLastBlock = 64;
constexpr int kAtBlockEnd = 128;

}  // namespace

GzipInflater::GzipInflater(OnTar on_tar, std::vector<GzipCheckpoint>* checkpoints)
    : on_tar_(std::move(on_tar)), checkpoints_(checkpoints), tar_(kOutputStep), at_(At::kMember) {
  OrAbort(inflateInit2(&stream_, kGzipFormat));
  if (checkpoints_ != nullptr) AddCheckpoint(0);
}

GzipInflater::~GzipInflater() {
  inflateEnd(&stream_);
}

absl::StatusOr<std::unique_ptr<BlobInflater>> GzipInflater::From(const GzipCheckpoint& checkpoint,
                                                                 OnTar on_tar) {
  auto inflater = std::make_unique<GzipInflater>(std::move(on_tar), nullptr);
  inflater->blob_position_ = BlobBegin(checkpoint);
  inflater->tar_position_ = checkpoint.tar_offset;
  if (checkpoint.window.empty()) return inflater;  // at a member's begin
  const absl::StatusOr<std::string> window = ZstdDecompress(checkpoint.window, kGzipWindow);
  if (!window.ok()) {
    return IntegrityError(absl::StrCat("index, the checkpoint at byte ", checkpoint.tar_offset,
                                       " of the tar: ", window.status().message()));
  }
  OrAbort(inflateReset2(&inflater->stream_, kRawDeflate));
  OrAbort(
      inflateSetDictionary(&inflater->stream_, ZlibBytes(window->data()), static_cast<uInt>(window->size())));
  inflater->bits_ = checkpoint.bits;
  inflater->at_ = checkpoint.bits > 0 ? At::kBits : At::kDeflate;
  return inflater;
}

absl::Status GzipInflater::Write(absl::Span<const char> blob) {
  while (!blob.empty()) RETURN_IF_ERROR(Step(blob));
  return absl::OkStatus();
}

absl::Status GzipInflater::Finish() {
  KeepWindow();
  if (at_ == At::kBetween || at_ == At::kPadding) return absl::OkStatus();
  return Error("the gzip stream is cut short");
}

absl::Status GzipInflater::Step(absl::Span<const char>& blob) {
  switch (at_) {
    case At::kBits:
      OrAbort(inflatePrime(&stream_, bits_, static_cast<unsigned char>(blob.front()) >> (8 - bits_)));
      Consume(blob, 1);
      at_ = At::kDeflate;
      return absl::OkStatus();
    case At::kMember:
    case At::kDeflate:
      return Inflate(blob);
    case At::kTrailer: {
      const uint64_t size = std::min<uint64_t>(trailer_left_, blob.size());
      Consume(blob, size);
      trailer_left_ -= size;
      if (trailer_left_ == 0) at_ = At::kBetween;
      return absl::OkStatus();
    }
    case At::kBetween:
      return BeginMember(blob.front());
    case At::kPadding:
      break;
  }
  const auto other = std::find_if(blob.begin(), blob.end(), [](char c) { return c != 0; });
  if (other != blob.end()) return Error("neither gzip nor zeros follow the last gzip member");
  Consume(blob, blob.size());
  return absl::OkStatus();
}

absl::Status GzipInflater::BeginMember(char first) {
  if (first == 0) {
    at_ = At::kPadding;
    return absl::OkStatus();
  }
  if (CheckpointIsDue()) AddCheckpoint(0);
  OrAbort(inflateReset2(&stream_, kGzipFormat));
  at_ = At::kMember;
  return absl::OkStatus();
}

absl::Status GzipInflater::Inflate(absl::Span<const char>& blob) {
  const size_t size = std::min(blob.size(), kInputStep);
  const uint64_t end = blob_position_ + size;
  stream_.next_in = ZlibBytes(blob.data());
  stream_.avail_in = static_cast<uInt>(size);
  FeedTrimmer(blob.first(size));
  int code = Z_OK;
  do {
    RETURN_IF_ERROR(InflateOnce(end, code));
  } while (code != Z_STREAM_END && (stream_.avail_in > 0 || stream_.avail_out == 0));
  blob.remove_prefix(size - stream_.avail_in);
  if (code == Z_STREAM_END) {
    trailer_left_ = kTrailerSize;
    at_ = at_ == At::kMember ? At::kBetween : At::kTrailer;
  }
  return absl::OkStatus();
}

absl::Status GzipInflater::InflateOnce(uint64_t input_end, int& code) {
  stream_.next_out = ZlibBytes(tar_.data());
  stream_.avail_out = kOutputStep;
  const uInt available = stream_.avail_in;
  code = inflate(&stream_, CheckpointIsDue() ? Z_BLOCK : Z_NO_FLUSH);
  blob_position_ = input_end - stream_.avail_in;
  if (stream_.avail_in < available) byte_before_ = stream_.next_in[-1];
  if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {  // the last: it wants more input
    return Error(stream_.msg != nullptr ? stream_.msg : "gzip with a preset dictionary");
  }
  const size_t size = kOutputStep - stream_.avail_out;
  tar_position_ += size;
  if (size > 0) RETURN_IF_ERROR(on_tar_(absl::MakeConstSpan(tar_).first(size), blob_position_));
  const bool at_block = (stream_.data_type & (kAtBlockEnd | kInLastBlock)) == kAtBlockEnd;
  if (code != Z_STREAM_END && at_block && CheckpointIsDue()) AddCheckpointWithin();
  return absl::OkStatus();
}

void GzipInflater::AddCheckpointWithin() {
  std::string window(kGzipWindow, '\0');
  uInt window_size = 0;
  OrAbort(inflateGetDictionary(&stream_, ZlibBytes(window.data()), &window_size));
  if (window_size == 0) return;  // nothing came out of the member yet
  const int bits = stream_.data_type & kUnusedBits;
  AddCheckpoint(static_cast<uint8_t>(bits));
  trimmer_ = std::make_unique<WindowTrimmer>(window.substr(0, window_size), bits, byte_before_);
  FeedTrimmer({reinterpret_cast<const char*>(stream_.next_in), stream_.avail_in});
}

bool GzipInflater::CheckpointIsDue() const {
  if (checkpoints_ == nullptr) return false;
  const GzipCheckpoint& last = checkpoints_->back();
  return tar_position_ - last.tar_offset >= kCheckpointSpacing ||
         blob_position_ - last.blob_offset >= kCheckpointBlobSpacing;
}

void GzipInflater::AddCheckpoint(uint8_t bits) {
  KeepWindow();
  checkpoints_->push_back(
      {.tar_offset = tar_position_, .blob_offset = blob_position_, .bits = bits, .window = ""});
}

void GzipInflater::FeedTrimmer(absl::Span<const char> blob) {
  if (trimmer_ == nullptr) return;
  trimmer_->Feed(blob);
  if (trimmer_->done()) KeepWindow();
}

void GzipInflater::KeepWindow() {
  if (trimmer_ == nullptr) return;
  checkpoints_->back().window = ZstdCompress(trimmer_->Window(), kWindowLevel);
  trimmer_.reset();
}

absl::Status GzipInflater::Error(absl::string_view what) const {
  return IntegrityError(absl::StrCat("layer, near byte ", blob_position_, ": ", what));
}

void GzipInflater::Consume(absl::Span<const char>& blob, size_t size) {
  blob.remove_prefix(size);
  blob_position_ += size;
}

}  // namespace lacuna
