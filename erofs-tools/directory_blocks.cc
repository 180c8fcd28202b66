#include "erofs-tools/directory_blocks.h"

#include <algorithm>

#include "absl/types/span.h"
#include "daemon/base/byte_range.h"
#include "erofs-tools/erofs_format.h"
#include "erofs-tools/little_endian.h"

namespace lacuna {
namespace {

using Entries = absl::Span<const DirectoryEntry>;

// How many of `entries` fill the next block, and how many bytes of it.
struct BlockFill {
  size_t entries = 0;
  size_t bytes = 0;
};

BlockFill NextBlock(Entries entries) {
  BlockFill fill;
  for (const DirectoryEntry& entry : entries) {
    const size_t bytes = fill.bytes + directory_entry::kSize + entry.name.size();
    if (bytes > kBlockSize) break;
    ++fill.entries;
    fill.bytes = bytes;
  }
  return fill;
}

}  // namespace

std::vector<DirectoryEntry> EntriesOf(const InodeList& inodes, uint32_t directory) {
  const ListedInode& inode = inodes[directory];
  std::vector<DirectoryEntry> entries;
  entries.reserve(inode.node->children.size() + 2);
  const auto by_name = [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; };
  for (const auto& [name, id] : inode.node->children) entries.push_back({name, inodes.NumberOf(id)});
  for (const DirectoryEntry& dots : {DirectoryEntry{".", directory}, DirectoryEntry{"..", inode.parent}}) {
    entries.insert(std::upper_bound(entries.begin(), entries.end(), dots, by_name), dots);
  }
  return entries;
}

uint64_t DirectorySize(const std::vector<DirectoryEntry>& entries) {
  uint64_t size = 0;
  for (Entries rest = entries; !rest.empty();) {
    const BlockFill fill = NextBlock(rest);
    rest.remove_prefix(fill.entries);
    size += rest.empty() ? fill.bytes : kBlockSize;
  }
  return size;
}

uint8_t EntryType(FileType type) {
  switch (type) {
    case FileType::kRegular:
      return 1;
    case FileType::kDirectory:
      return 2;
    case FileType::kCharDevice:
      return 3;
    case FileType::kBlockDevice:
      return 4;
    case FileType::kFifo:
      return 5;
    case FileType::kSocket:
      return 6;
    case FileType::kSymlink:
      return 7;
    default:
      return 0;
  }
}

std::string DirectoryContent(const InodeList& inodes, const std::vector<DirectoryEntry>& entries,
                             absl::FunctionRef<uint64_t(uint32_t inode)> nid_of) {
  std::string content;
  content.reserve(DirectorySize(entries));
  for (Entries rest = entries; !rest.empty();) {
    const BlockFill fill = NextBlock(rest);
    const size_t block = content.size();
    content.resize(block + fill.entries * directory_entry::kSize);
    for (size_t i = 0; i < fill.entries; ++i) {
      const absl::Span<char> entry =
          absl::MakeSpan(content).subspan(block + i * directory_entry::kSize, directory_entry::kSize);
      StoreLittleEndian<uint64_t>(nid_of(rest[i].inode), entry, directory_entry::kNid);
      StoreLittleEndian<uint16_t>(static_cast<uint16_t>(content.size() - block), entry,
                                  directory_entry::kNameOffset);
      StoreLittleEndian<uint8_t>(EntryType(inodes[rest[i].inode].node->type), entry, directory_entry::kType);
      content.append(rest[i].name.data(), rest[i].name.size());
    }
    rest.remove_prefix(fill.entries);
    if (!rest.empty()) content.resize(block + kBlockSize);
  }
  return content;
}

}  // namespace lacuna
