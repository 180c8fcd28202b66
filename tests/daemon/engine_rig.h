// The engine with everything around it faked except the disk: what each test of BlobCache, ObjectTable and
// Prefetcher stands on.
//
// Time stands still until the test moves it (`clock`), the registry answers at once or when told (`http`),
// the disk is a real folder behind a FaultyBackingFile. With one worker, Settle() makes the rest
// deterministic.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/blob_source.h"
#include "daemon/object_table.h"
#include "tests/daemon/fetch_ledger.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_http.h"
#include "tests/fakes/fake_registry.h"
#include "tests/fakes/faulty_backing_file.h"
#include "tests/fakes/simulated_door.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {

inline constexpr uint64_t kMiB = 1024 * 1024;

// Bytes that differ everywhere, so that a misplaced chunk shows.
std::string MakeBlob(size_t size, uint64_t seed = 1);

// What a prefetch or a watcher was told.
struct Told {
  int times = 0;
  absl::Status status;
  BlobCache::Done Callback() {
    return [this](const absl::Status& told) {
      ++times;
      status = told;
    };
  }
};

// An object on the rig: its cache, the disk it writes to, and what it must read as.
struct RigObject {
  std::shared_ptr<BlobCache> cache;
  std::shared_ptr<FaultyBackingFile> disk;
  std::shared_ptr<const std::string> truth;  // the blob, padded to whole blocks

  std::shared_ptr<KernelRead> Read(const ByteRange& range) const;
  std::shared_ptr<KernelRead> ReadChunk(uint64_t chunk) const {
    return Read({chunk * kChunkSize, kBlockSize});
  }
};

class EngineRig {
 public:
  // A fault answers instead of the registry where it returns something.
  using HttpFault = std::function<std::optional<FakeAnswer>(const HttpRequest&)>;

  explicit EngineRig(std::vector<std::string> blobs, BlobCache::Options options = {}, int workers = 1);
  // For objects whose chunks are packed in the blob: parts of that may be fetched more than once.
  void ForgiveRepeats() { repeats_forgiven_ = true; }
  explicit EngineRig(std::string blob) : EngineRig(std::vector<std::string>{std::move(blob)}) {}
  // Shuts down in the daemon's order; a test in which a chunk was fetched twice fails.
  ~EngineRig();

  BlobCache::Context context();
  std::string url(size_t index = 0) const {
    return "http://registry.test/v2/" + blob(index).repository.BlobPath(blob(index).digest);
  }
  const RemoteBlob& blob(size_t index = 0) const { return served_[index].remote; }
  const std::shared_ptr<const std::string>& truth(size_t index = 0) const { return served_[index].truth; }
  ObjectKey key(size_t index = 0) const { return ObjectKey::ForBlob(blob(index).digest); }
  std::shared_ptr<const ChunkSource> source(size_t index = 0) const {
    return std::make_shared<const BlobSource>(blob(index));
  }
  // Opens the object of a blob, from what the disk has of it. Closed by the rig's end.
  RigObject Open(size_t index = 0);
  // Opens it on files of the test's own; the store has others, empty ones, under the object's name.
  RigObject OpenOn(std::shared_ptr<BackingFile> data, std::unique_ptr<ChunkMap> map, size_t index = 0);
  void SetFault(HttpFault fault);

  // Waits until the workers have nothing to do, nor anything that follows from what they did within so many
  // tasks, each submitted by the one before; the digest of a blob takes one per MiB.
  void Settle(int tasks = 32);

  FakeClock clock;
  EngineStats stats;
  const DiskFolder folder;
  const std::unique_ptr<ObjectStore> store;
  FakeHttp http;
  FetchLedger ledger;
  FakeRegistry registry;
  RangeFetcher fetcher;
  std::optional<WorkerPool> pool;

 private:
  FakeAnswer Respond(const HttpRequest& request) const;

  struct Served {
    RemoteBlob remote;
    std::shared_ptr<const std::string> truth;
    FakeHttp::Responder responder;
  };

  const BlobCache::Options options_;
  const int workers_;
  bool repeats_forgiven_ = false;
  std::vector<Served> served_;
  std::vector<std::shared_ptr<BlobCache>> opened_;

  mutable Mutex mutex_;
  HttpFault fault_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
