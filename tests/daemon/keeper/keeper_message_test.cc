// What a worker tells its keeper, over a real socket pair.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "daemon/keeper/message.h"

namespace lacuna {
namespace {

class KeeperMessageTest : public testing::Test {
 protected:
  KeeperMessageTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    worker_ = UniqueFd(ends[0]);
    keeper_ = UniqueFd(ends[1]);
  }
  void SendRaw(const void* bytes, size_t size) {
    ASSERT_EQ(send(worker_.get(), bytes, size, 0), static_cast<ssize_t>(size));
  }

  UniqueFd worker_;
  UniqueFd keeper_;
  ReceivedMessage received_;
};

TEST_F(KeeperMessageTest, AMessageArrivesWithItsDescriptor) {
  KeeperMessage message = {.type = KeeperMessage::Type::kKeep, .kind = KeptKind::kFuseDevice, .size = 7};
  std::strcpy(message.name.data(), "name");
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(SendToKeeper(worker_.get(), message, null.get()), 0);
  ASSERT_EQ(ReceiveFromWorker(keeper_.get(), received_), Reception::kMessage);
  EXPECT_EQ(received_.message.kind, KeptKind::kFuseDevice);
  EXPECT_EQ(received_.message.size, 7u);
  EXPECT_STREQ(received_.message.name.data(), "name");
  ASSERT_TRUE(received_.fd.valid());
  EXPECT_EQ(fcntl(received_.fd.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(KeeperMessageTest, OneWithoutADescriptorHasNone) {
  ASSERT_EQ(SendToKeeper(worker_.get(), {.type = KeeperMessage::Type::kReady}), 0);
  ASSERT_EQ(ReceiveFromWorker(keeper_.get(), received_), Reception::kMessage);
  EXPECT_FALSE(received_.fd.valid());
  EXPECT_EQ(ReceiveFromWorker(keeper_.get(), received_), Reception::kNothing);
}

TEST_F(KeeperMessageTest, WhatIsNotWholeIsGarbage) {
  KeeperMessage message = {.type = KeeperMessage::Type::kDrop};
  SendRaw(&message, sizeof(message));  // its checksum is not filled in
  EXPECT_EQ(ReceiveFromWorker(keeper_.get(), received_), Reception::kGarbage);
  SendRaw("short", 5);
  EXPECT_EQ(ReceiveFromWorker(keeper_.get(), received_), Reception::kGarbage);
}

TEST_F(KeeperMessageTest, TheEndOfAWorkerIsSeenAfterItsLastMessage) {
  SendToKeeper(worker_.get(), {.type = KeeperMessage::Type::kReady});
  worker_.Reset();
  EXPECT_EQ(ReceiveFromWorker(keeper_.get(), received_), Reception::kMessage);
  EXPECT_EQ(ReceiveFromWorker(keeper_.get(), received_), Reception::kEnd);
}

TEST_F(KeeperMessageTest, AKeeperThatTakesNothingStopsNobody) {
  int error = 0;
  for (int i = 0; i < 100'000 && error == 0; ++i) {
    error = SendToKeeper(worker_.get(), {.type = KeeperMessage::Type::kReady});
  }
  EXPECT_EQ(error, EAGAIN);
}

}  // namespace
}  // namespace lacuna
