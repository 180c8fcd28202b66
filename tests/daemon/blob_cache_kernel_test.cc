// BlobCache where the kernel keeps the bytes: what is present is what the kernel's file has, nothing is asked
// for twice, and nobody is answered who would find a hole.
#include <gtest/gtest.h>

#include <future>

#include "daemon/base/status.h"
#include "tests/daemon/engine_rig.h"
#include "tests/fakes/fake_kernel_file.h"

namespace lacuna {
namespace {

constexpr uint64_t kSize = kMiB + 100;  // 17 chunks, the last of one block
constexpr uint64_t kObjectSize = kMiB + kBlockSize;
constexpr uint64_t kChunks = 17;

class KernelKept : public testing::Test {
 protected:
  KernelKept() : rig_(MakeBlob(kSize)) {
    StoredObject stored = StoredObject::InKernel(kObjectSize);
    stored.data = rig_.ledger.Watch(stored.data, rig_.url());
    object_ = BlobCache::Create(rig_.context(), rig_.key(), rig_.source(), std::move(stored));
  }
  ~KernelKept() override { object_->Close(absl::CancelledError("the test's end")); }

  // The kernel opens the object.
  std::shared_ptr<FakeKernelFile> Open() {
    auto file = std::make_shared<FakeKernelFile>(cache_);
    object_->Attach(file);
    return file;
  }
  std::shared_ptr<FakeKernelFile> OpenAndSettle() {
    auto file = Open();
    rig_.Settle();
    return file;
  }
  void Close(FakeKernelFile& file) {
    file.Close();
    object_->Detach(file);
  }
  // A read of the kernel, held against the truth.
  std::shared_ptr<KernelRead> Read(const ByteRange& range) {
    auto read = std::make_shared<KernelRead>();
    object_->OnRead(SimulatedDoor::MakeRead(ObjectId(1), range, std::make_shared<FakeKernelFile>(cache_),
                                            rig_.truth(), read));
    return read;
  }
  std::shared_ptr<KernelRead> ReadChunk(uint64_t chunk) { return Read({chunk * kChunkSize, kBlockSize}); }
  // The kernel has these chunks from an earlier mount.
  void Keep(const ChunkRange& chunks) {
    const ByteRange range = BytesOf(chunks, kObjectSize);
    cache_->Write(range.offset, absl::MakeConstSpan(*rig_.truth()).subspan(range.offset, range.length));
  }
  size_t requests() const { return rig_.http.requests().size(); }

  EngineRig rig_;
  std::shared_ptr<FakeKernelCache> cache_ = std::make_shared<FakeKernelCache>(kObjectSize);
  std::shared_ptr<BlobCache> object_;
};

TEST_F(KernelKept, AMissIsFetchedWrittenAndAnswered) {
  const auto file = OpenAndSettle();
  EXPECT_EQ(Read({0, 128 * 1024})->Wait(), absl::OkStatus());
  EXPECT_EQ(ReadChunk(kChunks - 1)->Wait(), absl::OkStatus());
  EXPECT_EQ(object_->present_bytes(), 2 * kChunkSize + kBlockSize);
}

TEST_F(KernelKept, WhatTheKernelKeptIsNotFetchedAgain) {
  Keep({3, 9});
  OpenAndSettle();
  EXPECT_EQ(object_->present_bytes(), 6 * kChunkSize);
  Told told;
  object_->Prefetch({0, kObjectSize}, Priority::kFill, told.Callback());
  rig_.Settle();
  EXPECT_EQ(told.times, 1);
  EXPECT_EQ(told.status, absl::OkStatus());
  EXPECT_EQ(requests(), 2u);  // before and behind
  EXPECT_EQ(object_->state(), BlobCache::State::kFinished);
}

TEST_F(KernelKept, AChunkOfWhichAPartIsMissingIsMissing) {
  Keep({0, 4});
  cache_->Lose({kChunkSize + kBlockSize, kBlockSize});
  OpenAndSettle();
  EXPECT_EQ(object_->present_bytes(), 3 * kChunkSize);
}

TEST_F(KernelKept, TheLastChunkIsWholeWhereTheObjectEnds) {
  Keep({kChunks - 1, kChunks});
  OpenAndSettle();
  EXPECT_EQ(object_->present_bytes(), kBlockSize);
}

TEST_F(KernelKept, WhoAsksBeforeItIsKnownWhatIsThereWaitsForThat) {
  Keep({0, 4});
  std::promise<void> go;
  auto file = std::make_shared<FakeKernelFile>(cache_);
  file->OnDataIn([future = go.get_future().share()] { future.wait(); });
  object_->Attach(file);
  const auto missing = ReadChunk(8);
  Told told;
  object_->Prefetch({0, 4 * kChunkSize}, Priority::kFill, told.Callback());
  EXPECT_EQ(told.times, 0);
  EXPECT_EQ(requests(), 0u);
  go.set_value();
  EXPECT_EQ(missing->Wait(), absl::OkStatus());
  rig_.Settle();
  EXPECT_EQ(told.times, 1);
  EXPECT_EQ(requests(), 1u);
}

TEST_F(KernelKept, AFileThatCannotBeAskedCountsAsEmpty) {
  auto file = std::make_shared<FakeKernelFile>(cache_);
  file->Fail(absl::InternalError("EIO"));
  object_->Attach(file);
  rig_.Settle();
  EXPECT_EQ(object_->present_bytes(), 0u);
  EXPECT_FALSE(ReadChunk(0)->Wait().ok());  // nor can it be written
  file->Fail(absl::OkStatus());
  rig_.clock.Advance(std::chrono::seconds(3));
  EXPECT_EQ(ReadChunk(0)->Wait(), absl::OkStatus());
}

TEST_F(KernelKept, WhatTheDaemonReadBeforeTheMountGoesIntoTheKernelsFile) {
  std::string bytes(100, '\0');
  ASSERT_EQ(object_->ReadThrough(10, absl::MakeSpan(bytes)), absl::OkStatus());
  EXPECT_EQ(bytes, rig_.truth()->substr(10, 100));
  OpenAndSettle();
  EXPECT_EQ(cache_->DataIn({0, kObjectSize}), (std::vector<ByteRange>{{0, kChunkSize}}));
  EXPECT_EQ(ReadChunk(0)->Wait(), absl::OkStatus());
  ASSERT_EQ(object_->ReadThrough(10, absl::MakeSpan(bytes)), absl::OkStatus());  // it stays readable for us
  EXPECT_EQ(requests(), 1u);
}

TEST_F(KernelKept, WhatOnlyTheKernelHasCannotBeReadByUs) {
  Keep({0, 1});
  OpenAndSettle();
  std::string bytes(100, '\0');
  EXPECT_EQ(object_->ReadThrough(0, absl::MakeSpan(bytes)).code(), absl::StatusCode::kOutOfRange);
}

TEST_F(KernelKept, AChunkThatTheKernelLostIsFetchedAgainAndNoOther) {
  const auto file = OpenAndSettle();
  ASSERT_EQ(Read({0, 2 * kChunkSize})->Wait(), absl::OkStatus());
  cache_->Lose({0, kChunkSize});
  rig_.ledger.StartOver(rig_.url(), {0});
  EXPECT_EQ(ReadChunk(0)->Wait(), absl::OkStatus());
  EXPECT_EQ(requests(), 2u);
}

TEST_F(KernelKept, ARangeOfWhichTheKernelLostAPartIsNotAnsweredBeforeThatIsBack) {
  const auto file = OpenAndSettle();
  ASSERT_EQ(ReadChunk(0)->Wait(), absl::OkStatus());
  cache_->Lose({0, kChunkSize});
  rig_.ledger.StartOver(rig_.url(), {0});
  EXPECT_EQ(Read({0, 2 * kChunkSize})->Wait(), absl::OkStatus());  // we know of the second only
}

TEST_F(KernelKept, AReadThatCrossedTheWriteIsAnsweredWithoutAFetch) {
  OpenAndSettle();
  ASSERT_EQ(ReadChunk(5)->Wait(), absl::OkStatus());
  EXPECT_EQ(ReadChunk(5)->Wait(), absl::OkStatus());
  EXPECT_EQ(requests(), 1u);
}

TEST_F(KernelKept, WhoWaitsWhenTheKernelClosesGetsAnError) {
  const auto file = OpenAndSettle();
  rig_.http.Hold();
  const auto parked = ReadChunk(0);
  Told told;
  Told finished;
  object_->Prefetch({kChunkSize, kChunkSize}, Priority::kFill, told.Callback());
  object_->WhenFinished(finished.Callback());
  Close(*file);
  EXPECT_EQ(parked->Wait().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(told.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(finished.status.code(), absl::StatusCode::kUnavailable);
  rig_.http.ReleaseAll();
  rig_.Settle();
}

TEST_F(KernelKept, WhatArrivesAfterTheKernelClosedIsNotCountedAsPresent) {
  const auto file = OpenAndSettle();
  std::promise<void> written;
  std::promise<void> go;
  file->OnWrite([&, future = go.get_future().share()] {
    written.set_value();
    future.wait();
  });
  const auto parked = ReadChunk(0);
  written.get_future().wait();
  object_->Detach(*file);  // its descriptor still works
  go.set_value();
  EXPECT_FALSE(parked->Wait().ok());
  rig_.Settle();
  EXPECT_EQ(object_->present_bytes(), 0u);
  OpenAndSettle();
  EXPECT_EQ(object_->present_bytes(), kChunkSize);  // by the kernel's word, not ours
}

TEST_F(KernelKept, AnOpenThatReplacesAnotherIsNotUndoneByTheOthersClose) {
  const auto first = OpenAndSettle();
  const auto second = OpenAndSettle();
  Close(*first);
  EXPECT_EQ(ReadChunk(0)->Wait(), absl::OkStatus());
  EXPECT_TRUE(object_->open_in_kernel());
}

TEST_F(KernelKept, ItIsCompleteWhoeverBroughtTheLastChunk) {
  Keep({1, kChunks});
  OpenAndSettle();
  Told told;
  object_->WhenFinished(told.Callback());
  EXPECT_EQ(told.times, 0);
  ASSERT_EQ(ReadChunk(0)->Wait(), absl::OkStatus());
  rig_.Settle();
  EXPECT_EQ(told.times, 1);
  EXPECT_EQ(object_->finished_path(), "");
}

TEST_F(KernelKept, AMountOfWhatIsCompleteTellsItAtOnce) {
  Keep({0, kChunks});
  Told told;
  object_->WhenFinished(told.Callback());
  OpenAndSettle();
  EXPECT_EQ(told.times, 1);
  EXPECT_EQ(told.status, absl::OkStatus());
  EXPECT_EQ(requests(), 0u);
}

TEST_F(KernelKept, ItIsNotFilledWhileTheKernelDoesNotHaveItOpen) {
  EngineRig big(MakeBlob(20 * kMiB));
  const auto object =
      BlobCache::Create(big.context(), big.key(), big.source(), StoredObject::InKernel(20 * kMiB));
  Told told;
  object->Prefetch({0, 20 * kMiB}, Priority::kFill, told.Callback());
  big.Settle();
  EXPECT_EQ(told.status.code(), absl::StatusCode::kResourceExhausted);
  object->Close(absl::CancelledError("the test's end"));
}

TEST_F(KernelKept, TheEndAnswersAlsoWhoAskedTooEarly) {
  std::promise<void> go;
  auto file = std::make_shared<FakeKernelFile>(cache_);
  file->OnDataIn([future = go.get_future().share()] { future.wait(); });
  object_->Attach(file);
  const auto early = ReadChunk(0);
  object_->Close(absl::CancelledError("the daemon is ending"));
  EXPECT_EQ(early->Wait().code(), absl::StatusCode::kCancelled);
  go.set_value();
  rig_.Settle();
  EXPECT_EQ(requests(), 0u);
}

TEST_F(KernelKept, ChunksThatArriveDuringAWriteAreWrittenTogether) {
  const auto file = OpenAndSettle();
  std::promise<void> go;
  file->OnWrite([future = go.get_future().share()] { future.wait(); });
  Told told;
  rig_.http.Hold();
  object_->Prefetch({0, kObjectSize}, Priority::kFill, told.Callback());
  rig_.http.ReleaseAll();
  go.set_value();
  rig_.Settle();
  EXPECT_EQ(told.status, absl::OkStatus());
  EXPECT_EQ(told.times, 1);
  EXPECT_LE(cache_->writes(), 4);
}

}  // namespace
}  // namespace lacuna
