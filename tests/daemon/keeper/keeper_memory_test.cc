// The memory that keeper and worker share: made by one, checked by the other.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/keeper/memory.h"

namespace lacuna {
namespace {

class KeeperMemoryTest : public testing::Test {
 protected:
  absl::Status Map() { return MapKeeperMemory(fd_.get()).status(); }
  // Changes the file where the header has `offset`.
  template <typename T>
  void Write(size_t offset, T value) {
    ASSERT_EQ(pwrite(fd_.get(), &value, sizeof(value), static_cast<off_t>(offset)),
              static_cast<ssize_t>(sizeof(value)));
  }

  const UniqueFd fd_ = *MakeKeeperMemory();
};

TEST_F(KeeperMemoryTest, TwoMappingsAreOne) {
  const MappedKeeperMemory one = *MapKeeperMemory(fd_.get());
  const MappedKeeperMemory other = *MapKeeperMemory(fd_.get());
  one->read_deadline = 5;
  EXPECT_EQ(other->read_deadline, 5);
  EXPECT_EQ(other->kept[0].kind, KeptKind::kNone);
  EXPECT_EQ(other->upgrade.state, UpgradeState::kNone);
}

TEST_F(KeeperMemoryTest, AnotherFormatIsRefusedAndSaysSo) {
  Write<uint32_t>(offsetof(KeeperMemory::Header, version), 2);
  EXPECT_TRUE(absl::IsUnimplemented(Map()));
}

TEST_F(KeeperMemoryTest, DamageIsRefused) {
  Write<char>(0, 'X');
  EXPECT_TRUE(absl::IsDataLoss(Map()));
  Write<char>(0, 'L');
  EXPECT_TRUE(Map().ok());
  Write<uint64_t>(offsetof(KeeperMemory::Header, log_size), 1);
  EXPECT_TRUE(absl::IsDataLoss(Map()));
}

TEST_F(KeeperMemoryTest, AFileThatIsCutShortIsRefused) {
  for (const size_t size : {sizeof(KeeperMemory) - 1, sizeof(KeeperMemory::Header), size_t{10}, size_t{0}}) {
    ASSERT_EQ(ftruncate(fd_.get(), static_cast<off_t>(size)), 0);
    EXPECT_TRUE(absl::IsDataLoss(Map())) << size;
  }
}

}  // namespace
}  // namespace lacuna
