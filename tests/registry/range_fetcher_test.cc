// RangeFetcher: what an answer must be, who goes first, and that each fetch ends exactly once.
#include "registry/range_fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "tests/fakes/fake_http.h"

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

RemoteBlob Blob() {
  return {{"http://user:pw@reg:5000", "a/b", MakeBasic("me:secret")}, Digest::Of("x"), kBlobSize};
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
      : http([answer = std::move(answer)](const HttpRequest&) { return answer; }), fetcher(http, {}) {
    fetcher.Fetch(Blob(), {100, 200}, Priority::kDemand, sink);
    EXPECT_EQ(sink->dones, 1);
  }

  FakeHttp http;
  RangeFetcher fetcher;
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
  EXPECT_EQ(request.authorization, MakeBasic("me:secret")->AuthorizationHeader());
  EXPECT_EQ(fetch.fetcher.stats().demand_bytes, 200);
  EXPECT_EQ(fetch.fetcher.stats().requests_by_code.at(206), 1);
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
  const FetchStats stats = fetch.fetcher.stats();
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
    EXPECT_THAT(text, HasSubstr("reg:5000/v2/a/b/blobs/"));
    EXPECT_THAT(text, Not(HasSubstr("pw@")));
    EXPECT_THAT(text, Not(HasSubstr("secret")));
    EXPECT_EQ(fetch.sink->bytes, "");
    EXPECT_EQ(fetch.fetcher.stats().requests_by_code.at(http_status), 1);
  }
}

TEST(RangeFetcher, ATransferThatBreaksIsPassedOn) {
  OneFetch never({.status = 0, .end = absl::UnavailableError("stalled")});
  EXPECT_EQ(never.sink->status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(never.fetcher.stats().requests_by_code.at(0), 1);
  FakeAnswer answer = Partial("bytes 100-299/1000");
  answer.end = absl::UnavailableError("reset");
  OneFetch late(answer);
  EXPECT_EQ(late.sink->status.code(), absl::StatusCode::kUnavailable);
}

TEST(RangeFetcher, TheDestructorCancelsWhatWaits) {
  auto sink = std::make_shared<RecordingSink>();
  FakeHttp http(FakeHttp::ServeBlob(BlobBytes()));
  {
    RangeFetcher fetcher(http, {.prefetch_connections = 0});
    fetcher.Fetch(Blob(), {0, 10}, Priority::kPrefetch, sink);
    EXPECT_EQ(sink->dones, 0);
  }
  EXPECT_EQ(sink->dones, 1);
  EXPECT_EQ(sink->status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(http.requests().size(), 0);
}

// A transport that goes while fetches wait ends them all: each is started, and ends at once.
TEST(RangeFetcher, ATransportThatGoesEndsWhatWaits) {
  auto http = std::make_unique<FakeHttp>(FakeHttp::ServeBlob(BlobBytes()));
  http->Hold();
  RangeFetcher fetcher(*http, {.demand_connections = 2});
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (int i = 0; i < 10'000; ++i) {
    sinks.push_back(std::make_shared<RecordingSink>());
    fetcher.Fetch(Blob(), {0, 10}, Priority::kDemand, sinks.back());
  }
  http.reset();
  for (const auto& sink : sinks) {
    ASSERT_EQ(sink->dones, 1);
    ASSERT_EQ(sink->status.code(), absl::StatusCode::kCancelled);
  }
}

// However many wait: each answer makes room for the next fetch, and must not start it inside of itself.
TEST(RangeFetcher, AnswersThatComeAtOnceDoNotNest) {
  FakeHttp http(FakeHttp::ServeBlob(BlobBytes()));
  http.Hold();
  RangeFetcher fetcher(http, {.demand_connections = 1});
  auto sink = std::make_shared<EndCounter>();
  for (int i = 0; i < 100'000; ++i) fetcher.Fetch(Blob(), {0, 10}, Priority::kDemand, sink);
  http.ReleaseAll();
  EXPECT_EQ(sink->dones, 100'000);
}

TEST(RangeFetcher, ASinkMayFetchAgain) {
  class Again : public RecordingSink {
   public:
    Again(RangeFetcher& fetcher, int times) : fetcher_(fetcher), times_(times) {}
    void OnDone(const absl::Status& end) override {
      RecordingSink::OnDone(end);
      if (times_ > 0)
        fetcher_.Fetch(Blob(), {0, 10}, Priority::kFill, std::make_shared<Again>(fetcher_, times_ - 1));
    }

   private:
    RangeFetcher& fetcher_;
    const int times_;
  };
  FakeHttp http(FakeHttp::ServeBlob(BlobBytes()));
  RangeFetcher fetcher(http, {.prefetch_connections = 1});
  fetcher.Fetch(Blob(), {0, 10}, Priority::kFill, std::make_shared<Again>(fetcher, 20));
  EXPECT_EQ(http.requests().size(), 21);
  EXPECT_EQ(fetcher.stats().fill_bytes, 210);
}

// What RangeFetcher promises about order, written down as plainly as possible: three queues and two limits.
class Model {
 public:
  explicit Model(RangeFetcher::Limits limits) : limits_(limits) {}

  void Fetch(uint64_t offset, Priority priority) {
    queues_[static_cast<int>(priority)].push_back(offset);
    Run();
  }
  void Promote(uint64_t offset) {
    for (int queue = 1; queue < kPriorities; ++queue) {
      const auto found = std::find(queues_[queue].begin(), queues_[queue].end(), offset);
      if (found == queues_[queue].end()) continue;
      queues_[queue].erase(found);
      queues_[0].push_back(offset);
      break;
    }
    Run();
  }
  void EndOldest() {
    if (running_.empty()) return;
    running_.pop_front();
    Run();
  }

  size_t running() const { return running_.size(); }
  const std::vector<std::string>& started() const { return started_; }

 private:
  void Run() {
    while (true) {
      const int demand = std::count(running_.begin(), running_.end(), true);
      const int background = static_cast<int>(running_.size()) - demand;
      const int queue = !queues_[0].empty() ? 0 : !queues_[1].empty() ? 1 : 2;
      const bool room =
          queue == 0 ? demand < limits_.demand_connections : background < limits_.prefetch_connections;
      if (queues_[queue].empty() || !room) return;
      const uint64_t offset = queues_[queue].front();
      started_.push_back(absl::StrCat("bytes=", offset, "-", offset));
      queues_[queue].pop_front();
      running_.push_back(queue == 0);
    }
  }

  const RangeFetcher::Limits limits_;
  std::deque<uint64_t> queues_[kPriorities];
  std::deque<bool> running_;  // oldest first; whether it is a demand fetch
  std::vector<std::string> started_;
};

TEST(RangeFetcher, RandomSequencesStartInTheModelsOrder) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    const RangeFetcher::Limits limits{.demand_connections = 1 + static_cast<int>(random() % 4),
                                      .prefetch_connections = 1 + static_cast<int>(random() % 3)};
    Model model(limits);
    FakeHttp http(FakeHttp::ServeBlob(BlobBytes()));
    http.Hold();
    RangeFetcher fetcher(http, limits);
    std::vector<FetchId> ids;
    std::vector<std::shared_ptr<RecordingSink>> sinks;
    for (int step = 0; step < 200; ++step) {
      const unsigned what = random() % 10;
      if (what < 5) {
        const uint64_t offset = ids.size();
        const auto priority = static_cast<Priority>(random() % kPriorities);
        sinks.push_back(std::make_shared<RecordingSink>());
        model.Fetch(offset, priority);
        ids.push_back(fetcher.Fetch(Blob(), {offset, 1}, priority, sinks.back()));
      } else if (what < 7 && !ids.empty()) {
        const uint64_t offset = random() % ids.size();
        model.Promote(offset);
        fetcher.Promote(ids[offset]);
      } else {
        model.EndOldest();
        http.AnswerHeld();
      }
      ASSERT_EQ(http.held(), model.running());
      ASSERT_EQ(http.ranges(), model.started());
    }
    while (http.AnswerHeld()) {
    }
    for (size_t i = 0; i < sinks.size(); ++i) {
      EXPECT_EQ(sinks[i]->dones, 1);
      EXPECT_EQ(sinks[i]->bytes, BlobBytes().substr(i, 1));
    }
  }
}

}  // namespace
}  // namespace lacuna
