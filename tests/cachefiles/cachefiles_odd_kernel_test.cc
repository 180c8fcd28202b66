// The cachefiles door and a kernel that is old, malicious or dying.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/cachefiles.h>

#include <cerrno>
#include <thread>

#include "tests/cachefiles/cachefiles_test_support.h"

namespace lacuna {
namespace {

class CachefilesOddKernelTest : public CachefilesDoorTest {
 protected:
  void SetUp() override { StartDoor(); }

  static std::string Raw(uint32_t msg_id, uint32_t opcode, uint32_t object_id, const std::string& body,
                         int wrong_by = 0) {
    const cachefiles_msg header = {
        .msg_id = msg_id,
        .opcode = opcode,
        .len = static_cast<uint32_t>(static_cast<int>(sizeof(header) + body.size()) + wrong_by),
        .object_id = object_id};
    return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + body;
  }
  // Whether the door still opens and reads.
  bool Works() {
    engine_.AnswerReadsWith(absl::OkStatus());
    const uint32_t id = OpenDevice();
    return kernel_->Completed(kernel_->SendRead(id, 0, kBlockSize));
  }
};

TEST_F(CachefilesOddKernelTest, GarbageIsCountedAndSurvived) {
  for (const std::string& garbage :
       {std::string("g"), std::string(15, '\xff'), Raw(1, CACHEFILES_OP_CLOSE, 1, "", +5),
        Raw(1, CACHEFILES_OP_OPEN, 1, "short"), Raw(2, CACHEFILES_OP_READ, 77, "short")}) {
    kernel_->SendRaw(garbage);
  }
  for (const uint32_t opcode : {3u, 0xffffffffu}) kernel_->SendRaw(Raw(3, opcode, 1, "body"));
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_EQ(door_->counters().malformed_messages, 5u);
  EXPECT_EQ(door_->counters().unknown_operations, 2u);
  EXPECT_THAT(kernel_->commands(), testing::Contains("copen 1,-22")) << "who waits for the open is told";
  EXPECT_TRUE(Works());
}

TEST_F(CachefilesOddKernelTest, AMalformedReadOfAnOpenObjectIsAnswered) {
  const uint32_t id = OpenDevice();
  const uint32_t read = kernel_->SendRead(id, ~uint64_t{0}, 2);
  EXPECT_TRUE(kernel_->Completed(read));
  EXPECT_EQ(engine_.TakeParked(0).size(), 0u);
}

TEST_F(CachefilesOddKernelTest, ReadsAndClosesOfUnknownObjectsAreCounted) {
  const uint32_t id = OpenDevice();
  kernel_->SendClose(id);
  kernel_->SendClose(id);
  kernel_->SendRead(id, 0, kBlockSize);
  kernel_->SendRead(4711, 0, kBlockSize);
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_EQ(door_->counters().unknown_objects, 3u);
  EXPECT_EQ(engine_.closes(), 1);
  EXPECT_EQ(kernel_->violations(), 0);
  EXPECT_TRUE(Works());
}

TEST_F(CachefilesOddKernelTest, AnObjectNumberUsedTwiceClosesTheFirst) {
  kernel_->CopenOf(kernel_->SendOpen(50, device_name()));
  const auto first = engine_.file(50);
  EXPECT_EQ(kernel_->CopenOf(kernel_->SendOpen(50, device_name())), static_cast<int64_t>(kSize));
  EXPECT_EQ(engine_.closes(), 1);
  EXPECT_TRUE(absl::IsUnavailable(first->WriteAt(0, "x")));
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_TRUE(engine_.file(50)->WriteAt(0, "x").ok());
}

// What a kernel does that has lost the descriptor by which the first was closed.
TEST_F(CachefilesOddKernelTest, AnObjectOpenedAnewClosesTheOldOneAndCanBeCulledInTheEnd) {
  const uint32_t lost = OpenDevice();
  const uint32_t anew = OpenDevice();
  EXPECT_EQ(engine_.closes(), 1);
  EXPECT_FALSE(kernel_->IsHeld(lost));
  EXPECT_TRUE(engine_.file(anew)->WriteAt(0, "x").ok());
  kernel_->SendClose(anew);
  ASSERT_TRUE(kernel_->Drained());
  spec_ = {};
  EXPECT_EQ(door_->Cull(device_object_.key), absl::OkStatus());
}

TEST_F(CachefilesOddKernelTest, AKilledReadersCompletionIsIgnored) {
  const uint32_t id = OpenDevice();
  const uint32_t read = kernel_->SendRead(id, 0, kBlockSize);
  std::vector<PendingRead> parked = engine_.TakeParked(1);
  kernel_->ForgetRead(read);
  std::move(parked[0]).Complete(absl::OkStatus());
  EXPECT_EQ(door_->counters().late_completions, 1u);
  kernel_->FailCompletions(EIO);
  engine_.AnswerReadsWith(absl::OkStatus());
  kernel_->SendRead(id, 0, kBlockSize);
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_EQ(door_->counters().late_completions, 1u);
}

// Kernels before 6.11 hand a killed reader's msg_id out again.
TEST_F(CachefilesOddKernelTest, ALateAnswerDoesNotCompleteTheNextReadOfItsNumber) {
  const uint32_t id = OpenDevice();
  const uint32_t read = kernel_->SendRead(id, 0, kBlockSize);
  std::vector<PendingRead> killed = engine_.TakeParked(1);
  kernel_->ForgetRead(read);
  kernel_->SendReadAs(read, id, kBlockSize, kBlockSize);
  std::vector<PendingRead> next = engine_.TakeParked(1);
  std::move(killed[0]).Complete(absl::OkStatus());
  EXPECT_FALSE(kernel_->CompletedByNow(read));
  std::move(next[0]).Complete(absl::OkStatus());
  EXPECT_TRUE(kernel_->CompletedByNow(read));
}

TEST_F(CachefilesOddKernelTest, AReadOfAnObjectThatIsClosingIsAnsweredOnce) {
  const uint32_t id = OpenDevice();
  const uint32_t read = kernel_->SendRead(id, 0, kBlockSize);
  std::vector<PendingRead> parked = engine_.TakeParked(1);
  kernel_->SendClose(id);
  EXPECT_TRUE(kernel_->Completed(read));
  ASSERT_TRUE(kernel_->Drained());
  std::move(parked[0]).Complete(absl::OkStatus());
  EXPECT_EQ(door_->counters().late_completions, 0u);
}

TEST_F(CachefilesOddKernelTest, ADeadDeviceEndsTheDoor) {
  const uint32_t id = OpenDevice();
  const uint32_t read = kernel_->SendRead(id, 0, kBlockSize);
  const std::vector<PendingRead> parked = engine_.TakeParked(1);
  kernel_->Die(EIO);
  EXPECT_TRUE(kernel_->Completed(read)) << "nobody waits for a dead door";
  while (!kernel_->closed()) std::this_thread::yield();
  EXPECT_EQ(kernel_->violations(), 0);
  const absl::Status status = door_->Publish({bootstrap_, {}}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("restart the daemon"));
  door_->Stop();
  EXPECT_EQ(engine_.closes(), 1);
}

TEST_F(CachefilesOddKernelTest, ABrokenDeviceEndsTheDoor) {
  kernel_->Break();
  while (!kernel_->closed()) std::this_thread::yield();
  EXPECT_FALSE(door_->Publish({bootstrap_, {}}).ok());
}

TEST_F(CachefilesOddKernelTest, ADeadCacheTakesNoCopenAndEndsTheDoor) {
  kernel_->FailCommands("copen", EIO);
  kernel_->SendOpen(1, device_name());
  while (!kernel_->closed()) std::this_thread::yield();
  EXPECT_EQ(engine_.closes(), 1);
  EXPECT_EQ(kernel_->violations(), 0);
}

TEST_F(CachefilesOddKernelTest, AnOpenThatTheKernelCouldNotHandOverIsNotTheEnd) {
  for (const int error : {EMFILE, ENFILE, ENOMEM, EEXIST}) {
    kernel_->FailNextReceive(error);
    ASSERT_TRUE(kernel_->Drained());
  }
  EXPECT_EQ(door_->counters().failed_opens, 4u);
  EXPECT_TRUE(Works());
}

// Linux 5.19 to 6.7: POLLIN while any READ is unanswered.
TEST_F(CachefilesOddKernelTest, ADeviceThatIsAlwaysReadableIsNoBusyLoop) {
  kernel_->AlwaysSayRequests();
  const auto begin = std::chrono::steady_clock::now();
  const int before = kernel_->waits();
  while (kernel_->waits() < before + 50) std::this_thread::yield();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(40));
  EXPECT_TRUE(Works());
}

TEST_F(CachefilesOddKernelTest, ALastingWishToCullIsHeardNowAndThen) {
  kernel_->AskForCulling();
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_TRUE(Works());
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_LE(kernel_->waits_for_culling(), 2);
  EXPECT_LE(kernel_->waits(), 20);
}

}  // namespace
}  // namespace lacuna
