// WatchedBackingFile on a disk that works; integration.test_failing_disk has one that does not.
#include "cachefiles/watched_backing_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

constexpr uint64_t kSize = 1 << 20;

class WatchedBackingFileTest : public testing::Test {
 protected:
  WatchedBackingFileTest() {
    auto file = PosixBackingFile::Create(path_, kSize);
    EXPECT_TRUE(file.ok()) << file.status();
    auto watched = WatchedBackingFile::Over(*std::move(file));
    EXPECT_TRUE(watched.ok()) << watched.status();
    file_ = *std::move(watched);
  }

  std::string Read(uint64_t offset, size_t size) {
    std::string bytes(size, 'x');
    EXPECT_TRUE(file_->ReadAt(offset, absl::MakeSpan(bytes)).ok());
    return bytes;
  }

  TempDir dir_;
  const std::string path_ = dir_ / "object";
  std::unique_ptr<WatchedBackingFile> file_;
};

TEST_F(WatchedBackingFileTest, GivesBackWhatWasWrittenBeforeAndAfterASync) {
  const std::string bytes(2 * kBlockSize, 'a');
  ASSERT_TRUE(file_->WriteAt(kBlockSize, bytes).ok());
  EXPECT_EQ(Read(kBlockSize, bytes.size()), bytes);
  ASSERT_TRUE(file_->Sync().ok());
  EXPECT_EQ(Read(kBlockSize, bytes.size()), bytes);
  EXPECT_EQ(Read(0, kBlockSize), std::string(kBlockSize, '\0'));
}

TEST_F(WatchedBackingFileTest, GoesOnWorkingWithoutItsName) {
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_TRUE(file_->WriteAt(0, std::string(kBlockSize, 'a')).ok());
  EXPECT_EQ(Read(0, kBlockSize), std::string(kBlockSize, 'a'));
}

TEST_F(WatchedBackingFileTest, PunchesHolesAndTellsOfReadsPastTheEnd) {
  ASSERT_TRUE(file_->WriteAt(0, std::string(2 * kBlockSize, 'a')).ok());
  ASSERT_TRUE(file_->PunchHole({0, kBlockSize}).ok());
  EXPECT_EQ(Read(0, 2 * kBlockSize), std::string(kBlockSize, '\0') + std::string(kBlockSize, 'a'));
  std::string bytes(kBlockSize, 'x');
  EXPECT_EQ(file_->ReadAt(kSize, absl::MakeSpan(bytes)).code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace lacuna
