// The guard, step by step, over a kernel that a test plays.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/cachefiles.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "daemon/keeper/guard.h"
#include "tests/fakes/fake_fuse_kernel.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;

class GuardTest : public testing::Test {
 protected:
  void KeepDevice(KeptKind kind, UniqueFd device) {
    ASSERT_TRUE(kept_.Keep({.type = KeeperMessage::Type::kKeep, .kind = kind}, std::move(device)));
  }
  void SetDeadline(Duration deadline) { memory_->read_deadline = std::chrono::nanoseconds(deadline).count(); }
  // A request that a worker took so long ago.
  void Owe(uint32_t slot, uint64_t unique, uint32_t opcode, Duration age) {
    log_.Claim(slot, std::chrono::steady_clock::now() - age);
    const fuse_in_header header = {.len = sizeof(header), .opcode = opcode, .unique = unique};
    std::memcpy(log_.Pieces(slot)[0].iov_base, &header, sizeof(header));
  }
  void StepFor(milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) guard_.Step();
  }
  template <typename T>
  static std::string BytesOf(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof(value)};
  }
  static void SendMessage(const UniqueFd& kernel, cachefiles_msg header, const std::string& body) {
    header.len = static_cast<uint32_t>(sizeof(header) + body.size());
    const std::string message = BytesOf(header) + body;
    send(kernel.get(), message.data(), message.size(), 0);
  }

  const UniqueFd fd_ = *MakeKeeperMemory();
  const MappedKeeperMemory memory_ = *MapKeeperMemory(fd_.get());
  KeptTable kept_{*memory_};
  Guard guard_{*memory_, kept_};
  FuseLog log_{memory_->fuse_log};
  Lifeline lifeline_{memory_->lifeline};
};

TEST_F(GuardTest, WhatIsOverdueIsFailedOnceAndWhatIsNotIsLeft) {
  FakeFuseKernel kernel;
  KeepDevice(KeptKind::kFuseDevice, kernel.TakeDaemonsEnd());
  SetDeadline(std::chrono::seconds(5));
  Owe(0, 11, FUSE_READ, std::chrono::seconds(6));
  Owe(1, 13, FUSE_READ, std::chrono::seconds(1));
  Owe(2, 15, FUSE_RELEASE, std::chrono::seconds(60));
  guard_.Step();
  guard_.Step();
  const auto answer = kernel.Receive();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->unique, 11u);
  EXPECT_EQ(answer->error, EIO);
  EXPECT_TRUE(log_.IsGivenUp(0));
  EXPECT_FALSE(log_.IsGivenUp(1));
  EXPECT_FALSE(log_.IsGivenUp(2)) << "nobody waits for a RELEASE, and a worker has to see it";
}

TEST_F(GuardTest, AfterAWholeDeadlineAloneWhatComesIsFailed) {
  FakeFuseKernel kernel;
  KeepDevice(KeptKind::kFuseDevice, kernel.TakeDaemonsEnd());
  SetDeadline(milliseconds(100));
  std::thread([&] { lifeline_.Hold(); }).join();  // a worker that died
  StepFor(milliseconds(60));                      // noticed
  const uint64_t read = kernel.SendBytes(FUSE_READ, 7, std::string(40, '\0'));
  kernel.SendBytes(FUSE_FORGET, 7, std::string(8, '\0'));
  kernel.SendBytes(FUSE_RELEASE, 7, std::string(24, '\0'));
  StepFor(milliseconds(300));
  const auto answer = kernel.Receive();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->unique, read);
  EXPECT_EQ(answer->error, EIO);
  uint32_t left = 0;
  for (uint32_t slot = 0; slot < log_.used_slots(); ++slot) left += !log_.IsFree(slot);
  EXPECT_EQ(left, 1u) << "the RELEASE, for the next worker";
}

TEST_F(GuardTest, TheDeviceIsTheWorkersAloneWhileItLives) {
  FakeFuseKernel kernel;
  KeepDevice(KeptKind::kFuseDevice, kernel.TakeDaemonsEnd());
  SetDeadline(milliseconds(50));
  lifeline_.Hold();
  std::thread guard([&] { StepFor(milliseconds(300)); });
  kernel.SendBytes(FUSE_STATFS, FUSE_ROOT_ID, "");
  guard.join();
  EXPECT_EQ(log_.used_slots(), 0u) << "it took a request";
  lifeline_.LetGo();
}

TEST_F(GuardTest, TheSupervisorHearsOfADeath) {
  std::thread([&] { lifeline_.Hold(); }).join();
  StepFor(milliseconds(60));
  EXPECT_EQ(guard_.TakeNews(), Guard::News::kWorkerDied);
  EXPECT_EQ(guard_.TakeNews(), Guard::News::kNone);
}

TEST_F(GuardTest, TheSupervisorHearsOfAWorkerThatStandsStillAndNotOfOneThatBeats) {
  SetDeadline(milliseconds(1));  // the least patience: 2 s
  std::atomic<bool> beating = true;
  std::atomic<bool> end = false;
  std::thread worker([&] {
    lifeline_.Hold();
    while (!end) {
      if (beating) lifeline_.BeatOfDoor();
      if (beating) lifeline_.BeatOfClock();
      std::this_thread::sleep_for(milliseconds(20));
    }
    lifeline_.LetGo();
  });
  StepFor(milliseconds(3000));
  EXPECT_EQ(guard_.TakeNews(), Guard::News::kNone);
  beating = false;
  StepFor(milliseconds(3500));
  EXPECT_EQ(guard_.TakeNews(), Guard::News::kWorkerStandsStill);
  end = true;
  worker.join();
}

TEST_F(GuardTest, AtTheCachefilesDoorOpensAreRefusedAndCloseIsHeard) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  const UniqueFd kernel(ends[0]);
  KeepDevice(KeptKind::kCachefilesDevice, UniqueFd(ends[1]));
  ASSERT_TRUE(kept_.Keep({.type = KeeperMessage::Type::kKeep, .kind = KeptKind::kCachefilesObject, .id = 5},
                         UniqueFd(open("/dev/null", O_WRONLY | O_CLOEXEC))));
  const int object_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const cachefiles_open open_body = {.fd = static_cast<uint32_t>(object_fd)};
  SendMessage(kernel, {.msg_id = 3, .opcode = CACHEFILES_OP_OPEN, .object_id = 9}, BytesOf(open_body));
  SendMessage(kernel, {.msg_id = 4, .opcode = CACHEFILES_OP_CLOSE, .object_id = 5}, "");
  SetDeadline(milliseconds(1));
  StepFor(milliseconds(150));
  std::string said;
  std::array<char, 64> buffer;
  for (ssize_t size; (size = recv(kernel.get(), buffer.data(), buffer.size(), 0)) > 0;) {
    said += std::string(buffer.data(), static_cast<size_t>(size)) + ";";
  }
  EXPECT_EQ(said, "restore;copen 3,-5;");
  EXPECT_LT(fcntl(object_fd, F_GETFD), 0) << "its descriptor is closed";
  EXPECT_EQ(kept_.Find(KeptKind::kCachefilesObject, 5), -1);
}

}  // namespace
}  // namespace lacuna
