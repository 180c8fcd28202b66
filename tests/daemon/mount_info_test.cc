#include "daemon/mount_info.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

TEST(MountInfo, ReadsTheFieldsOfEachMount) {
  const auto entries = ParseMountInfo(
      "22 28 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
      "90 28 0:55 / /mnt/a ro master:1 propagate_from:2 - erofs /run/lacuna/fuse/v1-sha256-ab "
      "ro,user_xattr\n");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[1].device, "0:55");
  EXPECT_EQ(entries[1].directory, "/mnt/a");
  EXPECT_EQ(entries[1].type, "erofs");
  EXPECT_EQ(entries[1].source, "/run/lacuna/fuse/v1-sha256-ab");
}

TEST(MountInfo, UndoesTheKernelsEscapes) {
  const auto entries = ParseMountInfo("1 2 0:5 / /mnt/a\\040b\\134c ro - erofs none ro\n");
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].directory, "/mnt/a b\\c");
}

TEST(MountInfo, LeavesOutLinesThatMakeNoSense) {
  EXPECT_TRUE(ParseMountInfo("").empty());
  EXPECT_TRUE(ParseMountInfo("\n1 2 3\n - \n1 2 0:5 / /a ro shared:1 erofs none ro\n").empty());
}

TEST(MountInfo, ReadsThisProcessesOwn) {
  const auto entries = ReadMountInfo();
  ASSERT_TRUE(entries.ok());
  EXPECT_FALSE(entries->empty());
}

}  // namespace
}  // namespace lacuna
