// A directory's content as EROFS has it: entries sorted by the bytes of their names, in blocks that each
// begin with their entries and end with the names. Source: Linux Documentation/filesystems/erofs.rst,
// "Directories".
//
// Caller: WriteErofs. Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "erofs-tools/inode_list.h"

namespace lacuna {

struct DirectoryEntry {
  absl::string_view name;
  uint32_t inode = 0;  // in the list
};

// Of a directory, "." and ".." included, sorted. Refers to the tree's names.
std::vector<DirectoryEntry> EntriesOf(const InodeList& inodes, uint32_t directory);

// Bytes of its content; all blocks but the last are whole.
uint64_t DirectorySize(const std::vector<DirectoryEntry>& entries);

// EROFS_FT_* of a type.
uint8_t EntryType(FileType type);

// Its content, DirectorySize bytes.
std::string DirectoryContent(const InodeList& inodes, const std::vector<DirectoryEntry>& entries,
                             absl::FunctionRef<uint64_t(uint32_t inode)> nid_of);

}  // namespace lacuna
