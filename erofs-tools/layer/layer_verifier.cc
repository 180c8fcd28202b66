#include "erofs-tools/layer/layer_verifier.h"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/layer/device_layout.h"
#include "erofs-tools/layer/structure_reader.h"
#include "erofs-tools/tar/tar_reader.h"

namespace lacuna {
namespace {

constexpr uint64_t kStep = 1024 * 1024;
constexpr size_t kReadSize = 256 * 1024;

}  // namespace

// The tar is made in turns of some KiB of structure: read by the TarReader, it becomes parts to hash.
class LayerVerifier::State final : public TarSink {
 public:
  State(std::shared_ptr<const LayerIndex> index, ReadDevice read_device)
      : index_(std::move(index)),
        read_device_(std::move(read_device)),
        structure_(*index_),
        buffer_(kReadSize) {}

  absl::StatusOr<bool> Step() {
    hashed_ = 0;
    while (hashed_ < kStep) {
      if (!parts_.empty()) {
        RETURN_IF_ERROR(HashPart());
        continue;
      }
      absl::StatusOr<bool> more = ReadStructure();
      if (!more.ok()) return IntegrityError(more.status().message());
      if (!*more) return Compare();
    }
    return false;
  }

 private:
  // Of the tar: structure, and the bodies behind it.
  struct Part {
    std::string structure;
    std::deque<DevicePiece> bodies;
  };

  // False at its end.
  absl::StatusOr<bool> ReadStructure() {
    ASSIGN_OR_RETURN(const absl::Span<const char> bytes, structure_.Next());
    RETURN_IF_ERROR(bytes.empty() ? tar_.Finish() : tar_.Read(bytes));
    return !bytes.empty();
  }

  absl::Status OnStructure(absl::Span<const char> bytes) override {
    if (parts_.empty() || !parts_.back().bodies.empty()) parts_.emplace_back();
    parts_.back().structure.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }

  absl::Status OnEntry(const TarEntry& entry, uint64_t body_offset) override {
    if (entry.type != TarEntry::Type::kRegular) return absl::OkStatus();
    ASSIGN_OR_RETURN(const PlacedFile placed, layout_.Place(entry, body_offset));
    if (parts_.empty()) parts_.emplace_back();
    std::deque<DevicePiece>& bodies = parts_.back().bodies;
    bodies.insert(bodies.end(), placed.pieces.begin(), placed.pieces.end());
    return absl::OkStatus();
  }

  absl::Status OnBody(absl::Span<const char>) override { return absl::OkStatus(); }

  // Hashes some of the first part.
  absl::Status HashPart() {
    Part& part = parts_.front();
    Hash(part.structure);
    part.structure.clear();
    if (part.bodies.empty()) {
      parts_.pop_front();
      return absl::OkStatus();
    }
    DevicePiece& body = part.bodies.front();
    const auto bytes = absl::MakeSpan(buffer_).first(std::min<uint64_t>(body.length, kReadSize));
    RETURN_IF_ERROR(read_device_(body.device_offset, bytes));
    Hash(bytes);
    body.device_offset += bytes.size();
    body.length -= bytes.size();
    if (body.length == 0) part.bodies.pop_front();
    return absl::OkStatus();
  }

  void Hash(absl::Span<const char> bytes) {
    hash_.Update(bytes);
    hashed_ += bytes.size();
  }

  absl::StatusOr<bool> Compare() {
    const Digest digest = hash_.Finish();
    if (digest == index_->diff_id) return true;
    return IntegrityError(absl::StrCat("the layer's device and its index are those of a tar of ",
                                       digest.ToString(), " instead of ", index_->diff_id.ToString()));
  }

  const std::shared_ptr<const LayerIndex> index_;
  const ReadDevice read_device_;
  StructureReader structure_;
  DeviceLayout layout_;
  TarReader tar_{*this, TarReader::Bodies::kCutOut};
  Sha256 hash_;
  std::vector<char> buffer_;
  std::deque<Part> parts_;
  uint64_t hashed_ = 0;  // bytes, in this step
};

LayerVerifier::LayerVerifier(std::shared_ptr<const LayerIndex> index, ReadDevice read_device)
    : state_(std::make_unique<State>(std::move(index), std::move(read_device))) {}
LayerVerifier::~LayerVerifier() = default;

absl::StatusOr<bool> LayerVerifier::Step() {
  return state_->Step();
}

}  // namespace lacuna
