#include "erofs-tools/erofs_check.h"

#include <sys/stat.h>

#include <limits>

#include "daemon/base/status.h"
#include "erofs-tools/erofs_walk.h"

namespace lacuna {
namespace {

void AddUpTo(uint64_t& sum, uint64_t value) {
  const uint64_t most = std::numeric_limits<uint64_t>::max();
  sum = value > most - sum ? most : sum + value;
}

class Checker : public ErofsVisitor {
 public:
  explicit Checker(ErofsReader& reader) : reader_(reader) {}

  const ErofsSummary& summary() const { return summary_; }

  absl::Status EnterDirectory(const ErofsName& name) override {
    ++summary_.directories;
    return CheckAny(name);
  }
  absl::Status LeaveDirectory(const ErofsName&) override { return absl::OkStatus(); }

  absl::Status VisitFile(const ErofsName& name) override {
    if (!name.is_first) {
      ++summary_.names;
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(CheckAny(name));
    switch (name.inode.mode & S_IFMT) {
      case S_IFREG:
        return CheckRegular(name.inode);
      case S_IFLNK:
        ++summary_.symlinks;
        return reader_.ReadSymlink(name.inode).status();
      case S_IFIFO:
        ++summary_.fifos;
        return absl::OkStatus();
      case S_IFSOCK:
        ++summary_.sockets;
        return absl::OkStatus();
      default:
        ++summary_.devices;
        return absl::OkStatus();
    }
  }

 private:
  absl::Status CheckAny(const ErofsName& name) {
    ++summary_.names;
    ++summary_.inodes;
    ASSIGN_OR_RETURN(const std::vector<XattrPlace> xattrs, reader_.ReadXattrs(name.inode));
    summary_.xattrs += xattrs.size();
    return absl::OkStatus();
  }

  absl::Status CheckRegular(const ErofsInode& inode) {
    ++summary_.regular_files;
    AddUpTo(summary_.file_bytes, inode.size);
    ASSIGN_OR_RETURN(const std::vector<ErofsExtent> extents, reader_.ReadExtents(inode));
    uint64_t stored = 0;
    for (const ErofsExtent& extent : extents) stored += extent.length;
    AddUpTo(summary_.hole_bytes, inode.size - stored);
    return absl::OkStatus();
  }

  ErofsReader& reader_;
  ErofsSummary summary_;
};

}  // namespace

absl::StatusOr<ErofsSummary> CheckErofs(ErofsReader& reader) {
  Checker checker(reader);
  RETURN_IF_ERROR(WalkErofs(reader, checker));
  return checker.summary();
}

}  // namespace lacuna
