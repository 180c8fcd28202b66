// What the tests of the cachefiles door share: an engine that remembers what it was given, and a door over a
// fake kernel.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "cachefiles/cachefiles_door.h"
#include "tests/cachefiles/fuse_test_support.h"
#include "tests/fakes/fake_cachefiles_device.h"
#include "tests/fakes/recording_keeper.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {

inline std::string NoiseOf(size_t size, uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// Thread-safe.
class KeepingEngine : public ScriptedEngine {
 public:
  absl::StatusOr<uint64_t> OnOpen(const OpenedObject& object) override {
    {
      MutexLock lock(mutex_);
      files_[object.id] = object.file;
    }
    return ScriptedEngine::OnOpen(object);
  }
  void OnReady(ObjectId id) override {
    MutexLock lock(mutex_);
    ready_.insert(id);
  }
  void OnClose(ObjectId id) override {
    {
      MutexLock lock(mutex_);
      closed_.push_back(id);
    }
    ScriptedEngine::OnClose(id);
  }

  std::shared_ptr<KernelFile> file(uint32_t id) {
    MutexLock lock(mutex_);
    return files_[ObjectId(id)];
  }
  bool ready(uint32_t id) {
    MutexLock lock(mutex_);
    return ready_.contains(ObjectId(id));
  }
  std::vector<ObjectId> closed() {
    MutexLock lock(mutex_);
    return closed_;
  }

 private:
  Mutex mutex_;
  std::map<ObjectId, std::shared_ptr<KernelFile>> files_ ABSL_GUARDED_BY(mutex_);
  std::set<ObjectId> ready_ ABSL_GUARDED_BY(mutex_);
  std::vector<ObjectId> closed_ ABSL_GUARDED_BY(mutex_);
};

inline PublishedObject EnginesObject(const std::string& name, uint64_t size) {
  return {.key = ObjectKey::ForBlob(Digest::Of(name)), .size = size};
}

inline PublishedObject LocalObject(const std::string& bytes) {
  return {.key = ObjectKey::ForBlob(Digest::Of(bytes)),
          .size = bytes.size(),
          .file = std::make_shared<BytesInMemory>(bytes),
          .finished_path = "/finished"};
}

class CachefilesDoorTest : public testing::Test {
 protected:
  static constexpr uint64_t kSize = 3 * 1024 * 1024 + 5 * kBlockSize;

  void StartDoor() {
    engine_.Knows(device_object_);
    ASSERT_TRUE(door_->Start(engine_).ok());
    ASSERT_TRUE(door_->Serve().ok());
    absl::StatusOr<MountSpec> spec = door_->Publish({bootstrap_, {device_object_}});
    ASSERT_TRUE(spec.ok()) << spec.status();
    spec_ = *std::move(spec);
  }
  // One more object of the engine's, until the test ends; its cookie.
  std::string PublishAnother(const std::string& name) {
    const PublishedObject object = EnginesObject(name, kSize);
    engine_.Knows(object);
    absl::StatusOr<MountSpec> spec = door_->Publish({object, {}});
    EXPECT_TRUE(spec.ok()) << spec.status();
    if (spec.ok()) more_specs_.push_back(*std::move(spec));
    return object.key.FileName();
  }
  std::string bootstrap_name() const { return bootstrap_.key.FileName(); }
  std::string device_name() const { return device_object_.key.FileName(); }
  // The engine's object, open; its number.
  uint32_t OpenDevice() { return Open(device_name()); }
  uint32_t Open(const std::string& cookie) {
    const auto opened = kernel_->Open(cookie);
    EXPECT_EQ(opened.copen, static_cast<int64_t>(kSize));
    return opened.object_id;
  }

  const DiskFolder folder_;
  const std::string truth_ = NoiseOf(kSize);
  const PublishedObject bootstrap_ = LocalObject(truth_);
  const PublishedObject device_object_ = EnginesObject("device", kSize);
  const std::shared_ptr<FakeCachefilesDevice> kernel_ = std::make_shared<FakeCachefilesDevice>();
  KeepingEngine engine_;
  RecordingKeeper keeper_;
  WorkerPool pool_{2};
  std::unique_ptr<CachefilesDoor> door_ = std::make_unique<CachefilesDoor>(
      CachefilesDoor::Options{.cache_dir = folder_.path()}, keeper_, pool_, [this] { return kernel_; });
  MountSpec spec_;
  std::vector<MountSpec> more_specs_;
};

}  // namespace lacuna
