// The engine under load: ten thousand parked reads, and many threads at once.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "daemon/prefetcher.h"
#include "tests/daemon/engine_rig.h"

namespace lacuna {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A number of /proc/self/status, e.g. "VmRSS:" in KiB or "Threads:".
uint64_t ProcStatus(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    uint64_t value = 0;
    if (word == field && file >> value) return value;
  }
  return 0;
}

// An object far larger than memory: nobody ever sends a byte of it.
std::shared_ptr<BlobCache> OpenSilentObject(EngineRig& rig, uint64_t size) {
  RemoteBlob blob = rig.blob();
  blob.size = size;
  blob.digest = Digest::Of("silent");
  const ObjectKey key = ObjectKey::ForBlob(blob.digest);
  return BlobCache::Create(rig.context(), key, std::make_shared<const BlobSource>(blob),
                           *rig.store->OpenObject(key, size));
}

struct Tally {
  std::atomic<int> answers = 0;
  std::atomic<int> expired = 0;

  PendingRead MakeRead(const ByteRange& range) {
    return PendingRead(ObjectId(1), range, [this](const absl::Status& status) {
      ++answers;
      if (status.code() == absl::StatusCode::kDeadlineExceeded) ++expired;
    });
  }
};

// KiB; ThreadSanitizer keeps several bytes for each of ours.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr uint64_t kMaxGrowth = 256 * 1024;
#else
constexpr uint64_t kMaxGrowth = 64 * 1024;
#endif
#else
constexpr uint64_t kMaxGrowth = 64 * 1024;
#endif

TEST(EngineLoad, TenThousandParkedReadsAreCheapAndAllExpire) {
  constexpr int kReads = 10'000;
  EngineRig rig(MakeBlob(4096));
  rig.http.Hold();
  const std::shared_ptr<BlobCache> object = OpenSilentObject(rig, 2 * kReads * kChunkSize);
  Tally tally;
  const uint64_t memory_before = ProcStatus("VmRSS:");
  const uint64_t threads_before = ProcStatus("Threads:");
  // Each misses chunks of its own: nothing can be shared.
  for (int i = 0; i < kReads; ++i) object->OnRead(tally.MakeRead({2 * i * kChunkSize, 2 * kBlockSize}));
  EXPECT_EQ(object->parked_reads(), uint64_t{kReads});
  const uint64_t grown = ProcStatus("VmRSS:") - memory_before;
  EXPECT_LT(grown, kMaxGrowth);
  EXPECT_EQ(ProcStatus("Threads:"), threads_before);
  EXPECT_EQ(tally.answers, 0);

  rig.clock.Advance(seconds(30));
  EXPECT_EQ(tally.expired, kReads);
  for (int i = 0; i < kReads; ++i) object->OnRead(tally.MakeRead({2 * i * kChunkSize, 2 * kBlockSize}));
  EXPECT_EQ(tally.expired, 2 * kReads);  // the kernel's retries, at once
  EXPECT_EQ(tally.answers, 2 * kReads);
  object->Close(absl::CancelledError("the test's end"));
}

TEST(EngineLoad, ManyThreadsReadWhileAnswersArriveAndFillsRun) {
  constexpr int kReaders = 8;
  constexpr int kReadsEach = 150;
  EngineRig rig({MakeBlob(6 * kMiB, 1), MakeBlob(3 * kMiB + 777, 2)}, {}, 2);
  const std::vector<RigObject> objects = {rig.Open(0), rig.Open(1)};
  std::atomic<int> requests = 0;
  rig.SetFault([&](const HttpRequest&) -> std::optional<FakeAnswer> {
    if (++requests % 7 != 0) return std::nullopt;
    return FakeAnswer{.status = 503};
  });
  rig.http.Hold();

  std::atomic<bool> reading = true;
  std::thread registry([&] {
    while (reading) {
      // The engine's time must not run away from its threads: a read has 30 s of it.
      if (!rig.http.AnswerHeld()) std::this_thread::sleep_for(microseconds(100));
      rig.clock.Advance(milliseconds(1));
    }
  });
  std::atomic<int> right = 0;
  std::atomic<int> unavailable = 0;
  const auto read_randomly = [&](uint64_t seed) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < kReadsEach; ++i) {
      const RigObject& object = objects[random() % objects.size()];
      const uint64_t blocks = object.truth->size() / kBlockSize;
      const uint64_t first = random() % blocks;
      const absl::Status status =
          object
              .Read({first * kBlockSize, std::min<uint64_t>(blocks - first, 1 + random() % 64) * kBlockSize})
              ->Wait();
      if (status.ok()) ++right;
      if (status.code() == absl::StatusCode::kUnavailable) ++unavailable;
    }
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) readers.emplace_back(read_randomly, i + 1);
  Prefetcher prefetcher;
  std::atomic<int> filled = 0;
  for (int i = 0; i < 3; ++i) {
    prefetcher.Fill({objects[0].cache, objects[1].cache}, Priority::kFill,
                    [&](const absl::Status&) { ++filled; });
  }
  for (std::thread& reader : readers) reader.join();
  reading = false;
  registry.join();
  prefetcher.Close(absl::CancelledError("the test's end"));
  EXPECT_EQ(right + unavailable, kReaders * kReadsEach);
  EXPECT_GT(right, kReaders * kReadsEach / 4);
  EXPECT_EQ(filled, 3);
}

}  // namespace
}  // namespace lacuna
