#include "cachefiles/pending_read.h"

#include <utility>

namespace lacuna {

PendingRead::PendingRead(PendingRead&& other) noexcept
    : object_id_(other.object_id_),
      range_(other.range_),
      waited_(other.waited_),
      answer_(std::exchange(other.answer_, nullptr)) {}

PendingRead& PendingRead::operator=(PendingRead&& other) noexcept {
  if (this == &other) return *this;
  Drop();
  object_id_ = other.object_id_;
  range_ = other.range_;
  waited_ = other.waited_;
  answer_ = std::exchange(other.answer_, nullptr);
  return *this;
}

PendingRead::~PendingRead() {
  Drop();
}

void PendingRead::Complete(const absl::Status& status) && {
  if (Answer answer = std::exchange(answer_, nullptr)) std::move(answer)(status);
}

void PendingRead::Drop() {
  std::move(*this).Complete(absl::AbortedError("read dropped unanswered"));
}

}  // namespace lacuna
