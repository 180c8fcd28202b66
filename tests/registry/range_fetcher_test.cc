// RangeFetcher: what an answer must be, and that each fetch ends exactly once.
#include "registry/range_fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_http.h"
#include "tests/fakes/fake_registry.h"

namespace lacuna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kBlobSize = 1000;

std::string BlobBytes() {
  std::string bytes;
  for (uint64_t i = 0; i < kBlobSize; ++i) bytes += static_cast<char>('a' + i % 23);
  return bytes;
}

RemoteBlob BlobOf(const FakeRegistry& registry) {
  return {registry.repository("a/b"), Digest::Of("x"), kBlobSize};
}

class RecordingSink : public RangeSink {
 public:
  void OnBytes(absl::Span<const char> got) override {
    EXPECT_EQ(dones, 0);
    bytes.append(got.data(), got.size());
  }
  void OnDone(const absl::Status& end) override {
    ++dones;
    status = end;
  }

  std::string bytes;
  absl::Status status;
  int dones = 0;
};

// The sink of many fetches.
class EndCounter : public RangeSink {
 public:
  void OnBytes(absl::Span<const char>) override {}
  void OnDone(const absl::Status&) override { ++dones; }

  int dones = 0;
};

// One fetch of [100, 300) from a server that answers like this.
struct OneFetch {
  explicit OneFetch(FakeAnswer answer)
      : http([answer = std::move(answer)](const HttpRequest&) { return answer; }) {
    fetcher.Fetch(BlobOf(registry), {100, 200}, Priority::kDemand, TimePoint::max(), sink);
    EXPECT_EQ(sink->dones, 1);
  }
  FetchStats stats() const { return registry.counters.stats(); }

  FakeClock clock;
  FakeHttp http;
  FakeRegistry registry{http, clock, "reg:5000", {.username = "me", .password = "secret"}};
  RangeFetcher fetcher{registry.counters, Persistence::kOnce};
  std::shared_ptr<RecordingSink> sink = std::make_shared<RecordingSink>();
};

FakeAnswer Partial(absl::string_view content_range, uint64_t offset = 100, uint64_t length = 200) {
  return {.status = 206,
          .headers = {{"content-range", std::string(content_range)}},
          .body = BlobBytes().substr(offset, length),
          .piece = 7};
}

void ExpectIntegrityError(const OneFetch& fetch, absl::string_view text) {
  EXPECT_TRUE(IsIntegrityError(fetch.sink->status)) << fetch.sink->status;
  EXPECT_THAT(std::string(fetch.sink->status.message()), HasSubstr(std::string(text)));
}

TEST(RangeFetcher, AsksForTheRangeAndHandsItOn) {
  OneFetch fetch(Partial("bytes 100-299/1000"));
  EXPECT_TRUE(fetch.sink->status.ok()) << fetch.sink->status;
  EXPECT_EQ(fetch.sink->bytes, BlobBytes().substr(100, 200));
  const HttpRequest request = fetch.http.requests().at(0);
  EXPECT_EQ(request.method, "GET");
  EXPECT_THAT(request.url, HasSubstr("reg:5000/v2/a/b/blobs/sha256:"));
  EXPECT_THAT(fetch.http.ranges(), ElementsAre("bytes=100-299"));
  EXPECT_EQ(fetch.stats().demand_bytes, 200);
  EXPECT_EQ(fetch.stats().requests_by_code.at(206), 1);
}

TEST(RangeFetcher, TheTotalMayBeUnknown) {
  EXPECT_TRUE(OneFetch(Partial("bytes 100-299/*")).sink->status.ok());
}

TEST(RangeFetcher, RefusesEveryOtherRange) {
  ExpectIntegrityError(OneFetch(Partial("bytes 0-199/1000")), "for bytes [0, 200), asked for [100, 300)");
  ExpectIntegrityError(OneFetch(Partial("bytes 100-298/1000", 100, 199)), "asked for [100, 300)");
  ExpectIntegrityError(OneFetch(Partial("bytes 100-300/1000", 100, 201)), "asked for [100, 300)");
  ExpectIntegrityError(OneFetch(Partial("bytes 100-299/1001")), "has 1001 bytes, the manifest says 1000");
  ExpectIntegrityError(OneFetch(Partial("nonsense")), "is not a Content-Range");
  ExpectIntegrityError(OneFetch({.status = 206, .body = BlobBytes().substr(100, 200)}),
                       "without Content-Range");
  EXPECT_EQ(OneFetch(Partial("bytes 0-199/1000")).sink->bytes, "");
}

TEST(RangeFetcher, RefusesALengthThatCannotBeRight) {
  FakeAnswer answer = Partial("bytes 100-299/1000");
  answer.headers.emplace_back("Content-Length", "199");
  OneFetch fetch(answer);
  ExpectIntegrityError(fetch, "with 199 bytes, expected 200");
  EXPECT_EQ(fetch.sink->bytes, "");
}

TEST(RangeFetcher, HandsOnNothingBeyondTheRange) {
  OneFetch fetch(Partial("bytes 100-299/1000", 100, 250));
  ExpectIntegrityError(fetch, "more than the 200 bytes");
  EXPECT_EQ(fetch.sink->bytes, BlobBytes().substr(100, fetch.sink->bytes.size()));
  EXPECT_LE(fetch.sink->bytes.size(), 200);
}

TEST(RangeFetcher, ABodyThatEndsEarlyIsNoSuccess) {
  OneFetch fetch(Partial("bytes 100-299/1000", 100, 150));
  EXPECT_EQ(fetch.sink->status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(fetch.sink->status.message()), HasSubstr("ended after 150 of 200 bytes"));
}

TEST(RangeFetcher, OfAWholeBlobOnlyTheWantedPartIsKept) {
  OneFetch fetch({.status = 200, .body = BlobBytes(), .piece = 33});
  EXPECT_TRUE(fetch.sink->status.ok()) << fetch.sink->status;
  EXPECT_EQ(fetch.sink->bytes, BlobBytes().substr(100, 200));
  const FetchStats stats = fetch.stats();
  EXPECT_EQ(stats.whole_blob_answers, 1);
  EXPECT_EQ(stats.demand_bytes, 200);
  EXPECT_EQ(stats.wasted_bytes, 800);
}

TEST(RangeFetcher, AWholeBlobHasTheBlobsSize) {
  OneFetch fetch({.status = 200, .body = BlobBytes().substr(0, 999)});
  EXPECT_EQ(fetch.sink->status.code(), absl::StatusCode::kUnavailable);
  ExpectIntegrityError(OneFetch({.status = 200, .body = BlobBytes() + "x", .piece = 1}),
                       "more than the 1000");
  ExpectIntegrityError(OneFetch({.status = 200, .headers = {{"Content-Length", "7"}}, .body = "1234567"}),
                       "with 7 bytes, expected 1000");
}

TEST(RangeFetcher, ErrorsNameTheBlobButNoSecret) {
  const std::pair<int, absl::StatusCode> cases[] = {
      {401, absl::StatusCode::kUnauthenticated}, {403, absl::StatusCode::kUnauthenticated},
      {404, absl::StatusCode::kNotFound},        {416, absl::StatusCode::kOutOfRange},
      {429, absl::StatusCode::kUnavailable},     {500, absl::StatusCode::kUnavailable},
      {503, absl::StatusCode::kUnavailable},     {204, absl::StatusCode::kUnknown},
      {304, absl::StatusCode::kUnknown}};
  for (const auto& [http_status, code] : cases) {
    OneFetch fetch({.status = http_status, .body = "explanation"});
    EXPECT_EQ(fetch.sink->status.code(), code) << http_status;
    const std::string text(fetch.sink->status.message());
    EXPECT_THAT(text, HasSubstr(absl::StrCat("HTTP ", http_status)));
    EXPECT_THAT(text, HasSubstr("reg:5000/a/b@sha256:"));
    EXPECT_THAT(text, Not(HasSubstr("secret")));
    EXPECT_EQ(fetch.sink->bytes, "");
    EXPECT_EQ(fetch.stats().requests_by_code.at(http_status), 1);
  }
}

TEST(RangeFetcher, ATransferThatBreaksIsPassedOn) {
  OneFetch never({.status = 0, .end = absl::UnavailableError("stalled")});
  EXPECT_EQ(never.sink->status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(never.stats().requests_by_code.at(0), 1);
  FakeAnswer answer = Partial("bytes 100-299/1000", 100, 199);
  answer.end = absl::UnavailableError("reset");
  OneFetch late(answer);
  EXPECT_EQ(late.sink->status.code(), absl::StatusCode::kUnavailable);
}

// A transport that goes while fetches wait ends them all: each is started, and ends at once.
TEST(RangeFetcher, ATransportThatGoesEndsWhatWaits) {
  FakeClock clock;
  auto http = std::make_unique<FakeHttp>(FakeHttp::ServeBlob(BlobBytes()));
  http->Hold();
  FakeRegistry registry(*http, clock);
  RangeFetcher fetcher(registry.counters);
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (int i = 0; i < 10'000; ++i) {
    sinks.push_back(std::make_shared<RecordingSink>());
    fetcher.Fetch(BlobOf(registry), {0, 10}, Priority::kDemand, TimePoint::max(), sinks.back());
  }
  http.reset();
  for (const auto& sink : sinks) {
    ASSERT_EQ(sink->dones, 1);
    ASSERT_EQ(sink->status.code(), absl::StatusCode::kCancelled);
  }
}

// However many wait: each answer makes room for the next fetch, and must not start it inside of itself.
TEST(RangeFetcher, AnswersThatComeAtOnceDoNotNest) {
  FakeClock clock;
  FakeHttp http(FakeHttp::ServeBlob(BlobBytes()));
  http.Hold();
  FakeRegistry registry(http, clock);
  RangeFetcher fetcher(registry.counters);
  auto sink = std::make_shared<EndCounter>();
  for (int i = 0; i < 100'000; ++i) {
    fetcher.Fetch(BlobOf(registry), {0, 10}, Priority::kDemand, TimePoint::max(), sink);
  }
  http.ReleaseAll();
  EXPECT_EQ(sink->dones, 100'000);
}

TEST(RangeFetcher, ASinkMayFetchAgain) {
  class Again : public RecordingSink {
   public:
    Again(RangeFetcher& fetcher, RemoteBlob blob, int times)
        : fetcher_(fetcher), blob_(std::move(blob)), times_(times) {}
    void OnDone(const absl::Status& end) override {
      RecordingSink::OnDone(end);
      if (times_ == 0) return;
      fetcher_.Fetch(blob_, {0, 10}, Priority::kFill, TimePoint::max(),
                     std::make_shared<Again>(fetcher_, blob_, times_ - 1));
    }

   private:
    RangeFetcher& fetcher_;
    const RemoteBlob blob_;
    const int times_;
  };
  FakeClock clock;
  FakeHttp http(FakeHttp::ServeBlob(BlobBytes()));
  FakeRegistry registry(http, clock);
  RangeFetcher fetcher(registry.counters);
  const RemoteBlob blob = BlobOf(registry);
  fetcher.Fetch(blob, {0, 10}, Priority::kFill, TimePoint::max(), std::make_shared<Again>(fetcher, blob, 20));
  EXPECT_EQ(http.requests().size(), 21);
  EXPECT_EQ(registry.counters.stats().fill_bytes, 210);
}

// What an attempt has brought is not asked for again, whoever brings the rest.
TEST(RangeFetcher, AnAttemptGoesOnWhereTheLastOneEnded) {
  FakeClock clock;
  int answers = 0;
  FakeHttp::Responder whole = FakeHttp::ServeBlob(BlobBytes());
  FakeHttp http([&](const HttpRequest& request) {
    FakeAnswer answer = whole(request);
    if (++answers > 3) return answer;
    answer.body.resize(50);
    answer.end = absl::UnavailableError("reset");
    return answer;
  });
  FakeRegistry registry(http, clock);
  RangeFetcher fetcher(registry.counters);
  auto sink = std::make_shared<RecordingSink>();
  fetcher.Fetch(BlobOf(registry), {100, 200}, Priority::kDemand, clock.Now() + std::chrono::seconds(30),
                sink);
  clock.Advance(std::chrono::seconds(20));
  EXPECT_TRUE(sink->status.ok()) << sink->status;
  EXPECT_EQ(sink->bytes, BlobBytes().substr(100, 200));
  EXPECT_THAT(http.ranges(), ElementsAre("bytes=100-299", "bytes=150-299", "bytes=200-299", "bytes=250-299"));
  EXPECT_EQ(registry.counters.stats().demand_bytes, 200);
}

TEST(RangeFetcher, AWholeBlobForWhatIsLeftIsUsedFromThere) {
  FakeClock clock;
  int answers = 0;
  FakeHttp http([&](const HttpRequest&) {
    if (++answers > 1) return FakeAnswer{.status = 200, .body = BlobBytes(), .piece = 33};
    FakeAnswer answer = Partial("bytes 100-299/1000", 100, 70);
    answer.end = absl::UnavailableError("reset");
    return answer;
  });
  FakeRegistry registry(http, clock);
  RangeFetcher fetcher(registry.counters);
  auto sink = std::make_shared<RecordingSink>();
  fetcher.Fetch(BlobOf(registry), {100, 200}, Priority::kDemand, clock.Now() + std::chrono::seconds(30),
                sink);
  clock.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(sink->status.ok()) << sink->status;
  EXPECT_EQ(sink->bytes, BlobBytes().substr(100, 200));
}

TEST(RangeFetcher, AConnectionThatBreaksBehindTheLastByteIsNoFailure) {
  FakeAnswer answer = Partial("bytes 100-299/1000");
  answer.end = absl::UnavailableError("reset");
  OneFetch fetch(answer);
  EXPECT_TRUE(fetch.sink->status.ok()) << fetch.sink->status;
}

}  // namespace
}  // namespace lacuna
