#include "erofs-tools/layer/blob_inflater.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/layer/gzip_inflater.h"
#include "erofs-tools/layer/zstd_stream.h"

namespace lacuna {
namespace {

class PlainBlob final : public BlobInflater {
 public:
  explicit PlainBlob(OnTar on_tar) : on_tar_(std::move(on_tar)) {}

  absl::Status Write(absl::Span<const char> blob) override {
    position_ += blob.size();
    return on_tar_(blob, position_);
  }
  absl::Status Finish() override { return absl::OkStatus(); }

 private:
  const OnTar on_tar_;
  uint64_t position_ = 0;
};

class ZstdBlob final : public BlobInflater {
 public:
  explicit ZstdBlob(OnTar on_tar) : on_tar_(std::move(on_tar)) {}

  absl::Status Write(absl::Span<const char> blob) override {
    const uint64_t end = position_ + blob.size();
    size_t size = 0;
    do {
      absl::StatusOr<size_t> read = reader_.Read(blob, absl::MakeSpan(tar_));
      position_ = end - blob.size();
      if (!read.ok()) {
        return IntegrityError(absl::StrCat("layer, near byte ", position_, ": ", read.status().message()));
      }
      size = *read;
      RETURN_IF_ERROR(on_tar_(absl::MakeConstSpan(tar_).first(size), position_));
    } while (size > 0);
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    if (reader_.at_end()) return absl::OkStatus();
    return IntegrityError(absl::StrCat("layer: the zstd stream is cut short at byte ", position_));
  }

 private:
  const OnTar on_tar_;
  ZstdReader reader_{kLayerWindowLog};
  std::vector<char> tar_ = std::vector<char>(128 * 1024);
  uint64_t position_ = 0;
};

}  // namespace

std::unique_ptr<BlobInflater> BlobInflater::Of(LayerCodec codec, OnTar on_tar,
                                               std::vector<GzipCheckpoint>& checkpoints) {
  switch (codec) {
    case LayerCodec::kPlain:
      return std::make_unique<PlainBlob>(std::move(on_tar));
    case LayerCodec::kZstd:
      return std::make_unique<ZstdBlob>(std::move(on_tar));
    case LayerCodec::kGzip:
      break;
  }
  return std::make_unique<GzipInflater>(std::move(on_tar), &checkpoints);
}

}  // namespace lacuna
