#include "tests/daemon/engine_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace lacuna {
namespace {

// Where so many threads wait for each other.
class Meeting {
 public:
  explicit Meeting(int expected) : expected_(expected) {}

  void Wait() {
    MutexLock lock(mutex_);
    if (--expected_ == 0) all_here_.NotifyAll();
    while (expected_ > 0) all_here_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar all_here_;
  int expected_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::string MakeBlob(size_t size, uint64_t seed) {
  std::string bytes(size, '\0');
  uint64_t state = seed;
  for (size_t i = 0; i < size; i += sizeof(state)) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const uint64_t word = state ^ (state >> 29);
    bytes.replace(i, std::min(sizeof(word), size - i), reinterpret_cast<const char*>(&word),
                  std::min(sizeof(word), size - i));
  }
  return bytes;
}

std::shared_ptr<KernelRead> RigObject::Read(const ByteRange& range) const {
  auto read = std::make_shared<KernelRead>();
  cache->OnRead(SimulatedDoor::MakeRead(ObjectId(1), range, cache->file(), truth, read));
  return read;
}

EngineRig::EngineRig(std::vector<std::string> blobs, BlobCache::Options options, int workers)
    : store(*ObjectStore::Open(folder.path())),
      http([this](const HttpRequest& request) { return Respond(request); }),
      ledger(http),
      registry(ledger, clock, "registry.test", {}, {}, {.penalties_to_rest = 1 << 30}),
      // What follows a failure is the registry client's, and tested there.
      fetcher(registry.counters, Persistence::kOnce),
      pool(std::in_place, workers),
      options_(options),
      workers_(workers) {
  for (std::string& blob : blobs) {
    Served served{.remote = registry.blob(absl::StrCat("blob/", served_.size()), blob)};
    served.responder = FakeHttp::ServeBlob(blob);
    blob.resize(RoundUp(blob.size(), kBlockSize));
    served.truth = std::make_shared<const std::string>(std::move(blob));
    served_.push_back(std::move(served));
  }
}

EngineRig::~EngineRig() {
  for (const std::shared_ptr<BlobCache>& cache : opened_) cache->Close(absl::CancelledError("rig's end"));
  opened_.clear();
  SetFault(
      [](const HttpRequest&) { return FakeAnswer{.status = 0, .end = absl::CancelledError("rig's end")}; });
  http.ReleaseAll();
  pool.reset();
  if (!repeats_forgiven_) {
    EXPECT_THAT(ledger.violations(), testing::IsEmpty());
  }
}

BlobCache::Context EngineRig::context() {
  return {fetcher, *store, *pool, clock, stats, options_};
}

RigObject EngineRig::Open(size_t index) {
  const RemoteBlob& remote = blob(index);
  StoredObject stored =
      *store->OpenObject(ObjectKey::ForBlob(remote.digest), RoundUp(remote.size, kBlockSize));
  return OpenOn(std::move(stored.data), std::move(stored.map), index);
}

RigObject EngineRig::OpenOn(std::shared_ptr<BackingFile> data, std::unique_ptr<ChunkMap> map, size_t index) {
  RigObject object;
  object.truth = truth(index);
  object.disk = std::make_shared<FaultyBackingFile>(std::move(data));
  if (map != nullptr) ledger.StartOver(url(index), map->Missing(ChunksOf({0, object.truth->size()})));
  object.cache = BlobCache::Create(context(), key(index), source(index),
                                   {.data = ledger.Watch(object.disk, url(index)), .map = std::move(map)});
  opened_.push_back(object.cache);
  return object;
}

void EngineRig::SetFault(HttpFault fault) {
  MutexLock lock(mutex_);
  fault_ = std::move(fault);
}

FakeAnswer EngineRig::Respond(const HttpRequest& request) const {
  HttpFault fault;
  {
    MutexLock lock(mutex_);
    fault = fault_;
  }
  if (fault) {
    if (std::optional<FakeAnswer> answer = fault(request)) return *std::move(answer);
  }
  for (const Served& served : served_) {
    if (absl::EndsWith(request.url, served.remote.repository.BlobPath(served.remote.digest))) {
      return served.responder(request);
    }
  }
  return {.status = 404};
}

void EngineRig::Settle(int tasks) {
  for (int round = 0; round < tasks; ++round) {
    // All workers at once: what was submitted before has not only begun but ended.
    auto meeting = std::make_shared<Meeting>(workers_ + 1);
    for (int i = 0; i < workers_; ++i) pool->Submit([meeting] { meeting->Wait(); });
    meeting->Wait();
  }
}

}  // namespace lacuna
