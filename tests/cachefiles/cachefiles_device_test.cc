// CachefilesFd over a socket pair: the real calls, without the kernel's module.
#include "cachefiles/cachefiles_device.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <thread>

namespace lacuna {
namespace {

using std::chrono::milliseconds;

class CachefilesFdTest : public testing::Test {
 protected:
  CachefilesFdTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    kernel_ = UniqueFd(ends[0]);
    device_ = *CachefilesFd::Make(UniqueFd(ends[1]));
  }

  void Send(const std::string& message) {
    EXPECT_EQ(write(kernel_.get(), message.data(), message.size()), static_cast<ssize_t>(message.size()));
  }

  UniqueFd kernel_;
  std::shared_ptr<CachefilesDevice> device_;
  char buffer_[64];
};

TEST_F(CachefilesFdTest, OneMessageAtATimeAndZeroWhenNoneWaits) {
  EXPECT_EQ(device_->Receive(absl::MakeSpan(buffer_)), 0);
  Send("first");
  Send("second");
  EXPECT_TRUE(device_->Wait(false, milliseconds(-1)).requests);
  EXPECT_EQ(device_->Receive(absl::MakeSpan(buffer_)), 5);
  EXPECT_EQ(device_->Receive(absl::MakeSpan(buffer_)), 6);
  EXPECT_EQ(device_->Receive(absl::MakeSpan(buffer_)), 0);
}

TEST_F(CachefilesFdTest, OneCommandIsOneWrite) {
  EXPECT_EQ(device_->Command("copen 1,4096"), 0);
  EXPECT_EQ(device_->Command("bind ondemand"), 0);
  EXPECT_EQ(read(kernel_.get(), buffer_, sizeof(buffer_)), 12);
  EXPECT_EQ(std::string(buffer_, 12), "copen 1,4096");
}

TEST_F(CachefilesFdTest, CullingIsHeardOnlyWhenAskedFor) {
  const CachefilesEvents quiet = device_->Wait(false, milliseconds(1));
  EXPECT_FALSE(quiet.requests || quiet.culling || quiet.broken);
  EXPECT_TRUE(device_->Wait(true, milliseconds(-1)).culling) << "a socket can always be written to";
}

TEST_F(CachefilesFdTest, WakeEndsThisWaitAndTheNext) {
  std::thread waker([&] { device_->Wake(); });
  EXPECT_FALSE(device_->Wait(false, milliseconds(-1)).requests);
  EXPECT_FALSE(device_->Wait(false, milliseconds(-1)).requests);
  waker.join();
}

TEST_F(CachefilesFdTest, TheOtherEndsDeathIsSeen) {
  kernel_.Reset();
  EXPECT_TRUE(device_->Wait(false, milliseconds(-1)).broken);
}

TEST_F(CachefilesFdTest, NothingHappensOnceClosed) {
  device_->Close();
  device_->Close();
  EXPECT_EQ(device_->Command("cull x"), EBADF);
  EXPECT_EQ(device_->Receive(absl::MakeSpan(buffer_)), -EBADF);
  EXPECT_TRUE(device_->Wait(false, milliseconds(-1)).broken);
  EXPECT_EQ(read(kernel_.get(), buffer_, sizeof(buffer_)), 0);
}

TEST_F(CachefilesFdTest, CompletionIsAnIoctlOnTheObject) {
  const UniqueFd other(open("/dev/null", O_WRONLY));
  EXPECT_EQ(device_->CompleteRead(other.get(), 1), ENOTTY);
  EXPECT_EQ(device_->CompleteRead(-1, 1), EBADF);
}

TEST(CachefilesOpen, WithoutTheModuleItSaysWhatToDo) {
  if (access("/dev/cachefiles", F_OK) == 0) GTEST_SKIP() << "this kernel has /dev/cachefiles";
  const absl::Status status = CachefilesFd::Open().status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("modprobe cachefiles"));
}

}  // namespace
}  // namespace lacuna
