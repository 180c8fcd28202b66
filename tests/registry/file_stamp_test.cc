#include "registry/file_stamp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

void Write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

// Puts the time of the last write to `seconds` after 1970.
void SetModified(const std::string& path, time_t seconds) {
  const timespec times[] = {{seconds, 0}, {seconds, 7}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

TEST(FileStamp, SaysWhatTheFileSystemSays) {
  const TempDir folder;
  Write(folder / "file", "four");
  SetModified(folder / "file", 1'000'000'000);
  const FileStamp stamp = StampOf(folder / "file");
  EXPECT_EQ(stamp.path, folder / "file");
  EXPECT_TRUE(stamp.exists);
  EXPECT_EQ(stamp.size, 4);
  EXPECT_EQ(stamp.modified, INT64_C(1'000'000'000'000'000'007));
  EXPECT_GT(stamp.changed, stamp.modified);
  EXPECT_EQ(stamp, StampOf(folder / "file"));
  EXPECT_FALSE(Changed(stamp));
}

TEST(FileStamp, AFileThatComesOrGoesIsAChange) {
  const TempDir folder;
  const FileStamp absent = StampOf(folder / "file");
  EXPECT_FALSE(absent.exists);
  EXPECT_FALSE(Changed(absent));
  Write(folder / "file", "");
  EXPECT_TRUE(Changed(absent));
  const FileStamp present = StampOf(folder / "file");
  std::filesystem::remove(folder / "file");
  EXPECT_TRUE(Changed(present));
}

TEST(FileStamp, AnotherSizeOrTimeIsAChange) {
  const TempDir folder;
  Write(folder / "file", "a");
  SetModified(folder / "file", 1'000'000'000);
  const FileStamp before = StampOf(folder / "file");
  SetModified(folder / "file", 1'000'000'001);
  EXPECT_TRUE(Changed(before));
  FileStamp other = StampOf(folder / "file");
  other.size += 1;
  EXPECT_TRUE(Changed(other));
}

TEST(FileStamp, AWriteThatHidesItsTimeIsAChange) {
  const TempDir folder;
  Write(folder / "file", "a");
  SetModified(folder / "file", 1'000'000'000);
  FileStamp before = StampOf(folder / "file");
  before.changed -= 1;  // as if the write had been a tick earlier
  SetModified(folder / "file", 1'000'000'000);
  EXPECT_TRUE(Changed(before));
}

TEST(FileStamp, ALinkThatLeadsElsewhereIsAChange) {
  const TempDir folder;
  for (const char* name : {"a", "b"}) {
    Write(folder / name, "same");
    SetModified(folder / name, 1'000'000'000);
  }
  std::filesystem::create_symlink("a", folder / "link");
  FileStamp before = StampOf(folder / "link");
  std::filesystem::remove(folder / "link");
  std::filesystem::create_symlink("b", folder / "link");
  before.changed = StampOf(folder / "link").changed;  // leaves the inode as the only difference
  EXPECT_TRUE(Changed(before));
}

}  // namespace
}  // namespace lacuna
