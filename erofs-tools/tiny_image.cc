#include "erofs-tools/tiny_image.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "daemon/base/byte_range.h"
#include "erofs-tools/crc32c.h"
#include "erofs-tools/little_endian.h"
#include "erofs-tools/superblock_layout.h"

namespace lacuna {
namespace {

// Block 0: superblock and the two inodes. Block 1: the root's entries. From block 2 on: the file.
constexpr uint32_t kDirectoryBlock = 1;
constexpr uint32_t kContentBlock = 2;

// struct erofs_inode_compact; an inode's number is its place in units of 32 bytes.
constexpr size_t kInodeSize = 32;
constexpr uint16_t kRootNid = (kSuperblockOffset + kSuperblockSize) / kInodeSize;
constexpr uint16_t kFileNid = kRootNid + 1;

// struct erofs_dirent, and EROFS_FT_*
constexpr size_t kEntrySize = 12;
constexpr uint8_t kRegularFile = 1;
constexpr uint8_t kDirectory = 2;

struct Entry {
  absl::string_view name;
  uint16_t nid;
  uint8_t type;
};

// Entries first, then their names; the kernel searches them in byte order. The last name ends at the
// directory's size.
std::string DirectoryContent(absl::string_view file_name) {
  std::array<Entry, 3> entries = {{{".", kRootNid, kDirectory},  //
                                   {"..", kRootNid, kDirectory},
                                   {file_name, kFileNid, kRegularFile}}};
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  std::string content(entries.size() * kEntrySize, '\0');
  for (size_t i = 0; i < entries.size(); ++i) {
    const absl::Span<char> entry = absl::MakeSpan(content).subspan(i * kEntrySize, kEntrySize);
    StoreLittleEndian<uint64_t>(entries[i].nid, entry, 0);
    StoreLittleEndian<uint16_t>(static_cast<uint16_t>(content.size()), entry, 8);
    StoreLittleEndian<uint8_t>(entries[i].type, entry, 10);
    content.append(entries[i].name.data(), entries[i].name.size());
  }
  return content;
}

struct Inode {
  uint16_t nid;
  uint16_t mode;
  uint16_t links;
  uint64_t size;
  uint32_t first_block;
};

// Compact, plain layout (i_format 0): the data is a run of whole blocks. Owner root, time of the superblock.
void StoreInode(const Inode& inode, absl::Span<char> image) {
  const absl::Span<char> bytes = image.subspan(inode.nid * kInodeSize, kInodeSize);
  StoreLittleEndian<uint16_t>(inode.mode, bytes, 4);
  StoreLittleEndian<uint16_t>(inode.links, bytes, 6);
  StoreLittleEndian<uint32_t>(static_cast<uint32_t>(inode.size), bytes, 8);
  StoreLittleEndian<uint32_t>(inode.first_block, bytes, 16);
  StoreLittleEndian<uint32_t>(inode.nid, bytes, 20);
}

// Last: its checksum covers the whole first block.
void StoreSuperblock(absl::Span<char> image) {
  namespace field = superblock_field;
  const absl::Span<char> bytes = image.first(kBlockSize).subspan(kSuperblockOffset);
  StoreLittleEndian<uint32_t>(kErofsMagic, bytes, field::kMagic);
  StoreLittleEndian<uint32_t>(kFeatureChecksum, bytes, field::kFeatureCompat);
  StoreLittleEndian<uint8_t>(12, bytes, field::kBlockSizeBits);
  StoreLittleEndian<uint16_t>(kRootNid, bytes, field::kRootNid);
  StoreLittleEndian<uint64_t>(2, bytes, field::kInodes);
  StoreLittleEndian<uint32_t>(static_cast<uint32_t>(image.size() / kBlockSize), bytes, field::kBlocks);
  StoreLittleEndian<uint32_t>(Crc32c(~uint32_t{0}, bytes), bytes, field::kChecksum);
}

}  // namespace

std::string TinyErofsImage(absl::string_view file_name, absl::string_view content) {
  const std::string directory = DirectoryContent(file_name);
  std::string image(RoundUp(kContentBlock * kBlockSize + content.size(), kBlockSize), '\0');
  std::copy(directory.begin(), directory.end(), image.begin() + kDirectoryBlock * kBlockSize);
  std::copy(content.begin(), content.end(), image.begin() + kContentBlock * kBlockSize);
  const absl::Span<char> bytes = absl::MakeSpan(image);
  StoreInode({kRootNid, S_IFDIR | 0755, 2, directory.size(), kDirectoryBlock}, bytes);
  StoreInode({kFileNid, S_IFREG | 0444, 1, content.size(), kContentBlock}, bytes);
  StoreSuperblock(bytes);
  return image;
}

}  // namespace lacuna
