// The FUSE parser: each operation, and every way in which a message can be wrong.
#include "cachefiles/fuse_wire.h"

#include <gtest/gtest.h>
#include <linux/fuse.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <string>

#include "cachefiles/fuse_reply.h"

namespace lacuna {
namespace {

constexpr uint64_t kUnique = 77;
constexpr uint64_t kNode = 5;

template <typename T>
std::string Bytes(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string Message(uint32_t opcode, const std::string& body, int64_t wrong_by = 0) {
  const fuse_in_header header = {
      .len = static_cast<uint32_t>(static_cast<int64_t>(sizeof(header) + body.size()) + wrong_by),
      .opcode = opcode,
      .unique = kUnique,
      .nodeid = kNode};
  return Bytes(header) + body;
}

// The body of a message that parses.
template <typename T>
T Parsed(uint32_t opcode, const std::string& body) {
  const std::string message = Message(opcode, body);
  const absl::StatusOr<FuseRequest> request = ParseFuseRequest(message);
  EXPECT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->unique, kUnique);
  EXPECT_EQ(request->node, kNode);
  EXPECT_TRUE(std::holds_alternative<T>(request->body));
  return std::get<T>(request->body);
}

bool Refuses(uint32_t opcode, const std::string& body) {
  return absl::IsInvalidArgument(ParseFuseRequest(Message(opcode, body)).status());
}

TEST(FuseWire, Init) {
  const auto init = Parsed<FuseInit>(
      FUSE_INIT, Bytes(fuse_init_in{.major = 7, .minor = 40, .max_readahead = 131072, .flags = 0x11}));
  EXPECT_EQ(init.major, 7u);
  EXPECT_EQ(init.minor, 40u);
  EXPECT_EQ(init.max_readahead, 131072u);
  EXPECT_EQ(init.flags, 0x11u);
}

TEST(FuseWire, InitOfAKernelBeforeFlags2) {
  const std::string body = Bytes(fuse_init_in{.major = 7, .minor = 31, .flags = 3}).substr(0, 16);
  EXPECT_EQ(Parsed<FuseInit>(FUSE_INIT, body).flags, 3u);
  EXPECT_TRUE(Refuses(FUSE_INIT, body.substr(0, 15)));
}

TEST(FuseWire, LookupEndsAtItsNul) {
  const std::string message = Message(FUSE_LOOKUP, std::string("name\0", 5));
  const auto request = ParseFuseRequest(message);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(std::get<FuseLookup>(request->body).name, "name");
  EXPECT_TRUE(Refuses(FUSE_LOOKUP, "name"));
  EXPECT_TRUE(Refuses(FUSE_LOOKUP, ""));
}

TEST(FuseWire, Read) {
  const auto read = Parsed<FuseRead>(FUSE_READ, Bytes(fuse_read_in{.fh = 9, .offset = 8192, .size = 4096}));
  EXPECT_EQ(read.handle, 9u);
  EXPECT_EQ(read.offset, 8192u);
  EXPECT_EQ(read.size, 4096u);
}

TEST(FuseWire, ReadThatIsTooLongOrOverflows) {
  EXPECT_FALSE(Refuses(FUSE_READ, Bytes(fuse_read_in{.size = kFuseMaxRead})));
  EXPECT_TRUE(Refuses(FUSE_READ, Bytes(fuse_read_in{.size = kFuseMaxRead + 1})));
  EXPECT_TRUE(
      Refuses(FUSE_READ, Bytes(fuse_read_in{.offset = std::numeric_limits<uint64_t>::max(), .size = 4096})));
}

TEST(FuseWire, WhatHasNoReplyIsNotRefused) {
  for (const uint32_t opcode : {FUSE_FORGET, FUSE_BATCH_FORGET, FUSE_INTERRUPT, FUSE_NOTIFY_REPLY}) {
    Parsed<FuseSilent>(opcode, "");
  }
}

TEST(FuseWire, EveryBodyOneByteShortIsRefused) {
  const std::pair<uint32_t, size_t> sizes[] = {{FUSE_OPEN, sizeof(fuse_open_in)},
                                               {FUSE_READ, sizeof(fuse_read_in)},
                                               {FUSE_RELEASE, sizeof(fuse_release_in)}};
  for (const auto& [opcode, size] : sizes) {
    EXPECT_FALSE(Refuses(opcode, std::string(size, '\0'))) << opcode;
    EXPECT_TRUE(Refuses(opcode, std::string(size - 1, '\0'))) << opcode;
  }
}

TEST(FuseWire, ALongerBodyIsANewerKernels) {
  EXPECT_EQ(Parsed<FuseOpen>(FUSE_OPEN, Bytes(fuse_open_in{.flags = 2}) + "appended").flags, 2u);
}

TEST(FuseWire, TheLengthFieldIsTheLength) {
  const std::string body = Bytes(fuse_open_in{});
  EXPECT_FALSE(ParseFuseRequest(Message(FUSE_OPEN, body, +1)).ok());
  EXPECT_FALSE(ParseFuseRequest(Message(FUSE_OPEN, body, -1)).ok());
  EXPECT_FALSE(ParseFuseRequest("").ok());
  EXPECT_FALSE(ParseFuseRequest(Message(FUSE_STATFS, "").substr(0, sizeof(fuse_in_header) - 1)).ok());
}

TEST(FuseWire, WhatWritesIsReadOnlyWhatIsUnknownIsNotImplemented) {
  for (const uint32_t opcode : {FUSE_SETATTR, FUSE_WRITE, FUSE_CREATE, FUSE_UNLINK, FUSE_FALLOCATE}) {
    EXPECT_EQ(Parsed<FuseRefused>(opcode, "").error, EROFS) << opcode;
  }
  for (const uint32_t opcode :
       std::initializer_list<uint32_t>{FUSE_FLUSH, FUSE_ACCESS, FUSE_GETXATTR, 0, 52, 4711}) {
    EXPECT_EQ(Parsed<FuseRefused>(opcode, "").error, ENOSYS) << opcode;
  }
}

TEST(FuseWire, NobodyWaitsForAnAnswerToInterrupt) {
  Parsed<FuseSilent>(FUSE_INTERRUPT, Bytes(fuse_interrupt_in{}));
}

TEST(FuseWire, AMalformedMessageCanStillBeRefusedByItsNumber) {
  EXPECT_EQ(FuseUniqueOf(Message(FUSE_READ, "short")), kUnique);
  EXPECT_EQ(FuseUniqueOf("short"), std::nullopt);
  EXPECT_EQ(FuseUniqueOf(Bytes(fuse_in_header{})), std::nullopt);
}

TEST(FuseReply, InitAllowsManyLongReads) {
  const fuse_init_out reply = InitReply({.major = 7, .minor = 40, .flags = 0xffffffff});
  EXPECT_EQ(reply.major, 7u);
  EXPECT_EQ(reply.minor, kFuseMinor);
  EXPECT_EQ(reply.max_background, 65535);
  EXPECT_EQ(reply.congestion_threshold, 65535);
  EXPECT_EQ(reply.max_pages, 256);
  EXPECT_TRUE(reply.flags & FUSE_ASYNC_READ);
  EXPECT_TRUE(reply.flags & FUSE_MAX_PAGES);
  EXPECT_FALSE(reply.flags & FUSE_WRITEBACK_CACHE);
}

TEST(FuseReply, InitTakesNothingThatWasNotOffered) {
  EXPECT_EQ(InitReply({.major = 7, .minor = 31, .flags = FUSE_ASYNC_READ}).flags, uint32_t{FUSE_ASYNC_READ});
}

TEST(FuseReply, SpeaksFrom731On) {
  EXPECT_TRUE(SpeaksOurFuse({.major = 7, .minor = 31}));
  EXPECT_FALSE(SpeaksOurFuse({.major = 7, .minor = 30}));
  EXPECT_FALSE(SpeaksOurFuse({.major = 8, .minor = 31}));
}

}  // namespace
}  // namespace lacuna
