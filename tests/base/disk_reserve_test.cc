#include "daemon/base/disk_reserve.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

class DiskReserveTest : public testing::Test {
 protected:
  const TempDir folder_;
  const std::string path_ = folder_ / "reserve";
  DiskReserve reserve_{path_};
};

TEST_F(DiskReserveTest, KeepsBlocksNotOnlyASize) {
  reserve_.Keep();
  struct stat found = {};
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_size, 1 << 20);
  EXPECT_GE(found.st_blocks * 512, 1 << 20);
}

TEST_F(DiskReserveTest, IsGivenUpOnceAndKeptAgain) {
  EXPECT_FALSE(reserve_.GiveUp()) << "there is nothing to give";
  reserve_.Keep();
  EXPECT_TRUE(reserve_.GiveUp());
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(reserve_.GiveUp());
  reserve_.Keep();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(DiskReserveTest, OneOfAnEarlierProcessIsGivenUp) {
  reserve_.Keep();
  DiskReserve later(path_);
  EXPECT_TRUE(later.GiveUp());
}

}  // namespace
}  // namespace lacuna
