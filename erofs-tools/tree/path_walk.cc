#include "erofs-tools/tree/path_walk.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "daemon/base/status.h"

namespace lacuna {

std::vector<absl::string_view> CleanPath(absl::string_view path) {
  std::vector<absl::string_view> names;
  for (const absl::string_view name : absl::StrSplit(path, '/')) {
    if (name.empty() || name == ".") continue;
    if (name != "..") {
      names.push_back(name);
    } else if (!names.empty()) {
      names.pop_back();
    }
  }
  return names;
}

std::string QuotedPath(absl::string_view path) {
  constexpr size_t kShown = 300;
  return absl::StrCat("'", absl::CHexEscape(path.substr(0, kShown)), path.size() > kShown ? "…" : "", "'");
}

absl::Status PathWalk::Follow(absl::Span<const absl::string_view> names) {
  ahead_.assign(names.rbegin(), names.rend());
  while (!ahead_.empty()) {
    const absl::string_view name = ahead_.back();
    ahead_.pop_back();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      Up();
    } else {
      RETURN_IF_ERROR(Down(name));
    }
  }
  return absl::OkStatus();
}

absl::Status PathWalk::Down(absl::string_view name) {
  if (name.size() > kMaxNameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(QuotedPath(name), " is a name of more than ", kMaxNameBytes, " bytes"));
  }
  const NodeId child = at() == kNoNode ? kNoNode : tree_.Find(at(), name);
  const FileType type = child == kNoNode ? FileType::kWhiteout : tree_.node(child).type;
  if (type == FileType::kSymlink) return Enter(tree_.node(child));
  if (type != FileType::kDirectory && type != FileType::kWhiteout) {
    return absl::InvalidArgumentError(
        absl::StrCat(QuotedPath(absl::StrCat(path(), "/", name)), " on the way is not a directory"));
  }
  steps_.push_back({type == FileType::kDirectory ? child : kNoNode, name});
  return absl::OkStatus();
}

void PathWalk::Up() {
  if (steps_.empty()) {
    start_ = tree_.parent(start_);
  } else {
    steps_.pop_back();
  }
}

absl::Status PathWalk::Enter(const FileNode& symlink) {
  if (++symlinks_ > kMaxSymlinksFollowed) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxSymlinksFollowed,
                                                   " symlinks on the way, the last to ",
                                                   QuotedPath(symlink.target), ": probably a circle"));
  }
  if (absl::StartsWith(symlink.target, "/")) {
    start_ = FileTree::kRoot;
    steps_.clear();
  }
  const std::vector<absl::string_view> names = absl::StrSplit(symlink.target, '/');
  ahead_.insert(ahead_.end(), names.rbegin(), names.rend());
  return absl::OkStatus();
}

std::string PathWalk::path() const {
  return absl::StrJoin(steps_, "/",
                       [](std::string* out, const Step& step) { absl::StrAppend(out, step.name); });
}

absl::StatusOr<NodeId> MakeDirectories(FileTree& tree, const PathWalk& walk) {
  NodeId at = walk.start();
  for (const PathWalk::Step& step : walk.steps()) {
    NodeId next = step.node;
    if (next == kNoNode) {
      FileNode directory = ImpliedDirectory();
      directory.opaque = tree.Find(at, step.name) != kNoNode;
      directory.implied = !directory.opaque;
      ASSIGN_OR_RETURN(next, tree.Add(std::move(directory)));
      RETURN_IF_ERROR(tree.Link(at, std::string(step.name), next));
    }
    at = next;
  }
  return at;
}

}  // namespace lacuna
