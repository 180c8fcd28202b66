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
  ASSERT_TRUE(table_.Keep(Object(1), SomeFile()));
  ASSERT_TRUE(table_.Keep(device, SomeFile()));
  table_.Drop(KeptKind::kCachefilesObject, 1);
  const int old = table_.Find(KeptKind::kFuseDevice);
  ASSERT_TRUE(table_.Keep(device, SomeFile()));
  EXPECT_EQ(table_.FdAt(0), -1);
  EXPECT_EQ(table_.FdAt(1), table_.Find(KeptKind::kFuseDevice)) << "it has moved: two places have had it";
  EXPECT_TRUE(IsOpen(table_.Find(KeptKind::kFuseDevice)));
  EXPECT_TRUE(table_.Find(KeptKind::kFuseDevice) != old || IsOpen(old));
  table_.Drop(KeptKind::kFuseDevice, 0);
  EXPECT_EQ(table_.Find(KeptKind::kFuseDevice), -1);
}

TEST_F(KeptTableTest, WhatChangesIsMarked) {
  const auto take_changed = [&](size_t place) {
    const bool changed = table_.changed(place);
    table_.set_changed(place, false);
    return changed;
  };
  EXPECT_FALSE(take_changed(0));
  ASSERT_TRUE(table_.Keep(Object(7), SomeFile()));
  EXPECT_TRUE(take_changed(0));
  ASSERT_TRUE(table_.Keep(Object(7), SomeFile()));
  EXPECT_TRUE(take_changed(0));
  table_.Drop(KeptKind::kCachefilesObject, 8);
  EXPECT_FALSE(take_changed(0));
  table_.Drop(KeptKind::kCachefilesObject, 7);
  EXPECT_TRUE(take_changed(0));
}

TEST_F(KeptTableTest, ClosingAllLeavesTheTableToWhoHasDuplicates) {
  ASSERT_TRUE(table_.Keep(Object(1), SomeFile()));
  const int number = table_.FdAt(0);
  table_.CloseAll();
  EXPECT_FALSE(IsOpen(number));
  EXPECT_EQ(memory_->kept[0].kind, KeptKind::kCachefilesObject);
  EXPECT_EQ(memory_->kept[0].id, 1u);
}

TEST_F(KeptTableTest, ObjectsAreKeptById) {
  ASSERT_TRUE(table_.Keep(Object(1), SomeFile()));
  ASSERT_TRUE(table_.Keep(Object(2), SomeFile()));
  const int second = table_.Find(KeptKind::kCachefilesObject, 2);
  table_.Drop(KeptKind::kCachefilesObject, 1);
  EXPECT_EQ(table_.Find(KeptKind::kCachefilesObject, 1), -1);
  EXPECT_EQ(table_.Find(KeptKind::kCachefilesObject, 2), second);
  table_.DropAll();
  EXPECT_FALSE(IsOpen(second));
}

TEST_F(KeptTableTest, AFullTableSaysSoAndClosesWhatItCannotKeep) {
  for (uint64_t id = 0; id < KeeperMemory::kEntries; ++id) {
    ASSERT_TRUE(table_.Keep(Object(id), UniqueFd(-1)));
  }
  UniqueFd one_more = SomeFile();
  const int number = one_more.get();
  EXPECT_FALSE(table_.Keep(Object(KeeperMemory::kEntries), std::move(one_more)));
  EXPECT_FALSE(IsOpen(number));
}

TEST_F(KeptTableTest, WhatIsKeptPassesToAChildOnlyWhenItIsTold) {
  ASSERT_TRUE(table_.Keep(Object(1), SomeFile()));
  const int fd = table_.Find(KeptKind::kCachefilesObject, 1);
  table_.LetInherit(true);
  EXPECT_EQ(fcntl(fd, F_GETFD), 0);
  table_.LetInherit(false);
  EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

}  // namespace
}  // namespace lacuna
