#include "erofs-tools/inode_list.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"
#include "erofs-tools/erofs_format.h"

namespace lacuna {
namespace {

constexpr uint32_t kNanosecondsPerSecond = 1'000'000'000;

const char* NameFault(const std::string& name) {
  if (name.size() > kMaxNameLength) return "its name is longer than 255 bytes";
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    return "this is no name for a file";
  }
  return nullptr;
}

const char* NodeFault(const FileNode& node) {
  if (node.mtime_nanoseconds >= kNanosecondsPerSecond) return "its mtime has a second or more of nanoseconds";
  switch (node.type) {
    case FileType::kWhiteout:
    case FileType::kLowerLink:
      return "it refers to a lower layer: a layer's tree cannot be mounted alone; merge the layers first";
    case FileType::kSymlink:
      if (node.target.empty() || node.target.size() > kMaxTargetLength ||
          node.target.find('\0') != std::string::npos) {
        return "a symlink's target has to be 1 to 4095 bytes without NUL";
      }
      return nullptr;
    case FileType::kCharDevice:
    case FileType::kBlockDevice:
      if (node.device_major > kMaxDeviceMajor || node.device_minor > kMaxDeviceMinor) {
        return "device numbers end at 4095:1048575";
      }
      return nullptr;
    default:
      return nullptr;
  }
}

}  // namespace

absl::StatusOr<InodeList> InodeList::Of(const FileTree& tree) {
  InodeList list;
  list.numbers_.assign(tree.size(), kNotListed);
  list.numbers_[FileTree::kRoot] = kRoot;
  const FileNode& root = tree.node(FileTree::kRoot);
  list.inodes_.push_back({.node = &root, .parent = kRoot, .links = 2});
  if (root.type != FileType::kDirectory) return absl::InvalidArgumentError("/: the root is no directory");
  if (const char* fault = NodeFault(root)) return absl::InvalidArgumentError(absl::StrCat("/: ", fault));
  std::vector<uint32_t> to_visit = {kRoot};
  while (!to_visit.empty()) {
    const uint32_t directory = to_visit.back();
    to_visit.pop_back();
    RETURN_IF_ERROR(list.AddChildren(tree, directory, to_visit));
  }
  return list;
}

absl::Status InodeList::AddChildren(const FileTree& tree, uint32_t directory,
                                    std::vector<uint32_t>& to_visit) {
  const size_t visited_later = to_visit.size();
  for (const auto& [name, id] : inodes_[directory].node->children) {
    const FileNode& node = tree.node(id);
    const bool is_directory = node.type == FileType::kDirectory;
    const bool is_new = numbers_[id] == kNotListed;
    if (is_new) {
      numbers_[id] = static_cast<uint32_t>(inodes_.size());
      inodes_.push_back({.node = &node, .parent = directory, .name = &name, .links = is_directory ? 2U : 0U});
    }
    const char* fault = NameFault(name);
    if (fault == nullptr && is_directory && !is_new) fault = "this directory has a second name";
    if (fault == nullptr && is_new) fault = NodeFault(node);
    if (fault != nullptr) {
      const std::string parent = directory == kRoot ? "" : PathOf(directory);
      return absl::InvalidArgumentError(absl::StrCat(parent, "/", EscapeForTerminal(name), ": ", fault));
    }
    if (is_directory) {
      ++inodes_[directory].links;
      to_visit.push_back(numbers_[id]);
    } else {
      ++inodes_[numbers_[id]].links;
    }
  }
  std::reverse(to_visit.begin() + static_cast<ptrdiff_t>(visited_later), to_visit.end());
  return absl::OkStatus();
}

std::string InodeList::PathOf(uint32_t number) const {
  if (number == kRoot) return "/";
  std::vector<const std::string*> names;
  for (; number != kRoot; number = inodes_[number].parent) names.push_back(inodes_[number].name);
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    absl::StrAppend(&path, "/", EscapeForTerminal(**name));
  }
  return path;
}

}  // namespace lacuna
