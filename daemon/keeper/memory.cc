#include "daemon/keeper/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/keeper/checksum.h"

namespace lacuna {
namespace {

constexpr std::array<char, 8> kMagic = {'L', 'A', 'C', 'K', 'E', 'E', 'P', '\0'};

KeeperMemory::Header HeaderNow() {
  KeeperMemory::Header header = {.magic = kMagic,
                                 .version = KeeperMemory::kVersion,
                                 .size = sizeof(KeeperMemory),
                                 .log_size = sizeof(FuseLog::Memory)};
  header.checksum = ChecksumOf(&header, sizeof(header));
  return header;
}

absl::Status Check(KeeperMemory::Header header) {
  if (header.magic != kMagic) return absl::DataLossError("no memory of a keeper's");
  if (header.version != KeeperMemory::kVersion) {
    return absl::UnimplementedError(absl::StrCat("the keeper's memory has format ", header.version,
                                                 ", this lacunad knows ", KeeperMemory::kVersion));
  }
  const uint32_t checksum = std::exchange(header.checksum, 0);
  if (checksum != ChecksumOf(&header, sizeof(header)) || header.size != sizeof(KeeperMemory)) {
    return absl::DataLossError("the header of the keeper's memory is damaged");
  }
  return absl::OkStatus();
}

absl::StatusOr<MappedKeeperMemory> Map(int fd) {
  void* const address = mmap(nullptr, sizeof(KeeperMemory), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return ErrnoStatus(errno, "mapping the keeper's memory");
  return MappedKeeperMemory(static_cast<KeeperMemory*>(address));
}

}  // namespace

void UnmapKeeperMemory::operator()(KeeperMemory* memory) const {
  munmap(memory, sizeof(KeeperMemory));
}

absl::StatusOr<UniqueFd> MakeKeeperMemory() {
  UniqueFd fd(memfd_create("lacuna-keeper", MFD_CLOEXEC));
  if (!fd.valid() || ftruncate(fd.get(), sizeof(KeeperMemory)) != 0) {
    return ErrnoStatus(errno, "making the keeper's memory");
  }
  ASSIGN_OR_RETURN(const MappedKeeperMemory memory, Map(fd.get()));
  memory->header = HeaderNow();
  if (!Lifeline::Prepare(memory->lifeline)) return absl::UnimplementedError("no robust locks on this system");
  return fd;
}

absl::StatusOr<MappedKeeperMemory> MapKeeperMemory(int fd) {
  struct stat info = {};
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "the keeper's memory");
  if (info.st_size < static_cast<off_t>(sizeof(KeeperMemory::Header))) {
    return absl::DataLossError("no memory of a keeper's");
  }
  KeeperMemory::Header header;
  if (pread(fd, &header, sizeof(header), 0) != sizeof(header)) {
    return ErrnoStatus(errno, "reading the keeper's memory");
  }
  RETURN_IF_ERROR(Check(header));
  if (info.st_size != static_cast<off_t>(sizeof(KeeperMemory))) {
    return absl::DataLossError("the keeper's memory is cut short");
  }
  return Map(fd);
}

}  // namespace lacuna
