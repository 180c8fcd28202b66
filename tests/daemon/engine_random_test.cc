// Random reads, prefetches, faults, restarts, power cuts and time against the model "the image's real bytes":
// every read is answered exactly once, by its deadline, with the right bytes or an error, and no chunk is
// fetched that is here or on its way (the rig's ledger).
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "tests/daemon/engine_rig.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kBlobSize = 40 * kChunkSize + 12'345;
constexpr int kTasks = 8;  // a chunk, its commit, the digest in three pieces
constexpr BlobCache::Options kOptions = {
    .read_deadline = seconds(8), .failure_memory = seconds(1), .commit_interval = milliseconds(700)};

class RandomEngine {
 public:
  RandomEngine(uint64_t seed, int workers)
      : random_(seed), rig_({MakeBlob(kBlobSize, seed)}, kOptions, workers) {
    rig_.SetFault([this](const HttpRequest& request) { return MaybeFault(request); });
    Start();
  }

  void Run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      Step();
      CheckDeadlines();
    }
    Restart();
    CheckAllAnswered();
  }

 private:
  struct Asked {
    std::shared_ptr<KernelRead> read;
    ByteRange range;
    TimePoint deadline;
  };

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

  void Step() {
    switch (Below(16)) {
      case 0 ... 5:
        return Read();
      case 6:
        return Prefetch();
      case 7:
        return rig_.http.Hold();
      case 8 ... 9:
        rig_.http.AnswerHeld();
        return;
      case 10:
        return rig_.http.ReleaseAll();
      case 11 ... 12:
        return rig_.clock.Advance(milliseconds(Below(3000)));
      case 13:
        return rig_.Settle(kTasks);
      case 14:
        return BreakDisk();
      default:
        if (OneIn(4)) Restart();
    }
  }

  ByteRange RandomRange() {
    const uint64_t blocks = object_.truth->size() / kBlockSize;
    const uint64_t first = Below(blocks);
    const uint64_t longest = OneIn(10) ? blocks : 40;
    return {first * kBlockSize, std::min(blocks - first, 1 + Below(longest)) * kBlockSize};
  }

  void Read() {
    const ByteRange range = RandomRange();
    asked_.push_back({object_.Read(range), range, rig_.clock.Now() + kOptions.read_deadline});
  }

  void Prefetch() {
    ++prefetches_;
    object_.cache->Prefetch(RandomRange(), OneIn(2) ? Priority::kPrefetch : Priority::kFill,
                            [this](const absl::Status&) { ++prefetches_told_; });
  }

  // Runs on whichever thread answers, which is the test's own.
  std::optional<FakeAnswer> MaybeFault(const HttpRequest& request) {
    if (!OneIn(5)) return std::nullopt;
    FakeAnswer answer = FakeHttp::ServeBlob(MakeBlobOnce())(request);
    answer.piece = 1 + Below(100'000);
    switch (Below(6)) {
      case 0:
        return FakeAnswer{.status = 503};
      case 1:
        return FakeAnswer{.status = 0, .end = absl::UnavailableError("connection refused")};
      case 2:  // cut short, by a reset or without a word
        answer.body.resize(Below(answer.body.size() + 1));
        if (OneIn(2)) answer.end = absl::UnavailableError("connection reset");
        return answer;
      case 3:  // another range
        answer.headers = {
            {"Content-Range", absl::StrCat("bytes 0-", answer.body.size() - 1, "/", kBlobSize + 1)}};
        return answer;
      case 4:  // the whole blob, sometimes less of it
        answer = FakeAnswer{.status = 200, .body = MakeBlobOnce()};
        if (OneIn(2)) answer.body.resize(Below(kBlobSize));
        return answer;
      default:  // right, in pieces of an odd size
        return answer;
    }
  }

  const std::string& MakeBlobOnce() {
    if (blob_.empty()) blob_ = object_.truth->substr(0, kBlobSize);
    return blob_;
  }

  void BreakDisk() {
    using Call = FaultyBackingFile::Call;
    if (OneIn(6))
      return object_.disk->Inject({.call = Call::kSync, .status = absl::InternalError("Input/output error")});
    object_.disk->Inject({.call = Call::kWrite,
                          .status = absl::ResourceExhaustedError("no space"),
                          .after = static_cast<int>(Below(4)),
                          .times = 1 + static_cast<int>(Below(3)),
                          .torn_bytes = Below(2) * 512});
  }

  // A daemon starts on what the disk has.
  void Start() {
    const uint64_t size = rig_.truth()->size();
    std::unique_ptr<ChunkMap> map;
    if (!finished_) {
      map = OpenMap();
      if (map->origin() == ChunkMap::Origin::kDamaged) {  // its first slot was torn
        StartFromNothing();
        map = OpenMap();
      }
      EXPECT_TRUE(rig_.store->OpenObject(rig_.key(), size).ok());  // what Finish renames
    }
    object_ = rig_.OpenOn(std::make_shared<CrashableFile>(data_), std::move(map));
  }

  std::unique_ptr<ChunkMap> OpenMap() {
    return *ChunkMap::Open(std::make_unique<CrashableFile>(map_), map_->size(), rig_.truth()->size());
  }

  void StartFromNothing() {
    data_ = std::make_shared<FileImage>(std::string(rig_.truth()->size(), '\0'));
    map_ = std::make_shared<FileImage>();
    finished_ = false;
    EXPECT_TRUE(rig_.store->Drop(rig_.key()).ok());
  }

  // The daemon ends, in good order or by a power cut, and starts again.
  void Restart() {
    rig_.Settle(kTasks);
    finished_ = object_.cache->state() == BlobCache::State::kFinished;
    const bool failed = object_.cache->state() == BlobCache::State::kFailed;
    const bool power_cut = OneIn(2);
    if (power_cut) CutPower();
    object_.cache->Close(absl::UnavailableError("stopping"));
    CheckAllAnswered();
    rig_.http.ReleaseAll();
    rig_.Settle(kTasks);
    if (power_cut) {
      data_ = std::make_shared<FileImage>(data_after_cut_);
      map_ = std::make_shared<FileImage>(map_after_cut_);
    }
    if (failed || (finished_ && OneIn(2))) StartFromNothing();
    Start();
  }

  // What the disk would have, were this the last moment. The engine ends on files that nobody will see again.
  void CutPower() {
    const auto survives = [this](size_t) { return OneIn(2); };
    data_->PowerCut(survives);
    map_->PowerCut(survives);
    data_after_cut_ = data_->bytes();
    map_after_cut_ = map_->bytes();
  }

  void CheckDeadlines() {
    for (const Asked& asked : asked_) {
      const bool overdue = rig_.clock.Now() >= asked.deadline;
      if (overdue && !asked.read->answered()) rig_.Settle(kTasks);  // a worker may be about to answer
      if (!asked.read->answered()) {
        EXPECT_FALSE(overdue) << "a reader hangs: " << ToString(asked.range);
      } else {
        CheckAnswer(asked);
      }
    }
    std::erase_if(asked_, [](const Asked& asked) { return asked.read->answered(); });
  }

  void CheckAllAnswered() {
    for (const Asked& asked : asked_) EXPECT_TRUE(asked.read->answered()) << "closed, but unanswered";
    CheckDeadlines();
    EXPECT_EQ(prefetches_told_, prefetches_);
  }

  static void CheckAnswer(const Asked& asked) {
    EXPECT_EQ(asked.read->answers(), 1);
    const absl::Status status = asked.read->Wait();
    EXPECT_EQ(std::string(status.message()).find("WRONG BYTES"), std::string::npos) << status;
  }

  std::mt19937_64 random_;
  std::string blob_;
  std::shared_ptr<FileImage> data_ =
      std::make_shared<FileImage>(std::string(RoundUp(kBlobSize, kBlockSize), '\0'));
  std::shared_ptr<FileImage> map_ = std::make_shared<FileImage>();
  bool finished_ = false;
  std::string data_after_cut_;
  std::string map_after_cut_;
  std::vector<Asked> asked_;
  int prefetches_ = 0;
  std::atomic<int> prefetches_told_ = 0;
  EngineRig rig_;
  RigObject object_;
};

void RunWith(uint64_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  for (int workers : {1, 3}) RandomEngine(seed, workers).Run(400);
}

TEST(EngineRandom, FixedSeeds) {
  for (uint64_t seed = 1; seed <= 10; ++seed) RunWith(seed);
}

TEST(EngineRandom, FreshSeed) {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  RunWith(seed);
}

}  // namespace
}  // namespace lacuna
