#include "tests/fakes/simulated_door.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

absl::Status CheckBytes(BackingFile& file, const ByteRange& range, const std::string& truth) {
  std::string bytes(range.length, '?');
  RETURN_IF_ERROR(file.ReadAt(range.offset, absl::MakeSpan(bytes)));
  if (bytes == truth.substr(range.offset, range.length)) return absl::OkStatus();
  return IntegrityError(absl::StrCat("WRONG BYTES at ", ToString(range)));
}

}  // namespace

int KernelRead::answers() const {
  MutexLock lock(mutex_);
  return answers_;
}

absl::Status KernelRead::Wait() const {
  MutexLock lock(mutex_);
  while (answers_ == 0) answered_.Wait(mutex_);
  return status_;
}

void KernelRead::Answer(const absl::Status& status) {
  MutexLock lock(mutex_);
  ++answers_;
  status_ = status;
  answered_.NotifyAll();
}

void SimulatedDoor::SetTruth(const ObjectKey& key, std::string bytes) {
  MutexLock lock(mutex_);
  published_[key].truth = std::make_shared<const std::string>(std::move(bytes));
}

absl::Status SimulatedDoor::Start(DoorHandler& handler) {
  MutexLock lock(mutex_);
  handler_ = &handler;
  return absl::OkStatus();
}

absl::StatusOr<MountSpec> SimulatedDoor::Publish(const PublishedImage& image) {
  MutexLock lock(mutex_);
  MountSpec spec{.source = image.bootstrap.key.text()};
  published_[image.bootstrap.key].file = image.bootstrap.file;
  for (const PublishedObject& device : image.devices) {
    published_[device.key].file = device.file;
    spec.devices.push_back(device.key.text());
  }
  return spec;
}

absl::Status SimulatedDoor::Cull(const ObjectKey&) {
  return absl::FailedPreconditionError("in use");
}

bool SimulatedDoor::IsOpen(const ObjectKey& key) const {
  MutexLock lock(mutex_);
  return std::any_of(open_.begin(), open_.end(), [&](const auto& entry) { return entry.second.key == key; });
}

void SimulatedDoor::Stop() {
  MutexLock lock(mutex_);
  handler_ = nullptr;
}

absl::StatusOr<ObjectId> SimulatedDoor::Open(const ObjectKey& key) {
  DoorHandler* handler = nullptr;
  ObjectId id;
  {
    MutexLock lock(mutex_);
    handler = handler_;
    id = ObjectId(++last_id_);
    open_[id] = published_[key];
    open_[id].key = key;
  }
  RETURN_IF_ERROR(handler->OnOpen({.id = id, .key = key}).status());
  return id;
}

std::shared_ptr<KernelRead> SimulatedDoor::Read(ObjectId id, const ByteRange& range) {
  auto read = std::make_shared<KernelRead>();
  DoorHandler* handler = nullptr;
  Object object;
  {
    MutexLock lock(mutex_);
    handler = handler_;
    object = open_[id];
  }
  handler->OnRead(MakeRead(id, range, object.file, object.truth, read));
  return read;
}

PendingRead SimulatedDoor::MakeRead(ObjectId id, const ByteRange& range, std::shared_ptr<BackingFile> file,
                                    std::shared_ptr<const std::string> truth,
                                    std::shared_ptr<KernelRead> read) {
  return PendingRead(id, range,
                     [range, file = std::move(file), truth = std::move(truth),
                      read = std::move(read)](const absl::Status& status) {
                       read->Answer(status.ok() ? CheckBytes(*file, range, *truth) : status);
                     });
}

void SimulatedDoor::Close(ObjectId id) {
  DoorHandler* handler = nullptr;
  {
    MutexLock lock(mutex_);
    handler = handler_;
    open_.erase(id);
  }
  handler->OnClose(id);
}

}  // namespace lacuna
