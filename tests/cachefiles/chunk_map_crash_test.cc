// ChunkMap against crashes: random lives of an object on a disk that loses what was not synced, checked
// against the object's real bytes; and a real process on a real disk, killed in the middle.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <set>

#include "cachefiles/chunk_map.h"
#include "cachefiles/posix_backing_file.h"
#include "tests/fakes/faulty_backing_file.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

using Call = FaultyBackingFile::Call;
using Chunks = std::set<uint64_t>;

// The object's real bytes: no two sectors are equal, none is zero.
std::string RealBytes(uint64_t chunk, uint64_t object_size) {
  const ByteRange range = BytesOf({chunk, chunk + 1}, object_size);
  std::string bytes(range.length, 'r');
  for (uint64_t at = 0; at < bytes.size(); at += FileImage::kSector) {
    const uint64_t offset = range.offset + at;
    std::memcpy(bytes.data() + at, &offset, sizeof(offset));
  }
  return bytes;
}

Chunks PresentIn(const ChunkMap& map) {
  Chunks present;
  for (uint64_t chunk = 0; chunk < ChunkCount(map.object_size()); ++chunk) {
    if (map.IsPresent(chunk)) present.insert(chunk);
  }
  return present;
}

testing::AssertionResult Includes(const Chunks& all, const Chunks& some) {
  if (std::includes(all.begin(), all.end(), some.begin(), some.end())) return testing::AssertionSuccess();
  return testing::AssertionFailure() << testing::PrintToString(all) << " does not hold all of "
                                     << testing::PrintToString(some);
}

// One object through many lives of a daemon. `present_` and `committed_` are the model: what the running
// daemon may serve, and what no crash may take.
class ObjectLives {
 public:
  explicit ObjectLives(uint64_t seed) : random_(seed) {
    size_ = Pick(1, 12) * kChunkSize + Pick(0, 15) * kBlockSize;
    StartOver();
  }

  void Step() {
    switch (Pick(0, 11)) {
      case 0:
        return Kill();
      case 1:
        return PowerCut();
      case 2:
        return CommitOnAFullDisk();
      case 3:
        return Pick(0, 5) == 0 ? LoseData() : WriteWithoutMarking();
      case 4:
      case 5:
      case 6:
        return Commit();
      default:
        return Store();
    }
  }

  void CheckAnswers() const {
    ASSERT_EQ(PresentIn(*map_), present_);
    ASSERT_EQ(map_->Missing({0, ChunkCount(size_)}).size(), ChunkCount(size_) - present_.size());
    ASSERT_EQ(map_->AllPresent(), present_.size() == ChunkCount(size_));
    uint64_t bytes = 0;
    for (uint64_t chunk : present_) bytes += BytesOf({chunk, chunk + 1}, size_).length;
    ASSERT_EQ(map_->present_bytes(), bytes);
  }

  void CheckBytes() {
    for (uint64_t chunk : present_) {
      std::string bytes(BytesOf({chunk, chunk + 1}, size_).length, '\0');
      ASSERT_TRUE(data_->ReadAt(chunk * kChunkSize, absl::MakeSpan(bytes)).ok());
      ASSERT_TRUE(bytes == RealBytes(chunk, size_)) << "wrong bytes in chunk " << chunk;
    }
  }

 private:
  uint64_t Pick(uint64_t least, uint64_t most) {
    return std::uniform_int_distribution<uint64_t>(least, most)(random_);
  }
  uint64_t AnyChunk() { return Pick(0, ChunkCount(size_) - 1); }

  // As ObjectStore does with an object that cannot be trusted.
  void StartOver() {
    data_image_ = std::make_shared<FileImage>(std::string(size_, '\0'));
    map_image_ = std::make_shared<FileImage>();
    present_.clear();
    committed_.clear();
    OpenFiles();
  }

  void OpenFiles() {
    data_ = std::make_unique<FaultyBackingFile>(std::make_unique<CrashableFile>(data_image_));
    auto map_file = std::make_unique<FaultyBackingFile>(std::make_unique<CrashableFile>(map_image_));
    map_file_ = map_file.get();
    auto map = ChunkMap::Open(std::move(map_file), map_image_->size(), size_);
    ASSERT_TRUE(map.ok()) << map.status();
    map_ = *std::move(map);
  }

  // What a daemon finds that comes up after a crash.
  void Reopen() {
    const Chunks before = std::move(present_);
    OpenFiles();
    present_ = PresentIn(*map_);
    ASSERT_TRUE(Includes(before, present_)) << "invented";
    ASSERT_TRUE(Includes(present_, committed_)) << "lost";
    ASSERT_NO_FATAL_FAILURE(CheckBytes());
    committed_ = present_;
    if (map_->origin() == ChunkMap::Origin::kDamaged) StartOver();
  }

  void Store() {
    const uint64_t chunk = AnyChunk();
    if (present_.count(chunk) > 0) return;
    ASSERT_TRUE(data_->WriteAt(chunk * kChunkSize, RealBytes(chunk, size_)).ok());
    map_->MarkPresent(chunk);
    present_.insert(chunk);
  }

  // A fetch that was cut off, or a crash before the mark.
  void WriteWithoutMarking() {
    const uint64_t chunk = AnyChunk();
    if (present_.count(chunk) > 0) return;
    const std::string bytes = RealBytes(chunk, size_);
    ASSERT_TRUE(data_->WriteAt(chunk * kChunkSize, absl::MakeSpan(bytes).first(Pick(1, bytes.size()))).ok());
  }

  void Commit() {
    ASSERT_TRUE(map_->Commit(*data_).ok());
    committed_ = present_;
  }

  void CommitOnAFullDisk() {
    if (present_ == committed_) return;
    map_file_->Inject({.call = Pick(0, 1) == 0 ? Call::kWrite : Call::kSync,
                       .status = absl::ResourceExhaustedError("full"),
                       .torn_bytes = Pick(0, 80)});
    ASSERT_EQ(map_->Commit(*data_).code(), absl::StatusCode::kResourceExhausted);
  }

  // The disk fails to write back. Usually the daemon drops the object; it may also die before.
  void LoseData() {
    if (present_ == committed_) return;
    data_image_->LoseWriteback();
    data_->Inject({.call = Call::kSync, .status = absl::InternalError("disk on fire")});
    ASSERT_EQ(map_->Commit(*data_).code(), absl::StatusCode::kInternal);
    ASSERT_EQ(PresentIn(*map_), Chunks());
    if (Pick(0, 1) == 0) return StartOver();
    present_.clear();
    committed_.clear();
    Pick(0, 1) == 0 ? Kill() : PowerCut();
    StartOver();
  }

  void Kill() { Reopen(); }

  void PowerCut() {
    const uint64_t percent = Pick(0, 100);
    const auto survives = [&](size_t) { return Pick(1, 100) <= percent; };
    data_image_->PowerCut(survives);
    map_image_->PowerCut(survives);
    Reopen();
  }

  std::mt19937_64 random_;
  uint64_t size_ = 0;
  std::shared_ptr<FileImage> data_image_;
  std::shared_ptr<FileImage> map_image_;
  std::unique_ptr<FaultyBackingFile> data_;
  FaultyBackingFile* map_file_ = nullptr;  // owned by map_
  std::unique_ptr<ChunkMap> map_;
  Chunks present_;
  Chunks committed_;
};

TEST(ChunkMapCrash, ServesOnlyRealBytesAndLosesNothingCommitted) {
  const uint64_t first_seed = std::random_device{}();
  for (uint64_t seed = first_seed; seed < first_seed + 150; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    ObjectLives lives(seed);
    for (int step = 0; step < 60; ++step) {
      lives.Step();
      if (HasFatalFailure()) return;
      ASSERT_NO_FATAL_FAILURE(lives.CheckAnswers());
    }
    ASSERT_NO_FATAL_FAILURE(lives.CheckBytes());
  }
}

// Every state that a power cut in the middle of a commit can leave of a small map: the commit that makes the
// second slot, and the one that writes over the first.
TEST(ChunkMapCrash, EveryTornCommitShowsTheOldOrTheNew) {
  constexpr uint64_t kSize = 4096 * kChunkSize;  // header and bitmap take two of a slot's eight sectors
  const std::vector<Chunks> commits = {{1}, {2, 4000}, {3, 3600, 4095}};
  for (size_t cut = 1; cut < commits.size(); ++cut) {
    for (unsigned kept = 0; kept < 1U << 8; ++kept) {
      auto image = std::make_shared<FileImage>();
      CrashableFile data(std::make_shared<FileImage>());
      auto faulty = std::make_unique<FaultyBackingFile>(std::make_unique<CrashableFile>(image));
      faulty->Inject(
          {.call = Call::kSync, .status = absl::InternalError("cut"), .after = static_cast<int>(cut)});
      auto map = *ChunkMap::Open(std::move(faulty), 0, kSize);
      Chunks expected;
      for (size_t i = 0; i <= cut; ++i) {
        for (uint64_t chunk : commits[i]) map->MarkPresent(chunk);
        ASSERT_EQ(map->Commit(data).ok(), i < cut);
        // The last sector makes a file long enough to hold the second slot.
        if (i < cut || ((kept & 3) == 3 && (cut == 2 || kept >> 7 != 0)))
          expected.insert(commits[i].begin(), commits[i].end());
      }
      ASSERT_EQ(image->unsynced(), 8);
      image->PowerCut([&](size_t sector) { return ((kept >> sector) & 1) != 0; });
      auto after = *ChunkMap::Open(std::make_unique<CrashableFile>(image), image->size(), kSize);
      ASSERT_EQ(after->origin(), ChunkMap::Origin::kLoaded);
      ASSERT_EQ(PresentIn(*after), expected) << "commit " << cut << ", sectors kept " << kept;
    }
  }
}

class KilledProcess {
 public:
  static constexpr uint64_t kSize = 40 * kChunkSize + 3 * kBlockSize;

  explicit KilledProcess(const TempDir& dir) : data_path_(dir / "data"), map_path_(dir / "map") {
    EXPECT_TRUE(PosixBackingFile::Create(data_path_, kSize).ok());
    EXPECT_TRUE(PosixBackingFile::Create(map_path_, 0).ok());
  }

  // Lets a process fill the object, kills it after `steps` of its messages, and returns what it had
  // committed by then.
  Chunks Run(uint64_t seed, int steps) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    if (child == 0) Fill(seed, ends[1]);
    close(ends[1]);
    Chunks marked;
    Chunks committed;
    uint64_t message = 0;
    while (steps-- > 0 && read(ends[0], &message, sizeof(message)) == sizeof(message)) {
      if (message == kCommitted) committed = marked;
      if (message < kCommitted) marked.insert(message);
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ends[0]);
    return committed;
  }

  // What the next process finds. Checks its bytes.
  Chunks Present() const {
    const std::unique_ptr<ChunkMap> map = OpenMap();
    EXPECT_NE(map->origin(), ChunkMap::Origin::kDamaged);
    auto data = PosixBackingFile::Open(data_path_);
    EXPECT_TRUE(data.ok()) << data.status();
    for (uint64_t chunk : PresentIn(*map)) {
      std::string bytes(BytesOf({chunk, chunk + 1}, kSize).length, '\0');
      EXPECT_TRUE((*data)->ReadAt(chunk * kChunkSize, absl::MakeSpan(bytes)).ok());
      EXPECT_TRUE(bytes == RealBytes(chunk, kSize)) << "wrong bytes in chunk " << chunk;
    }
    return PresentIn(*map);
  }

 private:
  static constexpr uint64_t kCommitted = ~uint64_t{0} - 1;
  static constexpr uint64_t kTick = ~uint64_t{0};

  std::unique_ptr<ChunkMap> OpenMap() const {
    auto file = PosixBackingFile::Open(map_path_);
    EXPECT_TRUE(file.ok()) << file.status();
    const uint64_t map_size = *(*file)->Size();
    return *ChunkMap::Open(*std::move(file), map_size, kSize);
  }

  [[noreturn]] void Fill(uint64_t seed, int out) const {
    const auto say = [out](uint64_t message) {
      if (write(out, &message, sizeof(message)) != sizeof(message)) _exit(1);
    };
    std::mt19937_64 random(seed);
    const std::unique_ptr<ChunkMap> map = OpenMap();
    auto data = *PosixBackingFile::Open(data_path_);
    for (uint64_t chunk : PresentIn(*map)) say(chunk);
    while (true) {
      const uint64_t chunk = random() % ChunkCount(kSize);
      say(kTick);
      if (!map->IsPresent(chunk)) {
        if (!data->WriteAt(chunk * kChunkSize, RealBytes(chunk, kSize)).ok()) _exit(1);
        map->MarkPresent(chunk);
        say(chunk);
      }
      if (random() % 4 != 0) continue;
      if (!map->Commit(*data).ok()) _exit(1);
      say(kCommitted);
    }
  }

  const std::string data_path_;
  const std::string map_path_;
};

TEST(ChunkMapCrash, AKilledProcessLeavesOnlyRealBytesAndAllItCommitted) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int object = 0; object < 5; ++object) {
    const TempDir dir;
    KilledProcess process(dir);
    Chunks before;
    for (int round = 0; round < 12; ++round) {
      const Chunks committed = process.Run(random(), static_cast<int>(random() % 60));
      const Chunks present = process.Present();
      ASSERT_TRUE(Includes(present, committed)) << "lost";
      ASSERT_TRUE(Includes(present, before)) << "lost what an earlier life had";
      before = present;
    }
  }
}

}  // namespace
}  // namespace lacuna
