// BlobStream: the blob's bytes in order, however its pieces come; never more of them than was promised; an
// end whenever it is wanted.
#include "registry/blob_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/base/mutex.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_http.h"
#include "tests/fakes/fake_registry.h"

namespace lacuna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kPiece = 10;

std::string SomeBytes(uint64_t size) {
  std::string bytes;
  for (uint64_t i = 0; i < size; ++i) bytes += static_cast<char>('a' + i % 23);
  return bytes;
}

// A transport that keeps what it was asked for until the test answers, in any order. Thread-safe.
class ShuffledHttp : public HttpTransport {
 public:
  explicit ShuffledHttp(FakeHttp::Responder responder) : answers_(std::move(responder)) {}

  void Issue(HttpRequest request, std::shared_ptr<HttpResponseHandler> handler) override {
    MutexLock lock(mutex_);
    waiting_.emplace_back(std::move(request), std::move(handler));
  }
  // Answers the one that `pick` chooses of so many; false when there is none.
  bool Answer(const std::function<size_t(size_t)>& pick) {
    std::pair<HttpRequest, std::shared_ptr<HttpResponseHandler>> picked;
    {
      MutexLock lock(mutex_);
      if (waiting_.empty()) return false;
      const auto at = waiting_.begin() + static_cast<ptrdiff_t>(pick(waiting_.size()));
      picked = std::move(*at);
      waiting_.erase(at);
    }
    answers_.Issue(std::move(picked.first), std::move(picked.second));
    return true;
  }

 private:
  FakeHttp answers_;
  Mutex mutex_;
  std::vector<std::pair<HttpRequest, std::shared_ptr<HttpResponseHandler>>> waiting_ ABSL_GUARDED_BY(mutex_);
};

class BlobStreamTest : public ::testing::Test {
 protected:
  // What a test left held counts itself when it ends: the registry has to be there yet.
  ~BlobStreamTest() override { http.ReleaseAll(); }

  std::unique_ptr<BlobStream> Open(uint64_t size) {
    return std::make_unique<BlobStream>(
        RemoteBlob{registry.repository("a/b"), Digest::Of("x"), size}, fetcher,
        BlobStream::Options{.priority = Priority::kFill, .piece_bytes = kPiece, .ahead = 3});
  }
  static absl::StatusOr<std::string> ReadAll(BlobStream& stream) {
    std::string all;
    while (true) {
      const absl::StatusOr<absl::Span<const char>> bytes = stream.Next();
      if (!bytes.ok()) return bytes.status();
      if (bytes->empty()) return all;
      all.append(bytes->data(), bytes->size());
    }
  }

  FakeHttp::Responder responder = FakeHttp::ServeBlob(SomeBytes(100));
  FakeClock clock;
  FakeHttp http{[this](const HttpRequest& request) { return responder(request); }};
  FakeRegistry registry{http, clock};
  RangeFetcher fetcher{registry.counters, Persistence::kOnce};
};

TEST_F(BlobStreamTest, GivesTheBlobWhateverItsSize) {
  for (const uint64_t size : {1, 9, 10, 11, 29, 30, 31, 40, 77}) {
    responder = FakeHttp::ServeBlob(SomeBytes(size));
    const auto stream = Open(size);
    EXPECT_EQ(ReadAll(*stream).value(), SomeBytes(size)) << size;
    EXPECT_EQ(stream->Next().value().size(), 0) << "the end stays the end";
  }
}

TEST_F(BlobStreamTest, OfAnEmptyBlobNothingIsAsked) {
  EXPECT_EQ(ReadAll(*Open(0)).value(), "");
  EXPECT_EQ(http.requests().size(), 0);
}

TEST_F(BlobStreamTest, AsksForEachByteOnceAndForNothingBeforeItIsRead) {
  const auto stream = Open(35);
  EXPECT_EQ(http.requests().size(), 0);
  responder = FakeHttp::ServeBlob(SomeBytes(35));
  EXPECT_TRUE(ReadAll(*stream).ok());
  EXPECT_THAT(http.ranges(), ElementsAre("bytes=0-9", "bytes=10-19", "bytes=20-29", "bytes=30-34"));
}

TEST_F(BlobStreamTest, FetchesNoFurtherAheadThanItMay) {
  const auto stream = Open(100);
  EXPECT_TRUE(stream->Next().ok());
  EXPECT_EQ(http.requests().size(), 4);  // the one that was given out, and three
  EXPECT_TRUE(stream->Next().ok());
  EXPECT_EQ(http.requests().size(), 5);
}

TEST_F(BlobStreamTest, PiecesMayArriveInAnyOrder) {
  ShuffledHttp shuffled(responder);
  FakeRegistry far(shuffled, clock);
  BlobStream stream({far.repository("a/b"), Digest::Of("x"), 100}, fetcher,
                    {.priority = Priority::kFill, .piece_bytes = kPiece, .ahead = 3});
  std::string all;
  std::thread reader([&] { all = ReadAll(stream).value_or("failed"); });
  std::minstd_rand random(1);
  for (int answered = 0; answered < 10;) {
    answered += shuffled.Answer([&](size_t count) { return random() % count; }) ? 1 : 0;
  }
  reader.join();
  EXPECT_EQ(all, SomeBytes(100));
}

TEST_F(BlobStreamTest, AFailureInTheMiddleEndsItAfterWhatCameBefore) {
  const FakeHttp::Responder whole = responder;
  responder = [&](const HttpRequest& request) {
    FakeAnswer answer = whole(request);
    if (request.headers.back().second == "bytes=20-29") return FakeAnswer{.status = 403};
    return answer;
  };
  const auto stream = Open(100);
  EXPECT_EQ(stream->Next().value(), absl::MakeConstSpan(SomeBytes(100)).subspan(0, 10));
  EXPECT_EQ(stream->Next().value(), absl::MakeConstSpan(SomeBytes(100)).subspan(10, 10));
  const absl::Status status = stream->Next().status();
  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("reg:5000/a/b@sha256:"));
}

TEST_F(BlobStreamTest, CancelEndsTheReadThatWaits) {
  http.Hold();
  const auto stream = Open(100);
  absl::Status status;
  std::thread reader([&] { status = stream->Next().status(); });
  while (http.held() < 3) std::this_thread::yield();
  stream->Cancel();
  reader.join();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_TRUE(absl::IsCancelled(stream->Next().status()));
  EXPECT_EQ(http.requests().size(), 3) << "fetched for nobody";
}

TEST_F(BlobStreamTest, MayGoWhileItsFetchesAreUnderWay) {
  http.Hold();
  auto stream = Open(100);
  std::thread reader([&] { EXPECT_FALSE(stream->Next().ok()); });
  while (http.held() < 3) std::this_thread::yield();
  stream->Cancel();
  reader.join();
  stream.reset();
  http.ReleaseAll();
}

}  // namespace
}  // namespace lacuna
