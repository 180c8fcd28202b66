// RangeFetcher over CurlTransport over real connections: many threads at once, and what stops in the middle.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/real_clock.h"
#include "registry/curl_transport.h"
#include "registry/range_fetcher.h"
#include "registry/url.h"
#include "tests/fakes/fake_registry.h"
#include "tests/registry/loopback_server.h"

namespace lacuna {
namespace {

constexpr uint64_t kBlobSize = 3'000'000;

const std::string& BlobBytes() {
  static const std::string& bytes = *[] {
    auto* made = new std::string;
    for (uint64_t i = 0; i < kBlobSize; ++i) *made += static_cast<char>(i * 7 + i / 251);
    return made;
  }();
  return bytes;
}

// Serves ranges of the blob; every `whole`th answer is the blob whole.
LoopbackServer::Responder ServeRanges(int whole) {
  return [whole, count = std::make_shared<int>(0)](const ServedRequest& request) -> ServedAnswer {
    if (++*count % whole == 0) return {.bytes = LoopbackServer::Answer(200, BlobBytes())};
    unsigned long long first = 0;
    unsigned long long last = 0;
    EXPECT_EQ(std::sscanf(request.Header("range").c_str(), "bytes=%llu-%llu", &first, &last), 2);
    const std::string header =
        absl::StrCat("Content-Range: bytes ", first, "-", last, "/", kBlobSize, "\r\n");
    return {.bytes = LoopbackServer::Answer(206, BlobBytes().substr(first, last - first + 1), header)};
  };
}

// Compares as the bytes come, and counts the ends.
class CheckingSink : public RangeSink {
 public:
  CheckingSink(const ByteRange& range, std::atomic<int>& ended) : range_(range), ended_(ended) {}
  void OnBytes(absl::Span<const char> bytes) override {
    EXPECT_EQ(BlobBytes().compare(range_.offset + got_, bytes.size(), bytes.data(), bytes.size()), 0);
    got_ += bytes.size();
  }
  void OnDone(const absl::Status& status) override {
    // A transport that stops may do so between the last byte and the end.
    EXPECT_TRUE(status.ok() || got_ < range_.length || absl::IsCancelled(status)) << status;
    EXPECT_TRUE(!status.ok() || got_ == range_.length);
    EXPECT_FALSE(std::exchange(done_, true));
    ++ended_;
  }

 private:
  const ByteRange range_;
  std::atomic<int>& ended_;
  uint64_t got_ = 0;
  bool done_ = false;
};

class FetchOverCurl : public ::testing::Test {
 protected:
  static constexpr int kThreads = 4;
  static constexpr int kFetches = 100;

  // Fetches and promotes at random from kThreads threads.
  void FetchAtRandom(RangeFetcher& fetcher, const FakeRegistry& registry) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, random = std::mt19937(seed + i)]() mutable {
        const RemoteBlob blob{registry.repository("a"), Digest::Of("x"), kBlobSize};
        std::vector<FetchId> ids;
        for (int j = 0; j < kFetches; ++j) {
          const uint64_t offset = random() % kBlobSize;
          const ByteRange range{offset, 1 + random() % std::min<uint64_t>(kBlobSize - offset, 100'000)};
          const auto priority = static_cast<Priority>(random() % kPriorities);
          ids.push_back(fetcher.Fetch(blob, range, priority, TimePoint::max(),
                                      std::make_shared<CheckingSink>(range, ended)));
          fetcher.Promote(ids[random() % ids.size()], TimePoint::max());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  const unsigned seed = std::random_device()();
  std::atomic<int> ended = 0;
};

TEST_F(FetchOverCurl, EveryReaderGetsItsBytes) {
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  LoopbackServer server(ServeRanges(10));
  RealClock clock;
  CurlTransport transport;
  FakeRegistry registry(transport, clock, std::string(UrlHost(server.Url(""))), {}, {},
                        {.demand_connections = 8, .prefetch_connections = 2});
  RangeFetcher fetcher(registry.counters);
  FetchAtRandom(fetcher, registry);
  while (ended < kThreads * kFetches) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_LE(server.accepted(), 10);
  const FetchStats stats = registry.counters.stats();
  EXPECT_EQ(stats.whole_blob_answers, kThreads * kFetches / 10);
  EXPECT_EQ(stats.requests_by_code.at(206), kThreads * kFetches * 9 / 10);
  transport.Stop();
}

TEST_F(FetchOverCurl, EveryFetchEndsWhenTheTransportStops) {
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  LoopbackServer server(ServeRanges(10));
  RealClock clock;
  CurlTransport transport;
  FakeRegistry registry(transport, clock, std::string(UrlHost(server.Url(""))), {}, {},
                        {.demand_connections = 8, .prefetch_connections = 2});
  RangeFetcher fetcher(registry.counters);
  std::thread stopper([&] {
    server.AwaitRequests(20);
    transport.Stop();
  });
  FetchAtRandom(fetcher, registry);
  stopper.join();
  registry.gates.Close(absl::CancelledError("end"));  // those between two attempts
  EXPECT_EQ(ended, kThreads * kFetches);
}

}  // namespace
}  // namespace lacuna
