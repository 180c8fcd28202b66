#include "erofs-tools/layer/layer_contents.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/layer/structure_reader.h"
#include "erofs-tools/layer/zero_holes.h"
#include "erofs-tools/tar/tar_reader.h"
#include "erofs-tools/tree/layer_tree_builder.h"

namespace lacuna {
namespace {

// Places the files of the tar, and builds its tree if that is wanted.
class ContentsSink final : public TarSink {
 public:
  explicit ContentsSink(LayerTreeBuilder* builder) : builder_(builder) {}

  absl::Status OnStructure(absl::Span<const char>) override { return absl::OkStatus(); }
  absl::Status OnBody(absl::Span<const char>) override { return absl::OkStatus(); }

  absl::Status OnEntry(const TarEntry& entry, uint64_t body_offset) override {
    PlacedFile placed;
    if (entry.type == TarEntry::Type::kRegular) {
      ASSIGN_OR_RETURN(placed, layout_.Place(entry, body_offset));
      pieces_.insert(pieces_.end(), placed.pieces.begin(), placed.pieces.end());
    }
    return builder_ == nullptr ? absl::OkStatus() : builder_->Add(entry, std::move(placed.extents));
  }

  uint64_t device_size() const { return layout_.device_size(); }
  std::vector<DevicePiece> TakePieces() { return std::move(pieces_); }

 private:
  LayerTreeBuilder* const builder_;
  DeviceLayout layout_;
  std::vector<DevicePiece> pieces_;
};

absl::StatusOr<std::vector<DevicePiece>> ReadStructure(const LayerIndex& index, LayerTreeBuilder* builder) {
  ContentsSink sink(builder);
  TarReader tar(sink, TarReader::Bodies::kCutOut);
  StructureReader structure(index);
  while (true) {
    ASSIGN_OR_RETURN(const absl::Span<const char> bytes, structure.Next());
    if (bytes.empty()) break;
    RETURN_IF_ERROR(tar.Read(bytes));
  }
  RETURN_IF_ERROR(tar.Finish());
  if (tar.position() != index.tar_size || sink.device_size() != index.chunks.device_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("index: its structure is that of a tar of ", tar.position(), " bytes and a device of ",
                     sink.device_size(), ", not of ", index.tar_size, " and ", index.chunks.device_size()));
  }
  return sink.TakePieces();
}

}  // namespace

absl::StatusOr<LayerContents> ReadLayerContents(const LayerIndex& index) {
  LayerTreeBuilder builder;
  LayerContents contents;
  ASSIGN_OR_RETURN(contents.pieces, ReadStructure(index, &builder));
  contents.tree = std::move(builder).Finish();
  CutZeros(index.chunks, contents.tree);
  return contents;
}

absl::StatusOr<std::vector<DevicePiece>> ReadDevicePieces(const LayerIndex& index) {
  return ReadStructure(index, nullptr);
}

}  // namespace lacuna
