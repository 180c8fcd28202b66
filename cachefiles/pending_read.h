// One read that the kernel waits for: a debt to a blocked process.
//
// A door makes it, the engine parks it and answers it, from any thread and exactly once. Move-only. Dropped
// unanswered, it answers with an error: no path through the code can leave a reader hanging.
#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "cachefiles/object_key.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/clock.h"

namespace lacuna {

class PendingRead {
 public:
  // How the door passes the answer on: OK means that every byte of the range can now be read from the backing
  // file. Called on the completing thread; it must not block (the fuse door hands the disk read to its worker
  // pool).
  using Answer = absl::AnyInvocable<void(const absl::Status&) &&>;

  // `waited`: for how long its reader has waited before, for a process that died.
  PendingRead(ObjectId object_id, ByteRange range, Answer answer, Duration waited = {})
      : object_id_(object_id), range_(range), waited_(waited), answer_(std::move(answer)) {}
  PendingRead(PendingRead&& other) noexcept;
  PendingRead& operator=(PendingRead&& other) noexcept;
  ~PendingRead();

  ObjectId object_id() const { return object_id_; }
  const ByteRange& range() const { return range_; }
  Duration waited() const { return waited_; }

  void Complete(const absl::Status& status) &&;

 private:
  void Drop();

  ObjectId object_id_;
  ByteRange range_;
  Duration waited_;
  Answer answer_;  // null once answered or moved from
};

}  // namespace lacuna
