// Visits everything in an EROFS, and finds what contradicts itself on the way: every name is visited once,
// directories before what is in them, deep trees without recursion, and in no more work than the image is
// long.
//
// Callers: CheckErofs, `lacuna-image extract`. One thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "erofs-tools/erofs_reader.h"

namespace lacuna {

// Names one node. References are good during the call.
struct ErofsName {
  const std::string& path;  // "/" and so on, any bytes: escape it before showing it
  const std::string& name;  // the last part of it; empty of the root
  const ErofsInode& inode;
  bool is_first;  // no name of the inode was visited before
};

class ErofsVisitor {
 public:
  virtual ~ErofsVisitor() = default;
  // What these return ends the walk, with the path before it.
  virtual absl::Status EnterDirectory(const ErofsName& name) = 0;
  virtual absl::Status LeaveDirectory(const ErofsName& name) = 0;
  virtual absl::Status VisitFile(const ErofsName& name) = 0;  // anything but a directory
};

// IntegrityError, naming the path, for: directories with two parents, and so loops; wrong `.` and `..`;
// entries whose type is not their inode's; wrong link counts; more inodes than the superblock says; parts
// that overlap. Of files only the inode is read. Otherwise errors as ErofsReader, with the path.
absl::Status WalkErofs(ErofsReader& reader, ErofsVisitor& visitor);

}  // namespace lacuna
