#include "tests/fakes/faulty_backing_file.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

void Overwrite(std::string& file, uint64_t offset, absl::string_view bytes) {
  if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size(), '\0');
  std::copy(bytes.begin(), bytes.end(), file.begin() + offset);
}

}  // namespace

std::string FileImage::bytes() const {
  MutexLock lock(mutex_);
  return seen_;
}

uint64_t FileImage::size() const {
  MutexLock lock(mutex_);
  return seen_.size();
}

size_t FileImage::unsynced() const {
  MutexLock lock(mutex_);
  return unsynced_.size();
}

void FileImage::PowerCut(const std::function<bool(size_t)>& survives) {
  MutexLock lock(mutex_);
  for (size_t i = 0; i < unsynced_.size(); ++i) {
    if (survives && survives(i)) Overwrite(durable_, unsynced_[i].offset, unsynced_[i].bytes);
  }
  unsynced_.clear();
  seen_ = durable_;
}

void FileImage::LoseWriteback() {
  MutexLock lock(mutex_);
  unsynced_.clear();
}

void FileImage::Write(uint64_t offset, absl::Span<const char> bytes) {
  MutexLock lock(mutex_);
  Overwrite(seen_, offset, {bytes.data(), bytes.size()});
  for (size_t at = 0; at < bytes.size(); at += kSector) {
    const auto sector = bytes.subspan(at, kSector);
    unsynced_.push_back({offset + at, std::string(sector.begin(), sector.end())});
  }
}

bool FileImage::Read(uint64_t offset, absl::Span<char> out) const {
  MutexLock lock(mutex_);
  if (offset + out.size() > seen_.size()) return false;
  std::copy_n(seen_.begin() + offset, out.size(), out.begin());
  return true;
}

void FileImage::Sync() {
  MutexLock lock(mutex_);
  for (const SectorWrite& write : unsynced_) Overwrite(durable_, write.offset, write.bytes);
  unsynced_.clear();
}

void FileImage::Replace(std::string bytes) {
  MutexLock lock(mutex_);
  unsynced_.clear();
  seen_ = durable_ = std::move(bytes);
}

absl::Status CrashableFile::WriteAt(uint64_t offset, absl::Span<const char> bytes) {
  image_->Write(offset, bytes);
  return absl::OkStatus();
}

absl::Status CrashableFile::ReadAt(uint64_t offset, absl::Span<char> out) {
  if (image_->Read(offset, out)) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat("the file ends before byte ", offset + out.size()));
}

absl::Status CrashableFile::Sync() {
  image_->Sync();
  return absl::OkStatus();
}

absl::Status CrashableFile::PunchHole(const ByteRange& range) {
  const uint64_t end = std::min(range.end(), image_->size());
  if (range.offset < end) image_->Write(range.offset, std::string(end - range.offset, '\0'));
  return absl::OkStatus();
}

void FaultyBackingFile::Inject(Fault fault) {
  MutexLock lock(mutex_);
  faults_.push_back(std::move(fault));
}

int FaultyBackingFile::calls(Call call) const {
  MutexLock lock(mutex_);
  return calls_[static_cast<size_t>(call)];
}

void FaultyBackingFile::OnCall(Call call, std::function<void()> hook) {
  MutexLock lock(mutex_);
  hooks_[static_cast<size_t>(call)] = std::move(hook);
}

FaultyBackingFile::Fault FaultyBackingFile::Strike(Call call) {
  std::function<void()> hook;
  Fault strike{.call = call};
  {
    MutexLock lock(mutex_);
    ++calls_[static_cast<size_t>(call)];
    hook = hooks_[static_cast<size_t>(call)];
    for (Fault& fault : faults_) {
      if (fault.call != call || fault.times == 0 || fault.after-- > 0) continue;
      fault.after = 0;
      --fault.times;
      strike = fault;
      break;
    }
  }
  if (hook) hook();
  return strike;
}

absl::Status FaultyBackingFile::WriteAt(uint64_t offset, absl::Span<const char> bytes) {
  const Fault fault = Strike(Call::kWrite);
  if (fault.status.ok()) return file_->WriteAt(offset, bytes);
  if (fault.torn_bytes > 0) file_->WriteAt(offset, bytes.subspan(0, fault.torn_bytes)).IgnoreError();
  return fault.status;
}

absl::Status FaultyBackingFile::ReadAt(uint64_t offset, absl::Span<char> out) {
  const Fault fault = Strike(Call::kRead);
  return fault.status.ok() ? file_->ReadAt(offset, out) : fault.status;
}

absl::Status FaultyBackingFile::Sync() {
  const Fault fault = Strike(Call::kSync);
  return fault.status.ok() ? file_->Sync() : fault.status;
}

absl::Status FaultyBackingFile::PunchHole(const ByteRange& range) {
  const Fault fault = Strike(Call::kPunchHole);
  return fault.status.ok() ? file_->PunchHole(range) : fault.status;
}

}  // namespace lacuna
