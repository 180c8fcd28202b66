// Random sequences of kernel requests and engine answers, against a model that counts who is owed what.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/cachefiles/cachefiles_test_support.h"

namespace lacuna {
namespace {

class CachefilesRandomTest : public CachefilesDoorTest, public testing::WithParamInterface<uint32_t> {
 protected:
  uint32_t Below(uint32_t bound) { return std::uniform_int_distribution<uint32_t>(0, bound - 1)(random_); }
  uint32_t AnyOpen() { return std::next(open_.begin(), Below(static_cast<uint32_t>(open_.size())))->first; }

  void PublishMore() {
    for (int i = 0; i < 6; ++i) devices_.push_back(PublishAnother("device " + std::to_string(i)));
  }
  void Open() {
    const uint32_t kind = Below(8);
    const std::string cookie = kind == 0 ? "unknown" : kind == 1 ? bootstrap_name() : devices_[kind - 2];
    const auto opened = kernel_->Open(cookie);
    EXPECT_EQ(opened.copen, kind == 0 ? -ENOENT : static_cast<int64_t>(kSize));
    if (kind == 0) return;
    std::erase_if(open_,
                  [&](const auto& object) { return object.second == cookie; });  // its descriptor was lost
    open_[opened.object_id] = cookie;
    if (kind != 1) ++engine_opens_;
  }
  void Read() {
    if (open_.empty()) return;
    const uint32_t id = AnyOpen();
    const uint64_t offset = Below(kSize / kBlockSize) * kBlockSize;
    reads_.push_back({kernel_->SendRead(id, offset, 32 * kBlockSize), id, offset});
  }
  void AnswerOne() {
    for (PendingRead& read : engine_.TakeParked(0)) parked_.push_back(std::move(read));
    if (parked_.empty()) return;
    std::swap(parked_[Below(static_cast<uint32_t>(parked_.size()))], parked_.back());
    PendingRead read = std::move(parked_.back());
    parked_.pop_back();
    const ByteRange range = {read.range().offset, std::min(read.range().end(), kSize) - read.range().offset};
    const auto file = engine_.file(static_cast<uint32_t>(read.object_id()));
    const absl::Status status = Below(4) == 0
                                    ? absl::UnavailableError("planted")
                                    : file->WriteAt(range.offset, truth_.substr(range.offset, range.length));
    if (Below(8) == 0) return;  // dropped
    std::move(read).Complete(status);
  }
  void Close() {
    if (open_.empty()) return;
    const uint32_t id = AnyOpen();
    kernel_->SendClose(id);
    open_.erase(id);
  }
  void Garbage() {
    std::string bytes(Below(40), '\0');
    for (char& byte : bytes) byte = static_cast<char>(Below(256));
    if (bytes.size() >= 8) bytes[4] = 9;  // not an OPEN: its descriptor might be one of the test's
    kernel_->SendRaw(bytes);
  }

  struct SentRead {
    uint32_t msg_id;
    uint32_t object_id;
    uint64_t offset;
  };
  std::mt19937 random_{GetParam()};
  std::vector<std::string> devices_;      // their cookies
  std::map<uint32_t, std::string> open_;  // to its cookie
  std::vector<SentRead> reads_;
  std::vector<PendingRead> parked_;
  int engine_opens_ = 0;
};

TEST_P(CachefilesRandomTest, EveryReadIsAnsweredAndNoByteIsWrong) {
  StartDoor();
  PublishMore();
  for (int step = 0; step < 400; ++step) {
    const uint32_t choice = Below(16);
    choice < 2 ? Open() : choice < 9 ? Read() : choice < 14 ? AnswerOne() : choice < 15 ? Close() : Garbage();
  }
  ASSERT_TRUE(kernel_->Drained());
  for (const auto& [id, cookie] : open_) EXPECT_TRUE(kernel_->IsHeld(id)) << id;
  const bool by_stop = Below(2) == 0;
  if (!by_stop) {
    parked_.clear();
    engine_.TakeParked(0);
    for (const SentRead& read : reads_) EXPECT_TRUE(kernel_->Completed(read.msg_id)) << read.msg_id;
  }
  door_->Stop();
  for (const SentRead& read : reads_) EXPECT_TRUE(kernel_->CompletedByNow(read.msg_id)) << read.msg_id;
  EXPECT_EQ(kernel_->violations(), 0);
  EXPECT_EQ(engine_.closes(), engine_opens_);
  for (const SentRead& read : reads_) {
    EXPECT_FALSE(kernel_->IsHeld(read.object_id));
    const ByteRange block = {read.offset, kBlockSize};
    if (kernel_->HasHole(read.object_id, block)) continue;
    EXPECT_EQ(kernel_->Bytes(read.object_id, block), truth_.substr(read.offset, kBlockSize));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, CachefilesRandomTest, testing::Range(1u, 21u));

}  // namespace
}  // namespace lacuna
