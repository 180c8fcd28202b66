// LayerTreeBuilder and MergeLayers over any entries of several layers: no crash, and what comes out is a
// tree.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "erofs-tools/tree/layer_tree_builder.h"
#include "erofs-tools/tree/merge_layers.h"

namespace {

using lacuna::FileNode;
using lacuna::FileTree;
using lacuna::FileType;
using lacuna::NodeId;
using lacuna::TarEntry;

// A line of the input is an entry: a letter for its type ("-" begins another layer), its path, and for a link
// "=" and its target.
std::optional<TarEntry> EntryOf(absl::string_view line) {
  constexpr absl::string_view kTypes = "rhscbdf";  // as TarEntry::Type
  const size_t type = kTypes.find(line[0]);
  if (type == absl::string_view::npos || absl::StrContains(line, '\0')) return std::nullopt;
  const size_t equals = line.find('=');
  TarEntry entry;
  entry.type = static_cast<TarEntry::Type>(type);
  entry.path = std::string(line.substr(1, equals - 1));
  if (equals != absl::string_view::npos) entry.target = std::string(line.substr(equals + 1));
  return entry;
}

void Check(bool condition) {
  if (!condition) std::abort();
}

// Every name is one, every node has a place, and no directory has two.
void CheckTree(const FileTree& tree, bool is_merged) {
  std::vector<bool> seen(tree.size(), false);
  std::vector<NodeId> directories = {FileTree::kRoot};
  seen[FileTree::kRoot] = true;
  size_t nodes = 1;
  while (!directories.empty()) {
    const NodeId directory = directories.back();
    directories.pop_back();
    for (const auto& [name, child] : tree.node(directory).children) {
      Check(!name.empty() && name != "." && name != ".." && name.size() <= 255 &&
            !absl::StrContains(name, '/'));
      Check(child < tree.size());
      const FileNode& node = tree.node(child);
      if (is_merged) Check(!node.implied && !node.opaque);
      if (is_merged) Check(node.type != FileType::kWhiteout && node.type != FileType::kLowerLink);
      if (node.type == FileType::kDirectory) {
        Check(!seen[child] && tree.parent(child) == directory);
        directories.push_back(child);
      } else {
        Check(node.children.empty());
      }
      nodes += seen[child] ? 0 : 1;
      seen[child] = true;
    }
  }
  if (is_merged) Check(nodes == tree.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view input(reinterpret_cast<const char*>(data), size);
  std::vector<lacuna::LayerTree> layers;
  lacuna::LayerTreeBuilder builder;
  const auto finish_layer = [&] {
    FileTree tree = std::move(builder).Finish();
    builder = lacuna::LayerTreeBuilder();
    CheckTree(tree, false);
    layers.push_back({std::move(tree), static_cast<uint16_t>(layers.size())});
  };
  while (!input.empty()) {
    const absl::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    if (line.empty()) continue;
    if (line[0] == '-') {
      finish_layer();
    } else if (const std::optional<TarEntry> entry = EntryOf(line)) {
      if (!builder.Add(*entry, {}).ok()) return 0;
    }
  }
  finish_layer();
  const absl::StatusOr<FileTree> merged = lacuna::MergeLayers(std::move(layers));
  if (merged.ok()) CheckTree(*merged, true);
  return 0;
}
