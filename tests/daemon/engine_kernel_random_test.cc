// An object whose bytes the kernel keeps, under random reads, prefetches, faults, full disks, losses, opens
// and closes, against the model "the image's real bytes": who is told that its range is there finds the right
// bytes and no hole, everybody is answered once and by the deadline, and nothing that is there is fetched.
#include <gtest/gtest.h>

#include <random>

#include "daemon/base/status.h"
#include "tests/daemon/engine_rig.h"
#include "tests/fakes/fake_kernel_file.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kBlobSize = 40 * kChunkSize + 12'345;
constexpr BlobCache::Options kOptions = {.read_deadline = seconds(8), .failure_memory = seconds(1)};
constexpr int kMaxBlocksAsked = 32;  // 128 KiB, as the kernel does

class RandomKernel {
 public:
  RandomKernel(uint64_t seed, int workers)
      : random_(seed), rig_({MakeBlob(kBlobSize, seed)}, kOptions, workers) {
    const uint64_t size = rig_.truth()->size();
    cache_ = std::make_shared<FakeKernelCache>(size);
    StoredObject stored = StoredObject::InKernel(size);
    stored.data = rig_.ledger.Watch(stored.data, rig_.url());
    object_ = BlobCache::Create(rig_.context(), rig_.key(), rig_.source(), std::move(stored));
    rig_.SetFault([this](const HttpRequest&) { return MaybeFault(); });
  }

  void Run(int steps) {
    Open();
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      Step();
      CheckDeadlines();
    }
    object_->Close(absl::CancelledError("the end"));
    rig_.http.ReleaseAll();
    rig_.Settle();
    for (const Asked& asked : asked_) EXPECT_EQ(asked.read->answers(), 1);
    EXPECT_EQ(prefetches_told_, prefetches_);
  }

 private:
  struct Asked {
    std::shared_ptr<KernelRead> read;
    TimePoint deadline;
  };

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

  void Step() {
    switch (Below(16)) {
      case 0 ... 6:
        return Read();
      case 7:
        return Prefetch();
      case 8:
        return rig_.http.Hold();
      case 9:
        rig_.http.AnswerHeld();
        return;
      case 10 ... 11:
        return rig_.http.ReleaseAll();
      case 12:
        return rig_.clock.Advance(milliseconds(Below(3000)));
      case 13:
        return FillTheDisk();
      case 14:
        return Lose();
      default:
        return Reopen();
    }
  }

  ByteRange RandomRange(uint64_t most_blocks) {
    const uint64_t blocks = rig_.truth()->size() / kBlockSize;
    const uint64_t first = Below(blocks);
    return {first * kBlockSize, std::min(blocks - first, 1 + Below(most_blocks)) * kBlockSize};
  }

  // The kernel asks for holes only. It may be behind the times: one that is just being filled.
  void Read() {
    const ByteRange range = RandomRange(kMaxBlocksAsked);
    if (cache_->DataIn(range) == std::vector<ByteRange>{range} && !OneIn(4)) return;
    auto read = std::make_shared<KernelRead>();
    asked_.push_back({read, rig_.clock.Now() + kOptions.read_deadline});
    object_->OnRead(SimulatedDoor::MakeRead(ObjectId(1), range, std::make_shared<FakeKernelFile>(cache_),
                                            rig_.truth(), read));
  }

  void Prefetch() {
    ++prefetches_;
    object_->Prefetch(RandomRange(1000), OneIn(2) ? Priority::kPrefetch : Priority::kFill,
                      [this](const absl::Status&) { ++prefetches_told_; });
  }

  // Runs on whichever thread asks.
  std::optional<FakeAnswer> MaybeFault() {
    const int request = ++requests_;
    if (request % 6 != 0) return std::nullopt;
    return FakeAnswer{.status = request % 12 == 0 ? 503 : 0,
                      .end = absl::UnavailableError("connection refused")};
  }

  void FillTheDisk() {
    file_->FailWrites(OneIn(2) ? absl::OkStatus() : absl::ResourceExhaustedError("no space"));
  }

  // What is under way ends first: the ledger would take a chunk that was lost on its way for here.
  void Rest() {
    rig_.http.ReleaseAll();
    rig_.Settle();
  }

  void Lose() {
    Rest();
    const ByteRange range = RandomRange(100);
    cache_->Lose(range);
    MayFetchWhatIsMissing();
  }

  void Reopen() {
    Rest();
    if (OneIn(3)) {
      Open();  // anew, before the close of the last
    } else {
      file_->Close();
      object_->Detach(*file_);
      Open();
    }
  }

  void Open() {
    file_ = std::make_shared<FakeKernelFile>(cache_);
    MayFetchWhatIsMissing();
    object_->Attach(file_);
  }

  void MayFetchWhatIsMissing() {
    std::vector<uint64_t> missing;
    for (uint64_t chunk = 0; chunk < ChunkCount(kBlobSize); ++chunk) {
      const ByteRange bytes = BytesOf({chunk, chunk + 1}, rig_.truth()->size());
      if (cache_->DataIn(bytes) != std::vector<ByteRange>{bytes}) missing.push_back(chunk);
    }
    rig_.ledger.StartOver(rig_.url(), missing);
  }

  void CheckDeadlines() {
    for (const Asked& asked : asked_) {
      const bool overdue = rig_.clock.Now() >= asked.deadline;
      if (overdue && !asked.read->answered()) {
        rig_.Settle();                        // a worker may be about to answer, or to park it
        rig_.clock.Advance(milliseconds(0));  // which is too late then
      }
      EXPECT_TRUE(asked.read->answered() || !overdue) << "a reader hangs";
      if (!asked.read->answered()) continue;
      EXPECT_EQ(asked.read->answers(), 1);
      const absl::Status status = asked.read->Wait();
      EXPECT_EQ(std::string(status.message()).find("WRONG BYTES"), std::string::npos) << status;
      EXPECT_EQ(std::string(status.message()).find("a hole"), std::string::npos) << status;
    }
    std::erase_if(asked_, [](const Asked& asked) { return asked.read->answered(); });
  }

  std::mt19937_64 random_;
  std::vector<Asked> asked_;
  std::atomic<int> requests_ = 0;
  int prefetches_ = 0;
  std::atomic<int> prefetches_told_ = 0;
  EngineRig rig_;
  std::shared_ptr<FakeKernelCache> cache_;
  std::shared_ptr<FakeKernelFile> file_;
  std::shared_ptr<BlobCache> object_;
};

void RunWith(uint64_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  for (int workers : {1, 3}) RandomKernel(seed, workers).Run(300);
}

TEST(EngineKernelRandom, FixedSeeds) {
  for (uint64_t seed = 1; seed <= 10; ++seed) RunWith(seed);
}

TEST(EngineKernelRandom, FreshSeed) {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  RunWith(seed);
}

}  // namespace
}  // namespace lacuna
