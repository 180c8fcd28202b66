#include "erofs-tools/tar/tar_reader.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/status.h"
#include "erofs-tools/tar/entry_builder.h"
#include "erofs-tools/tar/extension_headers.h"
#include "erofs-tools/tar/sparse_map_reader.h"
#include "erofs-tools/tar/tar_error.h"
#include "erofs-tools/tar/tar_header.h"
#include "erofs-tools/tar/tar_input.h"

namespace lacuna {
namespace {

constexpr uint64_t kLongestArchive = std::numeric_limits<int64_t>::max();

}  // namespace

class TarReader::State {
 public:
  State(TarSink& sink, Bodies bodies) : sink_(sink), bodies_(bodies), input_(sink) {}

  absl::Status Read(absl::Span<const char> bytes);
  absl::Status Finish() const;
  uint64_t position() const { return input_.position(); }

 private:
  // What the next byte belongs to.
  enum class Stage {
    kHeader,
    kSecondZeroBlock,
    kExtension,  // data of an extension header
    kSparseMap,  // its blocks behind the header
    kBody,
    kPadding,
    kEnd,
  };

  absl::Status Step();
  absl::Status OnBlock(absl::string_view block);
  absl::Status OnHeader(absl::string_view block);
  absl::Status OnEntryHeader(const TarHeader& header);
  absl::Status OnSparseMap(const absl::StatusOr<bool>& complete);
  // `bytes` of body follow, or did.
  absl::Status StartEntry(uint64_t bytes);
  void StartPadding(uint64_t bytes);

  absl::Status WithPlace(const absl::Status& status) const;
  absl::Status EntryError(absl::string_view what) const;
  absl::Status CutOff(absl::string_view path) const;

  TarSink& sink_;
  const Bodies bodies_;

  TarInput input_;
  Stage stage_ = Stage::kHeader;
  uint64_t left_ = 0;       // bytes of the stage, where it is not made of blocks
  uint64_t header_at_ = 0;  // position of the last header
  ExtensionHeaders extensions_;
  TarEntry entry_;  // keeps its memory from one entry to the next
  EntryBody body_;
  SparseMapReader sparse_map_;
};

absl::Status TarReader::State::Read(absl::Span<const char> bytes) {
  input_.Give(bytes);
  while (!input_.empty()) RETURN_IF_ERROR(Step());
  return input_.PassStructure();
}

absl::Status TarReader::State::Step() {
  switch (stage_) {
    case Stage::kHeader:
    case Stage::kSecondZeroBlock:
    case Stage::kSparseMap: {
      const absl::string_view block = input_.TakeBlock();
      return block.empty() ? absl::OkStatus() : OnBlock(block);
    }
    case Stage::kExtension: {
      const absl::string_view data = input_.TakeStructure(left_);
      extensions_.Add(data);
      left_ -= data.size();
      if (left_ > 0) return absl::OkStatus();
      StartPadding(input_.position() - header_at_);
      return WithPlace(extensions_.End());
    }
    case Stage::kBody: {
      ASSIGN_OR_RETURN(const uint64_t passed, input_.PassBody(left_));
      left_ -= passed;
      if (left_ == 0) StartPadding(body_.stored);
      return absl::OkStatus();
    }
    case Stage::kPadding:
      left_ -= input_.TakeStructure(left_).size();
      if (left_ == 0) stage_ = Stage::kHeader;
      return absl::OkStatus();
    case Stage::kEnd:
      input_.TakeStructure(std::numeric_limits<uint64_t>::max());
      return absl::OkStatus();
  }
  return absl::InternalError("tar reader: no such stage");
}

absl::Status TarReader::State::OnBlock(absl::string_view block) {
  if (stage_ == Stage::kSparseMap) return OnSparseMap(sparse_map_.Add(block));
  if (stage_ == Stage::kHeader) return OnHeader(block);
  stage_ = Stage::kEnd;
  if (IsZeroBlock(block)) return absl::OkStatus();
  return WithPlace(absl::InvalidArgumentError("a block of zeros, and then one that is not"));
}

absl::Status TarReader::State::OnHeader(absl::string_view block) {
  header_at_ = input_.position() - kTarBlock;
  if (IsZeroBlock(block)) {
    stage_ = Stage::kSecondZeroBlock;
    return absl::OkStatus();
  }
  const auto header = ParseTarHeader(block);
  if (!header.ok()) return WithPlace(header.status());
  if (!ExtensionHeaders::IsOne(*header)) return OnEntryHeader(*header);
  const absl::Status started = extensions_.Start(*header);
  if (!started.ok()) return WithPlace(started);
  left_ = static_cast<uint64_t>(header->size);
  stage_ = left_ > 0 ? Stage::kExtension : Stage::kHeader;
  return left_ > 0 ? absl::OkStatus() : WithPlace(extensions_.End());
}

absl::Status TarReader::State::OnEntryHeader(const TarHeader& header) {
  const HeadersBefore& before = extensions_.before();
  const auto body = BuildTarEntry(header, before, entry_);
  if (!body.ok()) return WithPlace(body.status());
  body_ = *body;
  if (body_.stored > kLongestArchive - input_.position())
    return EntryError("it ends beyond 2^63 bytes of archive");
  if (body_.sparse != SparseFormat::kNotSparse) {
    const PaxSparse* pax = before.pax.has_value() ? &before.pax->sparse : nullptr;
    return OnSparseMap(sparse_map_.Start(body_.sparse, entry_.size, body_.stored, header, pax));
  }
  entry_.segments.clear();
  if (body_.stored > 0) entry_.segments.push_back({0, body_.stored});
  return StartEntry(body_.stored);
}

absl::Status TarReader::State::OnSparseMap(const absl::StatusOr<bool>& complete) {
  if (!complete.ok()) return EntryError(complete.status().message());
  stage_ = Stage::kSparseMap;
  if (!*complete) return absl::OkStatus();
  entry_.segments.swap(sparse_map_.segments());
  return StartEntry(sparse_map_.body());
}

absl::Status TarReader::State::StartEntry(uint64_t bytes) {
  extensions_.Clear();
  RETURN_IF_ERROR(input_.PassStructure());
  // To overlayfs such a device hides a file of the layers below; layers say that in another way.
  const bool whiteout =
      entry_.type == TarEntry::Type::kCharDevice && entry_.device_major == 0 && entry_.device_minor == 0;
  if (!whiteout) RETURN_IF_ERROR(sink_.OnEntry(entry_, position()));
  if (bytes > 0 && bodies_ == Bodies::kPresent) {
    stage_ = Stage::kBody;
    left_ = bytes;
    return absl::OkStatus();
  }
  input_.SkipBody(bytes);
  StartPadding(bytes);
  return absl::OkStatus();
}

void TarReader::State::StartPadding(uint64_t bytes) {
  left_ = RoundUp(bytes, kTarBlock) - bytes;
  stage_ = left_ > 0 ? Stage::kPadding : Stage::kHeader;
}

absl::Status TarReader::State::Finish() const {
  switch (stage_) {
    case Stage::kHeader:
    case Stage::kSecondZeroBlock:
      if (!input_.within_block()) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat("tar archive cut off at byte ", position(), ", within a header"));
    case Stage::kExtension:
      return CutOff(extensions_.path());
    case Stage::kSparseMap:
    case Stage::kBody:
      return CutOff(entry_.path);
    case Stage::kPadding:  // no byte of the entry is missing; Go takes it for the end, too
    case Stage::kEnd:
      return absl::OkStatus();
  }
  return absl::InternalError("tar reader: no such stage");
}

absl::Status TarReader::State::CutOff(absl::string_view path) const {
  return TarEntryError(path, absl::StrCat("the tar archive is cut off within it, at byte ", position()));
}

absl::Status TarReader::State::WithPlace(const absl::Status& status) const {
  return status.ok() ? status : Annotate(status, absl::StrCat("tar archive, header at byte ", header_at_));
}

absl::Status TarReader::State::EntryError(absl::string_view what) const {
  return WithPlace(TarEntryError(entry_.path, what));
}

TarReader::TarReader(TarSink& sink, Bodies bodies) : state_(std::make_unique<State>(sink, bodies)) {}
TarReader::~TarReader() = default;

absl::Status TarReader::Read(absl::Span<const char> bytes) {
  return state_->Read(bytes);
}

absl::Status TarReader::Finish() {
  return state_->Finish();
}

uint64_t TarReader::position() const {
  return state_->position();
}

}  // namespace lacuna
