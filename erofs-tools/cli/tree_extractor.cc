#include "erofs-tools/cli/tree_extractor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "daemon/base/status.h"
#include "erofs-tools/cli/folder_cursor.h"
#include "erofs-tools/cli/restore_attributes.h"
#include "erofs-tools/cli/write_at.h"
#include "erofs-tools/erofs_format.h"
#include "erofs-tools/erofs_walk.h"

namespace lacuna {
namespace {

constexpr size_t kCopySize = 1024 * 1024;
constexpr mode_t kPrivate = 0600;  // until all is there
constexpr mode_t kPrivateFolder = 0700;

class Extractor : public ErofsVisitor {
 public:
  Extractor(const ImageFiles& image, ErofsReader& reader, FolderCursor cursor,
            const std::function<void(uint64_t)>& on_bytes)
      : image_(image), reader_(reader), cursor_(std::move(cursor)), on_bytes_(on_bytes), buffer_(kCopySize) {}

  absl::Status EnterDirectory(const ErofsName& name) override {
    if (name.name.empty()) return absl::OkStatus();  // the root is the folder that is given
    if (mkdirat(cursor_.fd(), name.name.c_str(), kPrivateFolder) != 0) return ErrnoStatus(errno, "making it");
    return cursor_.Enter(name.name);
  }

  absl::Status LeaveDirectory(const ErofsName& name) override {
    RETURN_IF_ERROR(Restore(cursor_.fd(), name.inode));
    return name.name.empty() ? absl::OkStatus() : cursor_.Leave();
  }

  absl::Status VisitFile(const ErofsName& name) override {
    if (!name.is_first) return LinkToFirst(name);
    if (name.inode.links > 1) {
      firsts_[name.inode.nid] = {cursor_.place(), name.name, name.inode.links - 1};
    }
    return S_ISREG(name.inode.mode) ? MakeRegular(name) : MakeSpecial(name);
  }

 private:
  struct FirstName {
    std::shared_ptr<const FolderPlace> place;
    std::string name;
    uint32_t missing = 0;  // further names that were not there yet
  };

  absl::Status Restore(int file, const ErofsInode& inode) {
    ASSIGN_OR_RETURN(const std::vector<XattrPlace> places, reader_.ReadXattrs(inode));
    std::vector<Xattr> xattrs;
    for (const XattrPlace& place : places) {
      ASSIGN_OR_RETURN(std::string value, reader_.ReadXattrValue(place));
      xattrs.push_back({place.name, std::move(value)});
    }
    return RestoreAttributes(file, inode, xattrs);
  }

  absl::Status LinkToFirst(const ErofsName& name) {
    const auto found = firsts_.find(name.inode.nid);
    FirstName& first = found->second;
    ASSIGN_OR_RETURN(const UniqueFd folder, cursor_.Open(first.place));
    if (linkat(folder.get(), first.name.c_str(), cursor_.fd(), name.name.c_str(), 0) != 0) {
      return ErrnoStatus(errno, "making it a hard link");
    }
    if (--first.missing == 0) firsts_.erase(found);
    return absl::OkStatus();
  }

  absl::Status MakeRegular(const ErofsName& name) {
    const UniqueFd file(openat(cursor_.fd(), name.name.c_str(),
                               O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, kPrivate));
    if (!file.valid()) return ErrnoStatus(errno, "making it");
    if (ftruncate(file.get(), static_cast<off_t>(name.inode.size)) != 0) {
      return ErrnoStatus(errno, "giving it its size");
    }
    ASSIGN_OR_RETURN(const std::vector<ErofsExtent> extents, reader_.ReadExtents(name.inode));
    for (const ErofsExtent& extent : extents) RETURN_IF_ERROR(Copy(extent, file.get()));
    return Restore(file.get(), name.inode);
  }

  absl::Status Copy(const ErofsExtent& extent, int file) {
    const ImageFile& from = extent.device == 0 ? image_.bootstrap : image_.devices[extent.device - 1];
    for (uint64_t done = 0; done < extent.length;) {
      const uint64_t length = std::min<uint64_t>(extent.length - done, buffer_.size());
      const absl::Span<char> space = absl::MakeSpan(buffer_).first(length);
      ASSIGN_OR_RETURN(const size_t got, from.body->ReadAt(extent.device_offset + done, space));
      if (got == 0) return IntegrityError("its content lies outside its device");
      RETURN_IF_ERROR(WriteAt(file, extent.file_offset + done, space.first(got)));
      done += got;
      on_bytes_(got);
    }
    return absl::OkStatus();
  }

  absl::Status MakeSpecial(const ErofsName& name) {
    RETURN_IF_ERROR(MakeNode(name));
    const UniqueFd file(openat(cursor_.fd(), name.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file.valid()) return ErrnoStatus(errno, "opening it");
    return Restore(file.get(), name.inode);
  }

  absl::Status MakeNode(const ErofsName& name) {
    const ErofsInode& inode = name.inode;
    if (S_ISLNK(inode.mode)) {
      ASSIGN_OR_RETURN(const std::string target, reader_.ReadSymlink(inode));
      if (symlinkat(target.c_str(), cursor_.fd(), name.name.c_str()) == 0) return absl::OkStatus();
      return ErrnoStatus(errno, "making it");
    }
    const bool is_device = S_ISCHR(inode.mode) || S_ISBLK(inode.mode);
    const dev_t number = is_device ? makedev(DeviceMajor(inode.data), DeviceMinor(inode.data)) : 0;
    if (mknodat(cursor_.fd(), name.name.c_str(), (inode.mode & S_IFMT) | kPrivate, number) == 0) {
      return absl::OkStatus();
    }
    return ErrnoStatus(errno, "making it");
  }

  const ImageFiles& image_;
  ErofsReader& reader_;
  FolderCursor cursor_;
  const std::function<void(uint64_t)>& on_bytes_;
  std::vector<char> buffer_;
  absl::flat_hash_map<uint64_t, FirstName> firsts_;  // by nid; those with further names to come
};

}  // namespace

absl::Status ExtractTree(const ImageFiles& image, ErofsReader& reader, UniqueFd folder,
                         const std::function<void(uint64_t)>& on_bytes) {
  ASSIGN_OR_RETURN(FolderCursor cursor, FolderCursor::At(std::move(folder)));
  Extractor extractor(image, reader, std::move(cursor), on_bytes);
  return WalkErofs(reader, extractor);
}

}  // namespace lacuna
