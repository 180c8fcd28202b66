// The cachefiles parser: each operation, every way in which a message can be wrong, and the commands.
#include "cachefiles/cachefiles_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/cachefiles.h>

#include <limits>
#include <string>

namespace lacuna {
namespace {

using testing::ElementsAre;
using Kind = CachefilesDebt::Kind;

constexpr uint32_t kMsgId = 77;
constexpr uint32_t kObject = 5;
constexpr uint64_t kMaxOffset = std::numeric_limits<int64_t>::max();

template <typename T>
std::string Bytes(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string Message(uint32_t opcode, const std::string& body, int wrong_by = 0) {
  const cachefiles_msg header = {
      .msg_id = kMsgId,
      .opcode = opcode,
      .len = static_cast<uint32_t>(static_cast<int>(sizeof(header) + body.size()) + wrong_by),
      .object_id = kObject};
  return Bytes(header) + body;
}

std::string OpenBody(const std::string& keys, uint32_t volume_size, uint32_t cookie_size, uint32_t fd = 9) {
  return Bytes(cachefiles_open{
             .volume_key_size = volume_size, .cookie_key_size = cookie_size, .fd = fd, .flags = 0}) +
         keys;
}

std::string ReadBody(uint64_t offset, uint64_t length) {
  return Bytes(cachefiles_read{.off = offset, .len = length});
}

// The body of a message that parses.
template <typename T>
T Parsed(const std::string& message) {
  const absl::StatusOr<CachefilesRequest> request = ParseCachefilesMessage(message);
  EXPECT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->msg_id, kMsgId);
  EXPECT_EQ(request->object_id, ObjectId(kObject));
  EXPECT_TRUE(std::holds_alternative<T>(request->body));
  return std::get<T>(request->body);
}

bool Refuses(const std::string& message) {
  return absl::IsInvalidArgument(ParseCachefilesMessage(message).status());
}
bool Refuses(uint32_t opcode, const std::string& body) {
  return Refuses(Message(opcode, body));
}

TEST(CachefilesWire, Open) {
  const std::string message = Message(CACHEFILES_OP_OPEN, OpenBody(std::string("vol\0cookie", 10), 4, 6));
  const auto open = Parsed<CachefilesOpen>(message);
  EXPECT_EQ(open.volume_key, "vol");
  EXPECT_EQ(open.cookie_key, "cookie");
  EXPECT_EQ(open.fd, 9);
}

TEST(CachefilesWire, ACookieKeyIsAnyBytes) {
  const std::string cookie("a\0b\xff", 4);
  const std::string message = Message(CACHEFILES_OP_OPEN, OpenBody(std::string("v\0", 2) + cookie, 2, 4));
  EXPECT_EQ(Parsed<CachefilesOpen>(message).cookie_key, cookie);
  const std::string none = Message(CACHEFILES_OP_OPEN, OpenBody(std::string("v\0", 2), 2, 0));
  EXPECT_EQ(Parsed<CachefilesOpen>(none).cookie_key, "");
}

TEST(CachefilesWire, AVolumeKeyEndsWithItsOnlyNul) {
  const std::string keys("vo\0\0c", 5);
  EXPECT_FALSE(Refuses(CACHEFILES_OP_OPEN, OpenBody(keys, 3, 2)));
  EXPECT_TRUE(Refuses(CACHEFILES_OP_OPEN, OpenBody(keys, 4, 1)));
  EXPECT_TRUE(Refuses(CACHEFILES_OP_OPEN, OpenBody(keys, 2, 3)));
  EXPECT_TRUE(Refuses(CACHEFILES_OP_OPEN, OpenBody(keys, 0, 5)));
}

TEST(CachefilesWire, KeysAreExactlyTheRestOfTheMessage) {
  const std::string keys("vol\0cookie", 10);
  const std::pair<uint32_t, uint32_t> lies[] = {
      {4, 5}, {4, 7}, {11, 0}, {0xffffffff, 11}, {0x80000000, 0x8000000a}, {4, 0xffffffff}};
  for (const auto& [volume, cookie] : lies) {
    EXPECT_TRUE(Refuses(CACHEFILES_OP_OPEN, OpenBody(keys, volume, cookie))) << volume << " " << cookie;
  }
}

TEST(CachefilesWire, ADescriptorIsAnInt) {
  const std::string keys("v\0", 2);
  EXPECT_FALSE(Refuses(CACHEFILES_OP_OPEN, OpenBody(keys, 2, 0, 0x7fffffff)));
  const std::string bad = Message(CACHEFILES_OP_OPEN, OpenBody(keys, 2, 0, 0x80000000));
  EXPECT_TRUE(Refuses(bad));
  EXPECT_EQ(CachefilesDebtOf(bad).fd, -1);
}

TEST(CachefilesWire, Close) {
  Parsed<CachefilesClose>(Message(CACHEFILES_OP_CLOSE, ""));
  EXPECT_TRUE(Refuses(CACHEFILES_OP_CLOSE, "x"));
}

TEST(CachefilesWire, Read) {
  const auto read = Parsed<CachefilesRead>(Message(CACHEFILES_OP_READ, ReadBody(8192, 131072)));
  EXPECT_EQ(read.range, (ByteRange{8192, 131072}));
}

TEST(CachefilesWire, AReadEndsWithinAnOffset) {
  EXPECT_FALSE(Refuses(CACHEFILES_OP_READ, ReadBody(0, kMaxOffset)));
  EXPECT_FALSE(Refuses(CACHEFILES_OP_READ, ReadBody(kMaxOffset - 4096, 4096)));
  EXPECT_TRUE(Refuses(CACHEFILES_OP_READ, ReadBody(kMaxOffset - 4096, 4097)));
  EXPECT_TRUE(Refuses(CACHEFILES_OP_READ, ReadBody(kMaxOffset + 1, 0)));
  EXPECT_TRUE(Refuses(CACHEFILES_OP_READ, ReadBody(~uint64_t{0}, 2)));
  EXPECT_TRUE(Refuses(CACHEFILES_OP_READ, ReadBody(2, ~uint64_t{0})));
}

TEST(CachefilesWire, EveryBodyOneByteShortOrLongIsRefused) {
  EXPECT_TRUE(Refuses(CACHEFILES_OP_READ, ReadBody(0, 1).substr(1)));
  EXPECT_TRUE(Refuses(CACHEFILES_OP_READ, ReadBody(0, 1) + "x"));
  EXPECT_TRUE(Refuses(CACHEFILES_OP_OPEN, std::string(sizeof(cachefiles_open) - 1, '\0')));
}

TEST(CachefilesWire, TheLengthFieldIsTheLength) {
  EXPECT_TRUE(Refuses(Message(CACHEFILES_OP_CLOSE, "", +1)));
  EXPECT_TRUE(Refuses(Message(CACHEFILES_OP_CLOSE, "", -1)));
  EXPECT_TRUE(Refuses(""));
  EXPECT_TRUE(Refuses(Message(CACHEFILES_OP_CLOSE, "").substr(1)));
}

TEST(CachefilesWire, AMessageHasAtMost1024Bytes) {
  const auto of_size = [](size_t size) {
    const size_t cookie = size - sizeof(cachefiles_msg) - sizeof(cachefiles_open) - 2;
    return Message(CACHEFILES_OP_OPEN, OpenBody(std::string("v\0", 2) + std::string(cookie, 'c'), 2,
                                                static_cast<uint32_t>(cookie)));
  };
  EXPECT_FALSE(Refuses(of_size(kCachefilesMaxMessage)));
  EXPECT_TRUE(Refuses(of_size(kCachefilesMaxMessage + 1)));
}

TEST(CachefilesWire, AnUnknownOperationIsToldApart) {
  EXPECT_TRUE(absl::IsUnimplemented(ParseCachefilesMessage(Message(3, "body")).status()));
  EXPECT_EQ(CachefilesDebtOf(Message(3, "body")).kind, Kind::kNothing);
}

TEST(CachefilesWire, AMalformedOpenLeavesItsNumberAndItsDescriptor) {
  const CachefilesDebt debt = CachefilesDebtOf(Message(CACHEFILES_OP_OPEN, OpenBody("v", 9, 9, 12), +3));
  EXPECT_EQ(debt.kind, Kind::kOpen);
  EXPECT_EQ(debt.msg_id, kMsgId);
  EXPECT_EQ(debt.fd, 12);
  const CachefilesDebt cut = CachefilesDebtOf(Message(CACHEFILES_OP_OPEN, "cut"));
  EXPECT_EQ(cut.kind, Kind::kOpen);
  EXPECT_EQ(cut.fd, -1);
}

TEST(CachefilesWire, AMalformedReadLeavesItsNumberAndItsObject) {
  const CachefilesDebt debt = CachefilesDebtOf(Message(CACHEFILES_OP_READ, "cut"));
  EXPECT_EQ(debt.kind, Kind::kRead);
  EXPECT_EQ(debt.msg_id, kMsgId);
  EXPECT_EQ(debt.object_id, ObjectId(kObject));
  EXPECT_EQ(CachefilesDebtOf("cut").kind, Kind::kNothing);
}

TEST(CachefilesCommands, Copen) {
  EXPECT_EQ(CopenCommand(0, 0), "copen 0,0");
  EXPECT_EQ(CopenCommand(0xffffffff, uint64_t{1} << 40), "copen 4294967295,1099511627776");
}

TEST(CachefilesCommands, AFailedCopenIsANegativeErrno) {
  EXPECT_EQ(CopenErrorCommand(7, absl::NotFoundError("")), "copen 7,-2");
  EXPECT_EQ(CopenErrorCommand(7, absl::DeadlineExceededError("")), "copen 7,-110");
  EXPECT_EQ(CopenErrorCommand(7, absl::InternalError("")), "copen 7,-5");
  for (int code = 1; code <= 16; ++code) {
    const std::string command = CopenErrorCommand(1, absl::Status(absl::StatusCode(code), ""));
    const int error = std::stoi(command.substr(command.find(',') + 1));
    EXPECT_LT(error, 0) << code;
    EXPECT_GE(error, -4095) << code;
  }
}

TEST(CachefilesCommands, Bind) {
  const auto commands = BindCommands("/cache", {.brun = 50, .bcull = 40, .bstop = 30});
  ASSERT_TRUE(commands.ok());
  EXPECT_THAT(*commands, ElementsAre("dir /cache", "tag lacuna", "bstop 0%", "brun 99%", "bcull 40%",
                                     "brun 50%", "bstop 30%", "fstop 0%", "frun 99%", "fcull 5%", "frun 7%",
                                     "fstop 1%", "bind ondemand"));
}

TEST(CachefilesCommands, BindRefusesWhatTheKernelWould) {
  EXPECT_FALSE(BindCommands("relative", {}).ok());
  EXPECT_FALSE(BindCommands("", {}).ok());
  EXPECT_FALSE(BindCommands("/two\nlines", {}).ok());
  EXPECT_FALSE(BindCommands("/" + std::string(5000, 'd'), {}).ok());
  EXPECT_FALSE(BindCommands("/cache", {.brun = 5, .bcull = 5}).ok());
  EXPECT_FALSE(BindCommands("/cache", {.frun = 100}).ok());
  EXPECT_FALSE(BindCommands("/cache", {.fstop = -1}).ok());
}

}  // namespace
}  // namespace lacuna
