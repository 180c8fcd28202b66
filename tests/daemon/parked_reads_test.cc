#include "daemon/parked_reads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace lacuna {
namespace {

using std::chrono::seconds;

const TimePoint kStart = TimePoint(std::chrono::hours(1));

// A read of `chunks`, which are the ones it misses.
void Park(ParkedReads& parked, uint64_t name, const ChunkRange& chunks, TimePoint deadline) {
  std::vector<uint64_t> missing;
  for (uint64_t chunk = chunks.first; chunk < chunks.last; ++chunk) missing.push_back(chunk);
  parked.Park(PendingRead(ObjectId(name), BytesOf(chunks, 1000 * kChunkSize), [](const absl::Status&) {}),
              deadline, missing);
}

std::set<uint64_t> Names(const std::vector<ParkedRead>& reads) {
  std::set<uint64_t> names;
  for (const ParkedRead& parked : reads) names.insert(static_cast<uint64_t>(parked.read.object_id()));
  return names;
}

using Set = std::set<uint64_t>;

TEST(ParkedReads, TheLastMissingChunkAnswers) {
  ParkedReads parked;
  Park(parked, 1, {0, 1}, kStart);
  Park(parked, 2, {0, 2}, kStart);
  EXPECT_EQ(Names(parked.Arrived(0)), (Set{1}));
  EXPECT_EQ(Names(parked.Arrived(7)), (Set{}));
  EXPECT_EQ(Names(parked.Arrived(1)), (Set{2}));
  EXPECT_EQ(parked.size(), 0u);
  EXPECT_EQ(parked.waits(), 0u);
}

TEST(ParkedReads, AFailedChunkFailsAllThatWaitForItAndNobodyElse) {
  ParkedReads parked;
  Park(parked, 1, {0, 3}, kStart);
  Park(parked, 2, {2, 4}, kStart);
  Park(parked, 3, {3, 4}, kStart);
  EXPECT_EQ(Names(parked.Failed(2)), (Set{1, 2}));
  EXPECT_EQ(parked.waits(), 1u);
  EXPECT_EQ(Names(parked.Arrived(0)), (Set{}));
  EXPECT_EQ(Names(parked.Arrived(3)), (Set{3}));
}

TEST(ParkedReads, ExpiryTakesTheReadersWhoseTimeHasComeOffAllBooks) {
  ParkedReads parked;
  Park(parked, 1, {0, 16}, kStart + seconds(1));
  Park(parked, 2, {0, 16}, kStart + seconds(2));
  Park(parked, 3, {0, 16}, kNoDeadline);
  EXPECT_EQ(parked.readers(), 2u);
  EXPECT_EQ(parked.next_deadline(), kStart + seconds(1));
  EXPECT_EQ(Names(parked.TakeExpired(kStart)), (Set{}));
  EXPECT_EQ(Names(parked.TakeExpired(kStart + seconds(1))), (Set{1}));
  EXPECT_EQ(Names(parked.TakeExpired(kStart + seconds(9))), (Set{2}));
  EXPECT_EQ(parked.readers(), 0u);
  EXPECT_EQ(parked.waits(), 16u);
  EXPECT_EQ(parked.next_deadline(), kNoDeadline);
  EXPECT_EQ(Names(parked.TakeAll()), (Set{3}));
  EXPECT_EQ(parked.waits(), 0u);
}

// The books against a model that is a plain list.
class ParkedReadsModel {
 public:
  explicit ParkedReadsModel(uint64_t seed) : random_(seed) {}

  void Step() {
    switch (random_() % 6) {
      case 0:
      case 1:
        return Park();
      case 2:
      case 3:
        return Arrive(random_() % kChunks);
      case 4:
        return Fail(random_() % kChunks);
      default:
        return Expire();
    }
  }

  void Check() const {
    size_t waits = 0;
    for (const Entry& entry : model_) waits += entry.missing.size();
    ASSERT_EQ(parked_.size(), model_.size());
    ASSERT_EQ(parked_.waits(), waits);
  }

 private:
  static constexpr uint64_t kChunks = 24;
  struct Entry {
    uint64_t name;
    TimePoint deadline;
    Set missing;
  };

  void Park() {
    const uint64_t first = random_() % kChunks;
    const uint64_t last = std::min(kChunks, first + 1 + random_() % 5);
    Entry entry{++last_name_, random_() % 4 == 0 ? kNoDeadline : now_ + seconds(random_() % 10), {}};
    for (uint64_t chunk = first; chunk < last; ++chunk) {
      if (chunk == first || random_() % 2 == 0) entry.missing.insert(chunk);
    }
    parked_.Park(PendingRead(ObjectId(entry.name), BytesOf({first, last}, kChunks * kChunkSize),
                             [](const absl::Status&) {}),
                 entry.deadline, {entry.missing.begin(), entry.missing.end()});
    model_.push_back(std::move(entry));
  }

  void Arrive(uint64_t chunk) {
    for (Entry& entry : model_) entry.missing.erase(chunk);
    ExpectTaken(parked_.Arrived(chunk), [](const Entry& entry) { return entry.missing.empty(); });
  }

  void Fail(uint64_t chunk) {
    ExpectTaken(parked_.Failed(chunk),
                [chunk](const Entry& entry) { return entry.missing.count(chunk) > 0; });
  }

  void Expire() {
    now_ += seconds(random_() % 3);
    ExpectTaken(parked_.TakeExpired(now_), [this](const Entry& entry) { return entry.deadline <= now_; });
  }

  template <typename Predicate>
  void ExpectTaken(const std::vector<ParkedRead>& taken, Predicate expected) {
    Set names;
    for (const Entry& entry : model_) {
      if (expected(entry)) names.insert(entry.name);
    }
    EXPECT_EQ(Names(taken), names);
    EXPECT_EQ(taken.size(), names.size());
    std::erase_if(model_, expected);
  }

  std::mt19937_64 random_;
  ParkedReads parked_;
  std::vector<Entry> model_;
  uint64_t last_name_ = 0;
  TimePoint now_ = kStart;
};

TEST(ParkedReads, AgreesWithAPlainList) {
  for (uint64_t seed : {uint64_t{1}, uint64_t{2}, uint64_t{std::random_device{}()}}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    ParkedReadsModel model(seed);
    for (int step = 0; step < 2000; ++step) {
      model.Step();
      ASSERT_NO_FATAL_FAILURE(model.Check());
    }
  }
}

}  // namespace
}  // namespace lacuna
