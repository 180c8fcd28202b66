#include "daemon/kernel_object.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {

void KernelObject::Attach(std::shared_ptr<KernelFile> file) {
  MutexLock lock(mutex_);
  file_ = std::move(file);
}

bool KernelObject::Detach(const KernelFile& file) {
  MutexLock lock(mutex_);
  if (file_.get() != &file) return false;
  file_ = nullptr;
  staged_.clear();
  staged_bytes_ = 0;
  return true;
}

std::shared_ptr<KernelFile> KernelObject::file() const {
  MutexLock lock(mutex_);
  return file_;
}

absl::Status KernelObject::Unstage(KernelFile& file) {
  std::map<uint64_t, std::vector<char>> staged;
  {
    MutexLock lock(mutex_);
    staged = staged_;
  }
  for (const auto& [offset, bytes] : staged) RETURN_IF_ERROR(file.WriteAt(offset, bytes));
  return absl::OkStatus();
}

absl::Status KernelObject::WriteAt(uint64_t offset, absl::Span<const char> bytes) {
  std::shared_ptr<KernelFile> file;
  {
    MutexLock lock(mutex_);
    if (file_ == nullptr) return Stage(offset, bytes);
    file = file_;
  }
  return file->WriteAt(offset, bytes);
}

absl::Status KernelObject::Stage(uint64_t offset, absl::Span<const char> bytes) {
  if (bytes.size() > kMaxStagedBytes - staged_bytes_) {
    return absl::ResourceExhaustedError(absl::StrCat("the object is not open in the kernel, and more than ",
                                                     kMaxStagedBytes,
                                                     " bytes of it are not held in memory; mount its image"));
  }
  std::vector<char>& held = staged_[offset];
  staged_bytes_ += bytes.size() - held.size();
  held.assign(bytes.begin(), bytes.end());
  return absl::OkStatus();
}

absl::Status KernelObject::ReadAt(uint64_t offset, absl::Span<char> out) {
  MutexLock lock(mutex_);
  while (!out.empty()) {
    auto piece = staged_.upper_bound(offset);
    if (piece != staged_.begin()) --piece;
    const bool here =
        piece != staged_.end() && offset >= piece->first && offset - piece->first < piece->second.size();
    if (!here)
      return absl::OutOfRangeError(
          "the kernel keeps these bytes, and lets nobody but readers of a mount read them");
    const uint64_t skip = offset - piece->first;
    const size_t count = std::min<size_t>(out.size(), piece->second.size() - skip);
    std::copy_n(piece->second.begin() + static_cast<ptrdiff_t>(skip), count, out.begin());
    out.remove_prefix(count);
    offset += count;
  }
  return absl::OkStatus();
}

absl::Status KernelObject::PunchHole(const ByteRange&) {
  return absl::UnimplementedError("the kernel gives back whole objects only");
}

}  // namespace lacuna
