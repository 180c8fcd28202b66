// A way into the kernel: the seam between the doors (fuse, cachefiles, …) and the engine.
//
// The daemon publishes an image at a door, mounts what the door tells it to, and from then on the door turns
// each kernel request into a call of its DoorHandler.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cachefiles/backing_file.h"
#include "cachefiles/kernel_file.h"
#include "cachefiles/object_key.h"
#include "cachefiles/pending_read.h"

namespace lacuna {

struct OpenedObject {
  ObjectId id;
  ObjectKey key;
  // Where the engine writes once OnReady was called, on a door that keeps the objects' bytes. Null on others.
  std::shared_ptr<KernelFile> file;
};

// What the engine is to a door. Called on the door's thread; must not block: no disk, no network, no mount.
class DoorHandler {
 public:
  virtual ~DoorHandler() = default;

  // The object's size in bytes, or an error, which fails the open.
  virtual absl::StatusOr<uint64_t> OnOpen(const OpenedObject& object) = 0;
  // The kernel has taken the size: the object's KernelFile can be used from here on. Not called by doors that
  // give none.
  virtual void OnReady(ObjectId id) = 0;
  // Takes the debt over. An unknown object is answered at once.
  virtual void OnRead(PendingRead read) = 0;
  virtual void OnClose(ObjectId id) = 0;
};

struct PublishedObject {
  ObjectKey key;
  uint64_t size = 0;  // bytes, a multiple of kBlockSize
  // Null for an object whose bytes the door itself is to keep.
  std::shared_ptr<BackingFile> file;
  // Set when the object is finished and synced: this local file is `file`, and has all its bytes. The fuse
  // door gives it to the kernel and stays out of it; the cachefiles door fills the kernel's file from it.
  std::string finished_path;
};

struct PublishedImage {
  PublishedObject bootstrap;
  std::vector<PublishedObject> devices;  // in the order of the bootstrap's device table
};

// What to pass to the kernel, through erofs_mount.h. The object names in it work while `publication` lives:
// keep it until the file system is unmounted.
struct MountSpec {
  std::string source;
  std::vector<std::string> devices;  // one `device=` each
  std::vector<std::string> options;  // "key" or "key=value"
  bool through_loop = false;         // put a read-only loop device under source and devices
  std::shared_ptr<void> publication;
};

// Start, Publish and Stop are called by the daemon's own threads, never by the door's. Thread-safe after
// Start.
class OnDemandDoor {
 public:
  virtual ~OnDemandDoor() = default;

  virtual absl::string_view name() const = 0;
  // Whether the kernel's side of the door keeps the objects' bytes (cachefiles): they can then be filled only
  // while they are open, which is while an image that holds them is mounted.
  virtual bool keeps_objects() const = 0;
  // Opens the way into the kernel, or takes over what a predecessor left; images can be published from here
  // on. `handler` outlives Stop().
  virtual absl::Status Start(DoorHandler& handler) = 0;
  // Begins to take requests: those that a predecessor left, of what has been published by now, come first.
  virtual absl::Status Serve() = 0;
  // Whether Start took over from a predecessor, whose mounts live.
  virtual bool took_over() const = 0;
  virtual absl::StatusOr<MountSpec> Publish(const PublishedImage& image) = 0;
  // Gives the space of an object that the door keeps back. FailedPrecondition while it is in use; OK when
  // there is nothing of it. May block on the disk.
  virtual absl::Status Cull(const ObjectKey& key) = 0;
  // Whether the kernel has it open.
  virtual bool IsOpen(const ObjectKey& key) const = 0;
  // How many bytes of disk the door keeps of an object that is not open. May block on the disk.
  virtual uint64_t KeptBytes(const ObjectKey& key) const = 0;
  // Stops reading, answers all, closes per-object descriptors, then the device. Readers get EIO from here on.
  // Idempotent; within a second.
  virtual void Stop() = 0;
};

}  // namespace lacuna
