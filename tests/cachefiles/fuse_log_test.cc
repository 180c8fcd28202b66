// What a FUSE connection owes, in memory that outlives who owes it.
#include "cachefiles/fuse_log.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "cachefiles/private_keeper.h"

namespace lacuna {
namespace {

constexpr FuseLog::Time kNow(std::chrono::seconds(1000));

class FuseLogTest : public testing::Test {
 protected:
  // As readv(2) puts it there.
  void Arrive(uint32_t slot, uint64_t unique, const std::string& body) {
    const fuse_in_header header = {
        .len = static_cast<uint32_t>(sizeof(header) + body.size()), .opcode = FUSE_LOOKUP, .unique = unique};
    std::string message(reinterpret_cast<const char*>(&header), sizeof(header));
    message += body;
    for (const iovec& piece : log_.Pieces(slot)) {
      const size_t size = std::min(message.size(), piece.iov_len);
      std::memcpy(piece.iov_base, message.data(), size);
      message.erase(0, size);
    }
  }
  std::string BodyIn(uint32_t slot) {
    std::vector<char> out(FuseLog::kMaxMessage);
    const size_t size = log_.Copy(slot, log_.Header(slot).len, absl::MakeSpan(out));
    return {out.data() + sizeof(fuse_in_header), size - sizeof(fuse_in_header)};
  }

  PrivateKeeper keeper_;
  FuseLog& log_ = keeper_.fuse_log();
};

TEST_F(FuseLogTest, AClaimedSlotHoldsNothingUntilARequestIsThere) {
  log_.Claim(3, kNow);
  EXPECT_FALSE(log_.IsFree(3));
  EXPECT_EQ(log_.Header(3).len, 0u);
  EXPECT_EQ(log_.used_slots(), 4u);
  EXPECT_TRUE(log_.IsFree(0));
  Arrive(3, 77, "body");
  EXPECT_EQ(log_.Header(3).unique, 77u);
  EXPECT_EQ(BodyIn(3), "body");
  EXPECT_EQ(log_.ClaimedAt(3), kNow);
  log_.Free(3);
  log_.Claim(3, kNow);
  EXPECT_EQ(log_.Header(3).len, 0u) << "what was there before is no request";
}

TEST_F(FuseLogTest, ALongMessageIsWhole) {
  const std::string name(1000, 'n');
  log_.Claim(0, kNow);
  Arrive(0, 1, name);
  EXPECT_EQ(BodyIn(0), name);
}

TEST_F(FuseLogTest, ALengthThatIsALieIsBounded) {
  log_.Claim(0, kNow);
  const fuse_in_header header = {.len = 0xffffffff, .unique = 1};
  std::memcpy(log_.Pieces(0)[0].iov_base, &header, sizeof(header));
  std::vector<char> out(FuseLog::kMaxMessage);
  EXPECT_EQ(log_.Copy(0, log_.Header(0).len, absl::MakeSpan(out)), FuseLog::kMaxMessage);
}

TEST_F(FuseLogTest, WhatTheGuardAnsweredIsGivenUpUntilTheNextRequest) {
  log_.Claim(0, kNow);
  Arrive(0, 5, "");
  EXPECT_FALSE(log_.IsGivenUp(0));
  log_.GiveUp(0, 5);
  EXPECT_TRUE(log_.IsGivenUp(0));
  log_.Claim(0, kNow);
  Arrive(0, 6, "");
  EXPECT_FALSE(log_.IsGivenUp(0));
}

TEST_F(FuseLogTest, OpenFilesAreAddedAndRemovedOnceHoweverOftenItIsSaid) {
  EXPECT_TRUE(log_.AddOpenFile(9, 2, "object"));
  EXPECT_TRUE(log_.AddOpenFile(9, 2, "object"));
  EXPECT_EQ(log_.used_open_files(), 1u);
  EXPECT_EQ(log_.open_file(0).object(), "object");
  log_.RemoveOpenFile(9);
  log_.RemoveOpenFile(9);
  EXPECT_EQ(log_.open_file(0).handle, 0u);
  EXPECT_TRUE(log_.AddOpenFile(10, 3, "another"));
  EXPECT_EQ(log_.used_open_files(), 1u) << "the place is used again";
}

TEST_F(FuseLogTest, ThereIsRoomForSoManyOpenFilesAndNoMore) {
  for (uint64_t handle = 1; handle <= FuseLog::kOpenFiles; ++handle) {
    ASSERT_TRUE(log_.AddOpenFile(handle, 2, "object"));
  }
  EXPECT_FALSE(log_.AddOpenFile(FuseLog::kOpenFiles + 1, 2, "object"));
  EXPECT_FALSE(log_.AddOpenFile(1000000, 2, std::string(240, 'n').c_str())) << "the name is too long";
}

TEST_F(FuseLogTest, ANewConnectionFindsNothingButTheNodeIds) {
  const uint64_t node = log_.NextNode();
  log_.Claim(0, kNow);
  log_.AddOpenFile(9, node, "object");
  log_.Clear();
  EXPECT_TRUE(log_.IsFree(0));
  EXPECT_EQ(log_.open_file(0).handle, 0u);
  EXPECT_EQ(log_.NextNode(), node + 1);
}

}  // namespace
}  // namespace lacuna
