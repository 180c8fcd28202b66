// The miss path: hit, join, lead, park; who is answered when, and with what.
#include "daemon/blob_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/daemon/engine_rig.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

std::string RangeOf(uint64_t offset, uint64_t end) {
  return absl::StrCat("bytes=", offset, "-", end - 1);
}
std::string ChunkRequest(uint64_t first, uint64_t last) {
  return RangeOf(first * kChunkSize, last * kChunkSize);
}

absl::StatusCode CodeOf(const std::shared_ptr<KernelRead>& read) {
  return read->Wait().code();
}

TEST(BlobCacheMiss, AMissFetchesItsChunksAndIsAnsweredWithTheirBytes) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  EXPECT_EQ(object.Read({70'000, 4096})->Wait(), absl::OkStatus());
  EXPECT_THAT(rig.http.ranges(), ElementsAre(ChunkRequest(1, 2)));
  EXPECT_EQ(rig.stats.misses, 1u);
  EXPECT_EQ(object.cache->present_bytes(), kChunkSize);
}

TEST(BlobCacheMiss, AHitIsAnsweredAtOnceAndAsksNobody) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  object.ReadChunk(1)->Wait().IgnoreError();
  EXPECT_TRUE(object.Read({kChunkSize + 5 * kBlockSize, kBlockSize})->answered());
  EXPECT_EQ(rig.http.ranges().size(), 1u);
  EXPECT_EQ(rig.stats.misses, 1u);
}

TEST(BlobCacheMiss, NoThreadWaitsForIt) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  rig.http.Hold();
  const auto read = object.ReadChunk(0);
  rig.Settle();
  EXPECT_FALSE(read->answered());
  EXPECT_EQ(object.cache->parked_reads(), 1u);
  rig.http.ReleaseAll();
  EXPECT_EQ(read->Wait(), absl::OkStatus());
  EXPECT_EQ(object.cache->parked_reads(), 0u);
}

TEST(BlobCacheMiss, AdjacentMissingChunksAreOneRequestAndPresentOnesAreLeftOut) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  object.ReadChunk(3)->Wait().IgnoreError();
  EXPECT_EQ(object.Read({0, 6 * kChunkSize})->Wait(), absl::OkStatus());
  EXPECT_THAT(rig.http.ranges(),
              ElementsAre(ChunkRequest(3, 4), ChunkRequest(0, 3), ChunkRequest(4, 6), ChunkRequest(6, 10)));
}

TEST(BlobCacheMiss, WhoGoesOnGetsTwiceAsMuchEachTime) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  for (uint64_t chunk = 0; chunk < 16; ++chunk) {
    EXPECT_EQ(object.ReadChunk(chunk)->Wait(), absl::OkStatus());
    rig.Settle();
  }
  EXPECT_THAT(rig.http.ranges(),
              ElementsAre(ChunkRequest(0, 1), ChunkRequest(1, 2), ChunkRequest(2, 3), ChunkRequest(3, 4),
                          ChunkRequest(4, 7), ChunkRequest(7, 8), ChunkRequest(8, 15), ChunkRequest(15, 16)));
  EXPECT_EQ(rig.stats.misses, 5u);
}

TEST(BlobCacheMiss, WhoJumpsGetsWhatItAskedFor) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  for (const uint64_t chunk : {4, 2, 8, 6}) EXPECT_EQ(object.ReadChunk(chunk)->Wait(), absl::OkStatus());
  EXPECT_THAT(rig.http.ranges(),
              ElementsAre(ChunkRequest(4, 5), ChunkRequest(2, 3), ChunkRequest(8, 9), ChunkRequest(6, 7)));
}

TEST(BlobCacheMiss, ReadAheadEndsWhereSomethingIsHere) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  object.Read({0, 3 * kChunkSize})->Wait().IgnoreError();
  for (const uint64_t chunk : {5, 3}) EXPECT_EQ(object.ReadChunk(chunk)->Wait(), absl::OkStatus());
  rig.Settle();
  EXPECT_THAT(rig.http.ranges(),
              ElementsAre(ChunkRequest(0, 3), ChunkRequest(5, 6), ChunkRequest(3, 4), ChunkRequest(4, 5)));
}

TEST(BlobCacheMiss, ReadAheadIsCapped) {
  EngineRig rig(MakeBlob(16 * kMiB));
  const RigObject object = rig.Open();
  EXPECT_EQ(object.Read({0, 8 * kMiB})->Wait(), absl::OkStatus());
  rig.Settle();
  EXPECT_EQ(object.cache->present_bytes(), 12 * kMiB);
}

TEST(BlobCacheMiss, AFlightIsCapped) {
  EngineRig rig(MakeBlob(9 * kMiB));
  const RigObject object = rig.Open();
  EXPECT_EQ(object.Read({0, 9 * kMiB})->Wait(), absl::OkStatus());
  EXPECT_THAT(rig.http.ranges(),
              ElementsAre(RangeOf(0, 4 * kMiB), RangeOf(4 * kMiB, 8 * kMiB), RangeOf(8 * kMiB, 9 * kMiB)));
}

TEST(BlobCacheMiss, ASecondReaderJoinsTheFlight) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  rig.http.Hold();
  const auto first = object.Read({0, 2 * kChunkSize});
  const auto same = object.ReadChunk(1);
  const auto overlapping = object.Read({kChunkSize, 2 * kChunkSize});
  EXPECT_THAT(rig.http.ranges(), ElementsAre(ChunkRequest(0, 2), ChunkRequest(2, 3), ChunkRequest(3, 5)));
  rig.http.AnswerHeld();
  EXPECT_EQ(first->Wait(), absl::OkStatus());
  EXPECT_EQ(same->Wait(), absl::OkStatus());
  rig.Settle();
  EXPECT_FALSE(overlapping->answered());
  rig.http.ReleaseAll();
  EXPECT_EQ(overlapping->Wait(), absl::OkStatus());
}

TEST(BlobCacheMiss, AChunkThatIsBeingWrittenIsNotFetchedAgain) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  std::shared_ptr<KernelRead> meanwhile;
  object.disk->OnCall(FaultyBackingFile::Call::kWrite, [&] { meanwhile = object.ReadChunk(0); });
  EXPECT_EQ(object.ReadChunk(0)->Wait(), absl::OkStatus());
  EXPECT_EQ(meanwhile->Wait(), absl::OkStatus());
  EXPECT_EQ(rig.http.ranges().size(), 1u);
}

TEST(BlobCacheMiss, AReadIsAnsweredBeforeItsFlightEnds) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  // The body breaks off in the third chunk: two have arrived whole.
  rig.SetFault([&](const HttpRequest& request) -> std::optional<FakeAnswer> {
    FakeAnswer answer = FakeHttp::ServeBlob(*object.truth)(request);
    answer.body.resize(2 * kChunkSize + 1000);
    answer.end = absl::UnavailableError("connection reset");
    return answer;
  });
  rig.http.Hold();
  const auto all = object.Read({0, 16 * kChunkSize});
  const auto early = object.ReadChunk(1);
  const auto late = object.ReadChunk(2);
  rig.http.ReleaseAll();
  EXPECT_EQ(early->Wait(), absl::OkStatus());
  EXPECT_EQ(CodeOf(all), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CodeOf(late), absl::StatusCode::kUnavailable);
  rig.Settle();
  EXPECT_EQ(object.cache->present_bytes(), 2 * kChunkSize);
}

TEST(BlobCacheMiss, TheBlobsTailIsPaddedWithZerosThatNobodyFetches) {
  const uint64_t size = 2 * kChunkSize + 5000;
  EngineRig rig(MakeBlob(size));
  const RigObject object = rig.Open();
  EXPECT_EQ(object.cache->size(), 2 * kChunkSize + 8192);
  EXPECT_EQ(object.Read({2 * kChunkSize, 8192})->Wait(), absl::OkStatus());
  EXPECT_THAT(rig.http.ranges(), ElementsAre(RangeOf(2 * kChunkSize, size)));
}

TEST(BlobCacheMiss, ReadsOutsideTheObjectAreRefused) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  for (const ByteRange& range :
       {ByteRange{kMiB, 1}, ByteRange{0, kMiB + 1}, ByteRange{4096, UINT64_MAX - 100}}) {
    EXPECT_EQ(CodeOf(object.Read(range)), absl::StatusCode::kOutOfRange) << ToString(range);
  }
  EXPECT_TRUE(rig.http.ranges().empty());
}

// Errors.

TEST(BlobCacheFailure, ANetworkErrorReachesTheReaderWithObjectAndRange) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  rig.SetFault([](const HttpRequest&) { return FakeAnswer{.status = 404}; });
  const absl::Status status = object.ReadChunk(1)->Wait();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr(object.cache->key().text()));
  EXPECT_THAT(std::string(status.message()), HasSubstr("[65536, 131072)"));
  EXPECT_EQ(rig.stats.errors, 1u);
  EXPECT_EQ(object.cache->present_bytes(), 0u);
}

TEST(BlobCacheFailure, AFailedChunkIsAnsweredAtOnceForAWhileThenTriedAgain) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  rig.SetFault([](const HttpRequest&) { return FakeAnswer{.status = 503}; });
  EXPECT_FALSE(object.ReadChunk(1)->Wait().ok());
  rig.SetFault(nullptr);
  rig.clock.Advance(milliseconds(1999));
  const auto soon = object.Read({0, 4 * kChunkSize});  // touches it
  EXPECT_TRUE(soon->answered());
  EXPECT_EQ(CodeOf(soon), absl::StatusCode::kUnavailable);
  EXPECT_EQ(rig.http.ranges().size(), 1u);
  EXPECT_EQ(object.ReadChunk(2)->Wait(), absl::OkStatus());  // a neighbour is not held up
  rig.clock.Advance(milliseconds(1));
  EXPECT_EQ(object.ReadChunk(1)->Wait(), absl::OkStatus());
}

TEST(BlobCacheFailure, WhatFailedInTheBackgroundIsNotHeldAgainstAReader) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  rig.SetFault([](const HttpRequest&) { return FakeAnswer{.status = 503}; });
  Told told;
  object.cache->Prefetch({0, kChunkSize}, Priority::kFill, told.Callback());
  EXPECT_EQ(told.status.code(), absl::StatusCode::kUnavailable);
  rig.SetFault(nullptr);
  EXPECT_EQ(object.ReadChunk(0)->Wait(), absl::OkStatus());
}

TEST(BlobCacheFailure, AFullDiskFailsTheChunkAndWritesAreTriedAgainLater) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  object.disk->Inject({.call = FaultyBackingFile::Call::kWrite,
                       .status = absl::ResourceExhaustedError("no space"),
                       .torn_bytes = 512});
  EXPECT_EQ(CodeOf(object.ReadChunk(0)), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(object.cache->present_bytes(), 0u);
  EXPECT_TRUE(object.ReadChunk(0)->answered());
  rig.clock.Advance(seconds(2));
  EXPECT_EQ(object.ReadChunk(0)->Wait(), absl::OkStatus());
}

TEST(BlobCacheFailure, AnswersThatAreNotTheRangeAreNeverWritten) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  const std::string wrong(kChunkSize, 'x');
  const std::vector<FakeAnswer> answers = {
      {.status = 206, .headers = {{"Content-Range", absl::StrCat("bytes 0-65535/", kMiB)}}, .body = wrong},
      {.status = 206, .body = wrong},
      {.status = 200, .body = wrong},
      {.status = 416},
      {.status = 0, .end = absl::UnavailableError("connection refused")}};
  for (const FakeAnswer& answer : answers) {
    rig.SetFault([&](const HttpRequest&) { return answer; });
    EXPECT_FALSE(object.ReadChunk(3)->Wait().ok());
    rig.Settle();
    rig.clock.Advance(seconds(2));
  }
  EXPECT_EQ(object.disk->calls(FaultyBackingFile::Call::kWrite), 0);
  EXPECT_EQ(object.cache->present_bytes(), 0u);
}

TEST(BlobCacheFailure, AWholeBlobForARangeServesTheRange) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  rig.SetFault([&](const HttpRequest&) { return FakeAnswer{.status = 200, .body = *object.truth}; });
  EXPECT_EQ(object.ReadChunk(3)->Wait(), absl::OkStatus());
  EXPECT_EQ(object.cache->present_bytes(), kChunkSize);
}

// Deadlines.

TEST(BlobCacheDeadline, EachReadHasItsOwnAndNotAMomentMore) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  rig.http.Hold();
  const auto first = object.ReadChunk(0);
  rig.clock.Advance(seconds(10));
  const auto second = object.ReadChunk(1);
  rig.clock.Advance(seconds(20) - milliseconds(1));
  EXPECT_FALSE(first->answered());
  rig.clock.Advance(milliseconds(1));
  EXPECT_EQ(CodeOf(first), absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(second->answered());
  rig.clock.Advance(seconds(10));
  EXPECT_EQ(CodeOf(second), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(object.cache->parked_reads(), 0u);
}

TEST(BlobCacheDeadline, RetriesOfTheKernelFailAtOnce) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  rig.http.Hold();
  object.Read({0, 2 * kChunkSize});
  rig.clock.Advance(seconds(30));
  for (uint64_t chunk : {0, 1}) EXPECT_TRUE(object.ReadChunk(chunk)->answered());
  EXPECT_EQ(rig.http.ranges().size(), 1u);
  rig.clock.Advance(seconds(2));
  EXPECT_FALSE(object.ReadChunk(0)->answered());  // joins the flight that is still under way
  EXPECT_EQ(rig.http.ranges().size(), 1u);
}

TEST(BlobCacheDeadline, WhatArrivesLateWinsOverTheMemoryOfItsFailure) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  rig.http.Hold();
  object.ReadChunk(0);
  rig.clock.Advance(seconds(30));
  EXPECT_EQ(CodeOf(object.ReadChunk(0)), absl::StatusCode::kDeadlineExceeded);
  rig.http.ReleaseAll();
  rig.Settle();
  EXPECT_EQ(CodeOf(object.ReadChunk(0)), absl::StatusCode::kOk);
}

TEST(BlobCacheDeadline, AnAnsweredReadIsNotAnsweredAgain) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  const auto read = object.ReadChunk(0);
  read->Wait().IgnoreError();
  rig.clock.Advance(seconds(100));
  EXPECT_EQ(read->answers(), 1);
  EXPECT_EQ(read->Wait(), absl::OkStatus());
  EXPECT_EQ(rig.stats.errors, 0u);
}

// Prefetch.

TEST(BlobCachePrefetch, IsDoneWhenItsChunksAreStored) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  rig.http.Hold();
  Told told;
  object.cache->Prefetch({0, 4 * kChunkSize}, Priority::kPrefetch, told.Callback());
  rig.clock.Advance(seconds(100));
  EXPECT_EQ(told.times, 0);
  EXPECT_EQ(object.cache->parked_reads(), 0u);  // nobody waits
  rig.http.ReleaseAll();
  rig.Settle();
  EXPECT_EQ(told.times, 1);
  EXPECT_TRUE(told.status.ok());
  EXPECT_EQ(object.cache->present_bytes(), 4 * kChunkSize);
  EXPECT_EQ(rig.stats.misses, 0u);
  object.cache->Prefetch({0, 4 * kChunkSize}, Priority::kPrefetch, told.Callback());
  EXPECT_EQ(told.times, 2);
}

TEST(BlobCachePrefetch, AReaderPromotesTheFlightThatItMeets) {
  EngineRig rig(MakeBlob(8 * kMiB));
  const RigObject object = rig.Open();
  rig.http.Hold();
  std::vector<Told> told(5);
  for (uint64_t i = 0; i < 5; ++i)
    object.cache->Prefetch({i * kMiB, kMiB}, Priority::kFill, told[i].Callback());
  ASSERT_EQ(rig.http.held(), 4u);  // the fifth waits for a connection
  const auto read = object.Read({4 * kMiB + 3 * kChunkSize, kBlockSize});
  EXPECT_EQ(rig.http.held(), 5u);
  EXPECT_EQ(rig.http.ranges().back(), RangeOf(4 * kMiB, 5 * kMiB));
  rig.http.ReleaseAll();
  EXPECT_EQ(read->Wait(), absl::OkStatus());
  EXPECT_EQ(rig.http.ranges().size(), 5u);
  rig.Settle();
}

TEST(BlobCachePrefetch, AReaderWhoMeetsItGetsItsErrorAndTheMemoryOfIt) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  rig.SetFault([](const HttpRequest&) { return FakeAnswer{.status = 503}; });
  rig.http.Hold();
  Told told;
  object.cache->Prefetch({0, kMiB}, Priority::kFill, told.Callback());
  const auto read = object.ReadChunk(2);
  rig.http.ReleaseAll();
  EXPECT_EQ(CodeOf(read), absl::StatusCode::kUnavailable);
  EXPECT_EQ(told.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(object.ReadChunk(2)->answered());
}

TEST(BlobCacheReadThrough, ReadsAnyBytesBlockedUntilTheyAreHere) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  std::string bytes(200'000, '\0');
  EXPECT_EQ(object.cache->ReadThrough(1000, absl::MakeSpan(bytes)), absl::OkStatus());
  EXPECT_EQ(bytes, object.truth->substr(1000, 200'000));
  rig.SetFault([](const HttpRequest&) { return FakeAnswer{.status = 401}; });
  EXPECT_EQ(object.cache->ReadThrough(900'000, absl::MakeSpan(bytes).subspan(0, 10)).code(),
            absl::StatusCode::kUnauthenticated);
}

// Close.

TEST(BlobCacheClose, AnswersAllThatWaitAndEveryLaterRead) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  EXPECT_EQ(object.ReadChunk(9)->Wait(), absl::OkStatus());
  rig.http.Hold();
  const auto parked = object.ReadChunk(0);
  Told prefetch;
  Told finished;
  object.cache->Prefetch({kChunkSize, kChunkSize}, Priority::kFill, prefetch.Callback());
  object.cache->WhenFinished(finished.Callback());
  object.cache->Close(absl::UnavailableError("stopping"));
  object.cache->Close(absl::InternalError("again"));
  EXPECT_EQ(CodeOf(parked), absl::StatusCode::kUnavailable);
  EXPECT_EQ(prefetch.times, 1);
  EXPECT_EQ(finished.times, 1);
  EXPECT_EQ(CodeOf(object.ReadChunk(9)), absl::StatusCode::kUnavailable);
  EXPECT_EQ(rig.http.held(), 2u);  // it waited for nothing from the network

  const int writes = object.disk->calls(FaultyBackingFile::Call::kWrite);
  rig.http.ReleaseAll();
  rig.Settle();
  EXPECT_EQ(object.disk->calls(FaultyBackingFile::Call::kWrite), writes);  // what comes later is dropped
  EXPECT_EQ(parked->answers(), 1);
}

TEST(BlobCacheClose, KeepsWhatArrived) {
  EngineRig rig(MakeBlob(kMiB));
  {
    const RigObject object = rig.Open();
    EXPECT_EQ(object.ReadChunk(3)->Wait(), absl::OkStatus());
    rig.Settle();
    object.cache->Close(absl::UnavailableError("stopping"));
  }
  const RigObject again = rig.Open();
  EXPECT_EQ(again.cache->present_bytes(), kChunkSize);
  EXPECT_EQ(CodeOf(again.ReadChunk(3)), absl::StatusCode::kOk);
  EXPECT_EQ(rig.http.ranges().size(), 1u);
}

}  // namespace
}  // namespace lacuna
