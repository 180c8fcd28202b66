#include "daemon/prefetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/open_image.h"
#include "tests/daemon/engine_rig.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using Call = FaultyBackingFile::Call;

std::string MiBs(uint64_t first, uint64_t last) {
  return absl::StrCat("bytes=", first * kMiB, "-", last * kMiB - 1);
}

TEST(Prefetcher, BringsEveryByteAndIsDoneWhenAllIsVerified) {
  EngineRig rig({MakeBlob(3 * kMiB + 100, 1), MakeBlob(kMiB / 2, 2)});
  const RigObject a = rig.Open(0);
  const RigObject b = rig.Open(1);
  Prefetcher prefetcher;
  Told told;
  prefetcher.Fill({a.cache, b.cache}, Priority::kFill, told.Callback());
  rig.Settle();
  EXPECT_EQ(told.times, 1);
  EXPECT_TRUE(told.status.ok());
  EXPECT_EQ(a.cache->state(), BlobCache::State::kFinished);
  EXPECT_EQ(b.cache->state(), BlobCache::State::kFinished);
  EXPECT_EQ(a.Read({0, a.cache->size()})->Wait(), absl::OkStatus());
  const FetchStats fetched = rig.registry.counters.stats();
  EXPECT_EQ(fetched.fill_bytes, 3 * kMiB + 100 + kMiB / 2);
  EXPECT_EQ(fetched.demand_bytes, 0u);
}

TEST(Prefetcher, AFewPiecesAtATimeFrontToBack) {
  EngineRig rig({MakeBlob(6 * kMiB, 1), MakeBlob(kMiB, 2)});
  const RigObject a = rig.Open(0);
  const RigObject b = rig.Open(1);
  rig.http.Hold();
  Prefetcher prefetcher(2);
  Told told;
  prefetcher.Fill({a.cache, b.cache}, Priority::kFill, told.Callback());
  EXPECT_THAT(rig.http.ranges(), ElementsAre(MiBs(0, 1), MiBs(1, 2)));
  rig.http.AnswerHeld();
  rig.Settle();
  EXPECT_THAT(rig.http.ranges(), ElementsAre(MiBs(0, 1), MiBs(1, 2), MiBs(2, 3)));
  rig.http.ReleaseAll();
  rig.Settle();
  EXPECT_EQ(rig.http.ranges().size(), 7u);
  EXPECT_EQ(rig.http.ranges().back(), MiBs(0, 1));  // of the second object
  EXPECT_TRUE(told.times == 1 && told.status.ok()) << told.status;
}

TEST(Prefetcher, APieceCountsUntilTheDiskHasIt) {
  EngineRig rig(MakeBlob(6 * kMiB));
  const RigObject object = rig.Open();
  std::promise<void> disk_works;
  std::shared_future<void> works = disk_works.get_future().share();
  object.disk->OnCall(Call::kWrite, [works] { works.wait(); });
  Prefetcher prefetcher(4);
  Told told;
  prefetcher.Fill({object.cache}, Priority::kFill, told.Callback());
  EXPECT_EQ(rig.http.ranges().size(), 4u);  // all of them answered, none of them stored
  disk_works.set_value();
  rig.Settle();
  EXPECT_EQ(rig.http.ranges().size(), 6u);
  EXPECT_EQ(told.times, 1);
}

TEST(Prefetcher, LeavesOutWhatIsHereAndWhatIsComing) {
  EngineRig rig(MakeBlob(2 * kMiB));
  const RigObject object = rig.Open();
  EXPECT_EQ(object.Read({0, kMiB})->Wait(), absl::OkStatus());
  rig.http.Hold();
  const auto read = object.Read({kMiB + kMiB / 4, kMiB / 2});
  Prefetcher prefetcher;
  Told told;
  prefetcher.Fill({object.cache}, Priority::kFill, told.Callback());
  rig.http.ReleaseAll();
  rig.Settle();
  EXPECT_TRUE(told.times == 1 && told.status.ok());
  EXPECT_THAT(rig.http.ranges(),
              ElementsAre(MiBs(0, 1), absl::StrCat("bytes=", kMiB + kMiB / 4, "-", kMiB + 3 * kMiB / 4 - 1),
                          absl::StrCat("bytes=", kMiB, "-", kMiB + kMiB / 4 - 1),
                          absl::StrCat("bytes=", kMiB + 3 * kMiB / 4, "-", 2 * kMiB - 1)));
}

TEST(Prefetcher, AFinishedObjectIsDoneAtOnceHoweverLarge) {
  EngineRig rig(MakeBlob(8 * kMiB));
  Prefetcher prefetcher;
  Told told;
  prefetcher.Fill({rig.Open().cache}, Priority::kFill, told.Callback());
  rig.Settle();
  ASSERT_EQ(told.times, 1);
  const size_t requests = rig.http.ranges().size();
  prefetcher.Fill({rig.Open().cache}, Priority::kFill, told.Callback());
  EXPECT_EQ(told.times, 2);
  EXPECT_EQ(rig.http.ranges().size(), requests);
  prefetcher.Fill({}, Priority::kFill, told.Callback());
  EXPECT_EQ(told.times, 3);
}

TEST(Prefetcher, StopsAtTheFirstErrorAndSaysWhich) {
  EngineRig rig(MakeBlob(20 * kMiB));
  const RigObject object = rig.Open();
  object.disk->Inject({.call = Call::kWrite,
                       .status = absl::ResourceExhaustedError("no space"),
                       .after = 2,  // of up to 1 MiB each
                       .times = 10'000});
  Prefetcher prefetcher;
  Told told;
  prefetcher.Fill({object.cache}, Priority::kFill, told.Callback());
  rig.Settle();
  EXPECT_EQ(told.times, 1);
  EXPECT_EQ(told.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LE(rig.http.ranges().size(), 6u);
}

TEST(Prefetcher, WrongBytesEndItWithTheIntegrityError) {
  EngineRig rig(MakeBlob(2 * kMiB));
  const RigObject object = rig.Open();
  rig.SetFault([&](const HttpRequest& request) -> std::optional<FakeAnswer> {
    FakeAnswer answer = FakeHttp::ServeBlob(*object.truth)(request);
    answer.body.front() ^= 1;
    return answer;
  });
  Prefetcher prefetcher;
  Told told;
  prefetcher.Fill({object.cache}, Priority::kFill, told.Callback());
  rig.Settle();
  EXPECT_EQ(told.times, 1);
  EXPECT_TRUE(IsIntegrityError(told.status)) << told.status;
}

TEST(Prefetcher, DemandGoesFirst) {
  EngineRig rig(MakeBlob(20 * kMiB));
  const RigObject object = rig.Open();
  rig.http.Hold();
  Told told;  // outlives the prefetcher, whose end tells it
  Prefetcher prefetcher;
  prefetcher.Fill({object.cache}, Priority::kFill, told.Callback());
  const auto read = object.Read({19 * kMiB, kBlockSize});
  EXPECT_EQ(rig.http.held(), 5u);  // it waited for no piece
  rig.http.ReleaseAll();
  EXPECT_EQ(read->Wait(), absl::OkStatus());
}

TEST(Prefetcher, CloseEndsEveryFillAndHoldsNoObject) {
  EngineRig rig(MakeBlob(20 * kMiB));
  ObjectTable table(rig.context());
  rig.http.Hold();
  Prefetcher prefetcher;
  Told told;
  prefetcher.Fill({*table.Acquire(rig.key(), rig.source())}, Priority::kFill, told.Callback());
  prefetcher.Close(absl::CancelledError("stopping"));
  prefetcher.Close(absl::CancelledError("again"));
  EXPECT_EQ(told.times, 1);
  EXPECT_EQ(told.status.message(), "stopping");
  rig.http.ReleaseAll();
  rig.Settle();
  EXPECT_EQ(rig.http.ranges().size(), 4u);
  rig.clock.Advance(std::chrono::seconds(1));
  rig.Settle();
  EXPECT_TRUE(table.objects().empty());
  prefetcher.Fill({*table.Acquire(rig.key(), rig.source())}, Priority::kFill, told.Callback());
  EXPECT_EQ(told.times, 2);
  EXPECT_FALSE(told.status.ok());
  table.CloseAll(absl::CancelledError("the test's end"));
}

TEST(Prefetcher, FillsFollowEachOtherAndProgressCountsWhoeverBroughtIt) {
  EngineRig rig({MakeBlob(2 * kMiB, 1), MakeBlob(2 * kMiB, 2)});
  const RigObject a = rig.Open(0);
  const RigObject b = rig.Open(1);
  rig.http.Hold();
  Prefetcher prefetcher(2);
  Told first;
  Told second;
  prefetcher.Fill({a.cache}, Priority::kFill, first.Callback());
  prefetcher.Fill({b.cache}, Priority::kFill, second.Callback());
  EXPECT_EQ(rig.http.held(), 2u);
  rig.http.AnswerHeld();
  rig.http.AnswerHeld();
  rig.Settle();
  EXPECT_EQ(first.times, 1);
  EXPECT_EQ(second.times, 0);
  const OpenImage both{.objects = {a.cache, b.cache}};
  EXPECT_EQ(a.cache->present_bytes() + b.cache->present_bytes(), 2 * kMiB);
  EXPECT_EQ(both.size(), 4 * kMiB);
  rig.http.ReleaseAll();
  rig.Settle();
  EXPECT_EQ(second.times, 1);
}

}  // namespace
}  // namespace lacuna
