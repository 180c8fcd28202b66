// What is mounted again after a crash, and what becomes of the records.
#include "daemon/remounter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RemounterTest : public testing::Test {
 protected:
  RemounterTest() {
    Record("/run/1", "now", {"/a", "/b"});
    Record("/run/2", "now", {"/c"});
    Record("/run/3", "now", {});
    Record("/run/4", "another", {"/d"});
  }

  void Record(const std::string& mount_point, const std::string& boot_id,
              const std::vector<std::string>& directories) {
    EXPECT_TRUE(
        db_->RecordFileSystem(
               {.mount_point = mount_point, .manifest_digest = Digest::Of("first"), .boot_id = boot_id})
            .ok());
    for (const std::string& directory : directories) {
      EXPECT_TRUE(db_->RecordMount({.directory = directory,
                                    .file_system = mount_point,
                                    .reference = directory + "'s",
                                    .manifest_digest = Digest::Of(directory)})
                      .ok());
    }
  }
  std::vector<FileSystemRecord> FileSystems() { return db_->FileSystems().value(); }

  const TempDir folder_;
  const std::unique_ptr<CacheDb> db_ = *CacheDb::Open(folder_ / "cache.db");
};

TEST_F(RemounterTest, MountsEachDirectoryOfThisBootAndForgetsTheOldRecords) {
  std::vector<std::string> mounted;
  std::promise<void> last;
  Remounter remounter(*db_, [&](const FileSystemRecord& record, const std::string& directory) {
    EXPECT_EQ(record.reference, directory + "'s");
    EXPECT_EQ(record.manifest_digest, Digest::Of(directory));
    mounted.push_back(directory);
    if (directory == "/c") last.set_value();
    return directory == "/a" ? absl::DataLossError("planted") : absl::OkStatus();
  });
  testing::internal::CaptureStderr();
  ASSERT_TRUE(remounter.Start("now").ok());
  last.get_future().wait();
  remounter.Stop();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("/a's was mounted at /a when lacunad died, and cannot be mounted again: planted"));
  EXPECT_THAT(mounted, ElementsAre("/a", "/b", "/c"));
  EXPECT_THAT(FileSystems(), IsEmpty());
}

TEST_F(RemounterTest, AStopLetsTheMountUnderWayEndAndForgetsTheRest) {
  std::promise<void> begun;
  std::promise<void> go_on;
  int calls = 0;
  Remounter remounter(*db_, [&](const FileSystemRecord&, const std::string&) {
    ++calls;
    begun.set_value();
    go_on.get_future().wait();
    return absl::CancelledError("the daemon is ending");
  });
  testing::internal::CaptureStderr();
  ASSERT_TRUE(remounter.Start("now").ok());
  begun.get_future().wait();
  remounter.Cancel();
  go_on.set_value();
  remounter.Stop();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(FileSystems(), IsEmpty());
}

TEST_F(RemounterTest, NothingToDoIsNoThread) {
  Remounter remounter(*db_,
                      [](const FileSystemRecord&, const std::string&) -> absl::Status { std::abort(); });
  ASSERT_TRUE(remounter.Start("a third boot").ok());
  EXPECT_THAT(FileSystems(), IsEmpty());
}

}  // namespace
}  // namespace lacuna
