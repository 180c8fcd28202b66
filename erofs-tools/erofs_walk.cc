#include "erofs-tools/erofs_walk.h"

#include <sys/stat.h>

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr size_t kShownPath = 1024;

// Fit for a message, and for being kept: a deep tree's paths are much longer than the image.
std::string Shown(const std::string& path) {
  if (path.empty()) return "/";
  if (path.size() <= kShownPath) return EscapeForTerminal(path);
  return absl::StrCat("...", EscapeForTerminal(absl::string_view(path).substr(path.size() - kShownPath)));
}

class Walk {
 public:
  Walk(ErofsReader& reader, ErofsVisitor& visitor) : reader_(reader), visitor_(visitor) {}

  absl::Status Run() {
    absl::Status status = Enter(reader_.metadata().superblock.root_nid, nullptr);
    while (status.ok() && !open_.empty()) status = Step();
    if (status.ok()) status = CheckNamesAreComplete();
    return status;
  }

 private:
  struct OpenDirectory {
    ErofsInode inode;
    std::vector<ErofsDirent> entries;
    std::string name;
    size_t next = 0;
    size_t path_length = 0;  // of its own path
    uint32_t subdirectories = 0;
  };
  struct Names {
    uint32_t seen = 0;
    uint32_t links = 0;
    uint16_t type = 0;
    std::string first;  // while some are missing
  };

  absl::Status AtPath(const absl::Status& status) const { return Annotate(status, Shown(path_)); }
  absl::Status Fault(absl::string_view what) const { return AtPath(IntegrityError(what)); }

  absl::Status Step() {
    OpenDirectory& directory = open_.back();
    path_.resize(directory.path_length);
    if (directory.next == directory.entries.size()) return Leave();
    const ErofsDirent& entry = directory.entries[directory.next++];
    if (entry.name == "." || entry.name == "..") return absl::OkStatus();
    absl::StrAppend(&path_, "/", entry.name);
    if (entry.type != S_IFDIR) return VisitFile(entry);
    ++directory.subdirectories;
    return Enter(entry.nid, &entry.name);
  }

  absl::StatusOr<ErofsInode> ReadNewInode(uint64_t nid) {
    absl::StatusOr<ErofsInode> inode = reader_.ReadInode(nid);
    if (!inode.ok()) return AtPath(inode.status());
    if (names_.size() > reader_.metadata().superblock.inodes) {
      return Fault("the image has more inodes than its superblock says");
    }
    return inode;
  }

  // In a sound image nothing is read twice: a small one with overlapping parts could otherwise make endless
  // work.
  absl::Status CheckWork() const {
    if (reader_.private_bytes() <=
        reader_.metadata().superblock.blocks * reader_.metadata().superblock.block_size) {
      return absl::OkStatus();
    }
    return Fault("parts of the image overlap");
  }

  absl::Status Enter(uint64_t nid, const std::string* name) {
    const uint64_t parent = open_.empty() ? nid : open_.back().inode.nid;
    Names& names = names_[nid];
    if (names.seen++ > 0) return Fault("this directory is in two places, or within itself");
    ASSIGN_OR_RETURN(const ErofsInode inode, ReadNewInode(nid));
    if (!S_ISDIR(inode.mode)) return Fault("its inode is no directory");
    names.type = S_IFDIR;
    absl::StatusOr<std::vector<ErofsDirent>> entries = reader_.ReadDirectory(inode);
    if (!entries.ok()) return AtPath(entries.status());
    RETURN_IF_ERROR(CheckDots(*entries, nid, parent));
    RETURN_IF_ERROR(CheckWork());
    open_.push_back({.inode = inode,
                     .entries = *std::move(entries),
                     .name = name == nullptr ? "" : *name,
                     .path_length = path_.size()});
    return Visit(&ErofsVisitor::EnterDirectory, inode, open_.back().name, true);
  }

  absl::Status CheckDots(const std::vector<ErofsDirent>& entries, uint64_t self, uint64_t parent) const {
    int found = 0;
    for (const ErofsDirent& entry : entries) {
      const bool is_self = entry.name == ".";
      if (!is_self && entry.name != "..") continue;
      if (entry.type == S_IFDIR && entry.nid == (is_self ? self : parent)) ++found;
    }
    return found == 2 ? absl::OkStatus() : Fault("its entries . and .. are missing or wrong");
  }

  // Many file systems, mkfs.erofs among them, say 1 where there are too many to count.
  absl::Status Leave() {
    const OpenDirectory& directory = open_.back();
    const uint32_t links = directory.inode.links;
    if (links != 1 && links != directory.subdirectories + 2) {
      return Fault(
          absl::StrCat("it has ", directory.subdirectories, " directories, but a link count of ", links));
    }
    RETURN_IF_ERROR(Visit(&ErofsVisitor::LeaveDirectory, directory.inode, directory.name, true));
    open_.pop_back();
    return absl::OkStatus();
  }

  absl::Status VisitFile(const ErofsDirent& entry) {
    Names& names = names_[entry.nid];
    const bool is_first = names.seen++ == 0;
    ErofsInode inode;
    if (is_first) {
      ASSIGN_OR_RETURN(inode, ReadNewInode(entry.nid));
      names.links = inode.links;
      names.type = inode.mode & S_IFMT;
      if (names.links > 1) names.first = Shown(path_);
    }
    if (names.type != entry.type) return Fault("its inode is of another type than its entry says");
    if (names.seen > names.links) {
      return Fault(absl::StrCat("its inode has a link count of ", names.links, ", but more names"));
    }
    if (names.seen == names.links) names.first = std::string();
    inode.nid = entry.nid;
    RETURN_IF_ERROR(Visit(&ErofsVisitor::VisitFile, inode, entry.name, is_first));
    return CheckWork();
  }

  absl::Status Visit(absl::Status (ErofsVisitor::*method)(const ErofsName&), const ErofsInode& inode,
                     const std::string& name, bool is_first) {
    static const std::string kRootPath = "/";
    return AtPath((visitor_.*method)({path_.empty() ? kRootPath : path_, name, inode, is_first}));
  }

  absl::Status CheckNamesAreComplete() const {
    for (const auto& [nid, names] : names_) {
      if (names.type == S_IFDIR || names.seen == names.links) continue;
      return Annotate(
          IntegrityError(absl::StrCat("its inode has a link count of ", names.links, ", but only ",
                                      names.seen, names.seen == 1 ? " name" : " names")),
          names.first);
    }
    return absl::OkStatus();
  }

  ErofsReader& reader_;
  ErofsVisitor& visitor_;
  std::string path_;  // empty at the root
  std::vector<OpenDirectory> open_;
  absl::flat_hash_map<uint64_t, Names> names_;  // by nid
};

}  // namespace

absl::Status WalkErofs(ErofsReader& reader, ErofsVisitor& visitor) {
  return Walk(reader, visitor).Run();
}

}  // namespace lacuna
