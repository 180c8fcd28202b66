// A door whose kernel is the test: it opens, reads and closes, and holds every answer against the truth.
//
// An answered read is checked on the spot: the bytes that the kernel would now take from the backing file
// must be the image's. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cachefiles/on_demand_door.h"
#include "daemon/base/mutex.h"

namespace lacuna {

// One read of a simulated process.
class KernelRead {
 public:
  // How often it was answered; anything but 0 and 1 is a bug.
  int answers() const;
  bool answered() const { return answers() > 0; }
  // Blocks until it is answered. The answer, or IntegrityError when OK came with bytes that are not the
  // image's.
  absl::Status Wait() const;

 private:
  friend class SimulatedDoor;
  void Answer(const absl::Status& status);

  mutable Mutex mutex_;
  mutable CondVar answered_;
  int answers_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

class SimulatedDoor : public OnDemandDoor {
 public:
  // What the object's file has to read as, once it is said to be there.
  void SetTruth(const ObjectKey& key, std::string bytes);

  absl::string_view name() const override { return "simulated"; }
  bool keeps_objects() const override { return false; }
  absl::Status Start(DoorHandler& handler) override;
  absl::Status Serve() override { return absl::OkStatus(); }
  bool took_over() const override { return false; }
  absl::StatusOr<MountSpec> Publish(const PublishedImage& image) override;
  absl::Status Cull(const ObjectKey& key) override;
  bool IsOpen(const ObjectKey& key) const override;
  uint64_t KeptBytes(const ObjectKey&) const override { return 0; }
  void Stop() override;

  // The kernel's side. Open fails as the handler fails it.
  absl::StatusOr<ObjectId> Open(const ObjectKey& key);
  std::shared_ptr<KernelRead> Read(ObjectId id, const ByteRange& range);
  void Close(ObjectId id);

  // A door to read `file` through, whose bytes have to be `truth`, without publishing: for tests of one
  // object.
  static PendingRead MakeRead(ObjectId id, const ByteRange& range, std::shared_ptr<BackingFile> file,
                              std::shared_ptr<const std::string> truth, std::shared_ptr<KernelRead> read);

 private:
  struct Object {
    ObjectKey key;
    std::shared_ptr<BackingFile> file;
    std::shared_ptr<const std::string> truth;
  };

  mutable Mutex mutex_;
  DoorHandler* handler_ ABSL_GUARDED_BY(mutex_) = nullptr;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<ObjectKey, Object> published_ ABSL_GUARDED_BY(mutex_);
  std::map<ObjectId, Object> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
