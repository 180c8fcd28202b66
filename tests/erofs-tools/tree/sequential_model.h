// A trivially right unpacker: one map of paths, to which the entries of all layers are applied one after the
// other, as containerd and umoci do on a folder; but that whiteouts spare what their own layer added, as the
// OCI image-spec has it.
//
// Trees of layers have lost the order of entries, so some sequences cannot come out as here, on purpose
// (apply_layer.h has the order that is taken). The model says kUnordered to an entry
//   - whose place this layer has named before, above or below it, by another way through symlinks from below;
//   - that replaces or hides a symlink from below through which the layer has gone before;
//   - that goes through a symlink of this layer that was named, or is met, through one from below: it would
//   have
//     to be followed before it is known where it is;
//   - whose parent is a hard link of this layer to a symlink from below: LayerTreeBuilder cannot know that it
//     is one, and refuses it.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/erofs-tools/tree/tree_test_support.h"

namespace lacuna {

class SequentialModel {
 public:
  enum class Outcome { kDone, kFails, kUnordered };

  void NextLayer() {
    ++layer_;
    named_.clear();
    gone_through_.clear();
  }
  // Changes nothing unless the outcome is kDone.
  Outcome Apply(const TarEntry& entry) {
    const SequentialModel before = *this;
    const Outcome outcome = TryApply(entry);
    if (outcome != Outcome::kDone) *this = before;
    return outcome;
  }
  TreeText Text() const;

 private:
  struct Node {
    FileType type = FileType::kDirectory;
    uint32_t uid = 0;
    std::string target;
  };
  struct Name {
    std::shared_ptr<const Node> node;
    int layer = 0;               // that gave the name
    bool lower_symlink = false;  // a hard link to what was a symlink below
  };
  // Where a path leads.
  struct Place {
    std::string path;
    std::string way;  // the symlinks from below on the way
    Outcome outcome = Outcome::kDone;
  };

  static bool IsIn(const std::string& path, const std::string& directory) {
    return directory.empty() ? !path.empty() : absl::StartsWith(path, directory + "/");
  }
  static std::string Join(const std::string& directory, const std::string& name) {
    return directory.empty() ? name : directory + "/" + name;
  }
  static std::string Up(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
  }
  bool IsDirectory(const std::string& path) const {
    const auto name = names_.find(path);
    return name != names_.end() && name->second.node->type == FileType::kDirectory;
  }
  void Put(const std::string& path, Node node) {
    names_[path] = {std::make_shared<Node>(std::move(node)), layer_, false};
  }

  Outcome TryApply(const TarEntry& entry);
  Outcome Put(const std::string& path, const TarEntry& entry);
  Outcome PutHardLink(const std::string& path, const std::string& target);
  Place Follow(std::vector<std::string> names) const;
  bool IsUnordered(const std::string& path, const std::string& way) const;
  bool TakesAwayAWay(const std::string& path) const;
  void MakeDirectories(const std::string& path);
  void RemoveTree(const std::string& path);
  void Hide(const std::string& path);

  int layer_ = 0;
  std::map<std::string, Name> names_ = {{"", {std::make_shared<Node>(), 0, false}}};
  std::map<std::string, std::string> named_;  // places that this layer has named: to the way there
  std::set<std::string> gone_through_;        // symlinks from below
};

inline std::vector<std::string> CleanNames(const std::string& path) {
  std::vector<std::string> names;
  for (const absl::string_view name : absl::StrSplit(path, '/')) {
    if (name == ".." && !names.empty()) names.pop_back();
    if (name != ".." && name != "." && !name.empty()) names.emplace_back(name);
  }
  return names;
}

inline SequentialModel::Place SequentialModel::Follow(std::vector<std::string> names) const {
  Place place;
  int symlinks = 0;
  for (; !names.empty();) {
    const std::string name = names.front();
    names.erase(names.begin());
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      place.path = Up(place.path);
      continue;
    }
    const std::string path = Join(place.path, name);
    const auto found = names_.find(path);
    if (found == names_.end() || found->second.node->type == FileType::kDirectory) {
      place.path = path;
      continue;
    }
    const bool is_ours = found->second.layer == layer_;
    if (is_ours && (found->second.lower_symlink || !place.way.empty() || !named_.at(path).empty())) {
      place.outcome = Outcome::kUnordered;
      return place;
    }
    if (found->second.node->type != FileType::kSymlink || ++symlinks > 40) {
      place.outcome = Outcome::kFails;
      return place;
    }
    if (!is_ours) absl::StrAppend(&place.way, path, ">");
    const std::string& target = found->second.node->target;
    if (absl::StartsWith(target, "/")) place.path = "";
    const std::vector<std::string> more = absl::StrSplit(target, '/');
    names.insert(names.begin(), more.begin(), more.end());
  }
  return place;
}

inline bool SequentialModel::IsUnordered(const std::string& path, const std::string& way) const {
  return std::any_of(named_.begin(), named_.end(), [&](const auto& named) {
    return named.second != way && (named.first == path || IsIn(named.first, path) || IsIn(path, named.first));
  });
}

inline bool SequentialModel::TakesAwayAWay(const std::string& path) const {
  return std::any_of(gone_through_.begin(), gone_through_.end(),
                     [&](const std::string& symlink) { return symlink == path || IsIn(symlink, path); });
}

inline void SequentialModel::MakeDirectories(const std::string& path) {
  if (names_.contains(path)) return;
  MakeDirectories(Up(path));
  Put(path, Node{});
}

inline void SequentialModel::RemoveTree(const std::string& path) {
  std::erase_if(names_, [&](const auto& name) { return name.first == path || IsIn(name.first, path); });
}

// What other layers gave `path`. A directory that has something of this layer in it is made again.
inline void SequentialModel::Hide(const std::string& path) {
  std::vector<std::string> hidden;
  for (const auto& [at, name] : names_) {
    if ((at == path || IsIn(at, path)) && name.layer != layer_) hidden.push_back(at);
  }
  for (const std::string& at : hidden) {
    const bool is_needed = std::any_of(names_.begin(), names_.end(), [&](const auto& name) {
      return IsIn(name.first, at) && name.second.layer == layer_;
    });
    names_.erase(at);
    if (is_needed) Put(at, Node{});
  }
}

inline SequentialModel::Outcome SequentialModel::TryApply(const TarEntry& entry) {
  std::vector<std::string> names = CleanNames(entry.path);
  if (names.empty()) {
    if (entry.type != TarEntry::Type::kDirectory) return Outcome::kFails;
    Put("", Node{.uid = entry.uid});
    return Outcome::kDone;
  }
  const std::string name = names.back();
  names.pop_back();
  const Place parent = Follow(names);
  if (parent.outcome != Outcome::kDone) return parent.outcome;
  const bool is_opaque = name == ".wh..wh..opq";
  const bool is_whiteout = !is_opaque && absl::StartsWith(name, ".wh.");
  const std::string path = is_opaque ? parent.path : Join(parent.path, is_whiteout ? name.substr(4) : name);
  const bool only_describes = entry.type == TarEntry::Type::kDirectory && IsDirectory(path);
  for (const absl::string_view symlink : absl::StrSplit(parent.way, '>', absl::SkipEmpty())) {
    gone_through_.emplace(symlink);
  }
  if (IsUnordered(path, parent.way) || (!only_describes && TakesAwayAWay(path))) return Outcome::kUnordered;
  named_[path] = parent.way;
  if (!is_whiteout && !is_opaque) {
    MakeDirectories(parent.path);
    return Put(path, entry);
  }
  const auto self = names_.extract(is_opaque ? path : "no name");
  Hide(path);
  if (!self.empty()) names_[path] = self.mapped();
  return Outcome::kDone;
}

inline SequentialModel::Outcome SequentialModel::Put(const std::string& path, const TarEntry& entry) {
  if (entry.type == TarEntry::Type::kHardLink) return PutHardLink(path, entry.target);
  const bool is_directory = entry.type == TarEntry::Type::kDirectory;
  if (!is_directory || !IsDirectory(path)) RemoveTree(path);
  const bool is_symlink = entry.type == TarEntry::Type::kSymlink;
  Put(path, Node{is_directory ? FileType::kDirectory
                 : is_symlink ? FileType::kSymlink
                              : FileType::kRegular,
                 entry.uid, entry.target});
  return Outcome::kDone;
}

inline SequentialModel::Outcome SequentialModel::PutHardLink(const std::string& path,
                                                             const std::string& target) {
  std::vector<std::string> names = CleanNames(target);
  if (names.empty()) return Outcome::kFails;
  RemoveTree(path);  // before the target is looked for
  const std::string last = names.back();
  names.pop_back();
  const Place parent = Follow(names);
  if (parent.outcome != Outcome::kDone) return parent.outcome;
  const std::string from = Join(parent.path, last);
  if (IsUnordered(from, parent.way)) return Outcome::kUnordered;
  const auto found = names_.find(from);
  if (found == names_.end() || IsDirectory(from)) return Outcome::kFails;
  Name link = found->second;
  link.lower_symlink = link.lower_symlink || (link.layer != layer_ && link.node->type == FileType::kSymlink);
  link.layer = layer_;
  names_[path] = link;
  return Outcome::kDone;
}

inline TreeText SequentialModel::Text() const {
  TreeText text;
  std::map<const Node*, std::string> first_names;
  for (const auto& [path, name] : names_) {
    const auto [first, is_new] = first_names.try_emplace(name.node.get(), path);
    FileNode node;
    node.type = name.node->type;
    node.uid = name.node->uid;
    node.target = name.node->target;
    text[path] = is_new ? NodeText(node) : absl::StrCat("same as ", first->second);
  }
  return text;
}

}  // namespace lacuna
