// What the keeper holds.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "daemon/keeper/kept_table.h"

namespace lacuna {
namespace {

class KeptTableTest : public testing::Test {
 protected:
  static UniqueFd SomeFile() { return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)); }
  static bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }
  static KeeperMessage Object(uint64_t id) {
    return {.type = KeeperMessage::Type::kKeep, .kind = KeptKind::kCachefilesObject, .id = id};
  }

  const UniqueFd fd_ = *MakeKeeperMemory();
  const MappedKeeperMemory memory_ = *MapKeeperMemory(fd_.get());
  KeptTable table_{*memory_};
};

TEST_F(KeptTableTest, OneOfEachKindAndTheNewOneReplacesTheOld) {
  const KeeperMessage device = {.type = KeeperMessage::Type::kKeep, .kind = KeptKind::kFuseDevice};
  EXPECT_EQ(table_.Find(KeptKind::kFuseDevice), -1);
  const std::optional<size_t> place = table_.Keep(device, SomeFile());
  ASSERT_TRUE(place.has_value());
  const int old = table_.Find(KeptKind::kFuseDevice);
  EXPECT_EQ(table_.Keep(device, SomeFile()), place);
  EXPECT_TRUE(IsOpen(table_.Find(KeptKind::kFuseDevice)));
  EXPECT_TRUE(table_.Find(KeptKind::kFuseDevice) != old || IsOpen(old));
  EXPECT_EQ(table_.Drop(KeptKind::kFuseDevice, 0), place);
  EXPECT_EQ(table_.Drop(KeptKind::kFuseDevice, 0), std::nullopt);
}

TEST_F(KeptTableTest, ObjectsAreKeptById) {
  ASSERT_TRUE(table_.Keep(Object(1), SomeFile()).has_value());
  ASSERT_TRUE(table_.Keep(Object(2), SomeFile()).has_value());
  const int second = table_.Find(KeptKind::kCachefilesObject, 2);
  table_.Drop(KeptKind::kCachefilesObject, 1);
  EXPECT_EQ(table_.Find(KeptKind::kCachefilesObject, 1), -1);
  EXPECT_EQ(table_.Find(KeptKind::kCachefilesObject, 2), second);
  table_.DropAll();
  EXPECT_FALSE(IsOpen(second));
}

TEST_F(KeptTableTest, AFullTableSaysSoAndClosesWhatItCannotKeep) {
  for (uint64_t id = 0; id < KeeperMemory::kEntries; ++id) {
    ASSERT_TRUE(table_.Keep(Object(id), UniqueFd(-1)).has_value());
  }
  UniqueFd one_more = SomeFile();
  const int number = one_more.get();
  EXPECT_EQ(table_.Keep(Object(KeeperMemory::kEntries), std::move(one_more)), std::nullopt);
  EXPECT_FALSE(IsOpen(number));
}

TEST_F(KeptTableTest, WhatIsKeptPassesToAChildOnlyWhenItIsTold) {
  ASSERT_TRUE(table_.Keep(Object(1), SomeFile()).has_value());
  const int fd = table_.Find(KeptKind::kCachefilesObject, 1);
  table_.LetInherit(true);
  EXPECT_EQ(fcntl(fd, F_GETFD), 0);
  table_.LetInherit(false);
  EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

}  // namespace
}  // namespace lacuna
