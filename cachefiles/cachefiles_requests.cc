#include "cachefiles/cachefiles_requests.h"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "cachefiles/local_fill.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// How long Stop waits for writes that are at the disk.
constexpr std::chrono::milliseconds kClosePatience(500);

// An OPEN that the kernel gave up meanwhile is EINVAL. A dead cache takes no more commands, which leaves
// OPENs waiting until the device is closed.
absl::Status CopenError(int error) {
  if (error == EIO || error == EBADF) return ErrnoStatus(error, "answering an open");
  return absl::OkStatus();
}

}  // namespace

CachefilesRequests::CachefilesRequests(std::shared_ptr<CachefilesDevice> device, Keeper& keeper,
                                       std::shared_ptr<CachefilesObjects> objects, DoorHandler& handler,
                                       WorkerPool& pool)
    : device_(std::move(device)),
      keeper_(keeper),
      objects_(std::move(objects)),
      reads_(std::make_shared<CachefilesReads>(device_)),
      handler_(handler),
      pool_(pool) {}

CachefilesCounters CachefilesRequests::counters() const {
  return {.opens = opens_,
          .failed_opens = failed_opens_,
          .reads = read_requests_,
          .closes = closes_,
          .unknown_objects = unknown_objects_,
          .unknown_operations = unknown_operations_,
          .malformed_messages = malformed_messages_,
          .errors_answered = reads_->errors_answered(),
          .late_completions = reads_->late_completions()};
}

void CachefilesRequests::Inherit(Keeper::Object object) {
  const std::optional<PublishedObject> published = objects_->FindPublished(object.name);
  const auto inherited = std::make_shared<CachefilesObject>(
      object.id, published.value_or(PublishedObject{.size = object.size}), std::move(object.fd));
  objects_->Add(inherited);
  const absl::StatusOr<uint64_t> size =
      published.has_value() ? TellOfOpen(*inherited) : absl::NotFoundError("nobody has mounted it any more");
  if (size.ok() && *size == object.size) return BeginToFill(inherited);
  LogError("lost to its readers: cachefiles object ", object.name, ": ",
           size.ok() ? "it has another size now" : size.status().message());
}

void CachefilesRequests::OnLostOpen(int error) {
  ++failed_opens_;
  failed_opens_log_.Log(ErrnoStatus(error, "the kernel failed an open").message(),
                        "; if descriptors ran out, raise LimitNOFILE");
}

absl::Status CachefilesRequests::OnMessage(absl::Span<const char> message) {
  const absl::StatusOr<CachefilesRequest> request = ParseCachefilesMessage(message);
  if (!request.ok()) return OnMalformed(message, request.status());
  return std::visit([&](const auto& body) { return On(*request, body); }, request->body);
}

absl::Status CachefilesRequests::OnMalformed(absl::Span<const char> message, const absl::Status& why) {
  ++(absl::IsUnimplemented(why) ? unknown_operations_ : malformed_messages_);
  odd_messages_log_.Log("cachefiles request that cannot be read: ", why.message());
  const CachefilesDebt debt = CachefilesDebtOf(message);
  const UniqueFd dropped(debt.fd);
  if (debt.kind == CachefilesDebt::Kind::kOpen) return RefuseOpen(debt.msg_id, why);
  if (debt.kind == CachefilesDebt::Kind::kRead) {
    if (const CachefilesObjectRef object = objects_->Find(debt.object_id)) {
      reads_->Refuse(*object, debt.msg_id);
    }
  }
  return absl::OkStatus();
}

absl::Status CachefilesRequests::On(const CachefilesRequest& request, const CachefilesOpen& open) {
  ++opens_;
  UniqueFd fd(open.fd);
  // The kernel gives it without; a child that inherits it would keep the object, and the device, open.
  if (fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return RefuseOpen(request.msg_id, ErrnoStatus(errno, "the descriptor of an open"));
  }
  const std::optional<PublishedObject> published =
      open.volume_key == kCachefilesVolume ? objects_->FindPublished(open.cookie_key) : std::nullopt;
  if (!published.has_value()) {
    return RefuseOpen(request.msg_id, absl::NotFoundError(absl::StrCat("nothing is published as ",
                                                                       absl::CHexEscape(open.volume_key), " ",
                                                                       absl::CHexEscape(open.cookie_key))));
  }
  // Of a key the kernel has one object at a time: it has lost its way to us for the old one, and begins anew.
  for (const CachefilesObjectRef& stale : objects_->RemoveStale(request.object_id, published->key)) {
    odd_messages_log_.Log("the kernel opens cachefiles object ", open.cookie_key,
                          " without a close of object ", static_cast<uint64_t>(stale->id),
                          ", which had its number or its key");
    CloseObject(stale);
  }
  const auto object = std::make_shared<CachefilesObject>(request.object_id, *published, std::move(fd));
  const absl::StatusOr<uint64_t> size = TellOfOpen(*object);
  if (!size.ok()) {
    CloseDescriptor(object->fd);  // the engine may still hold the file
    return RefuseOpen(request.msg_id, size.status());
  }
  objects_->Add(object);
  const int error = device_->Command(CopenCommand(request.msg_id, *size));
  LogDebug("cachefiles object ", open.cookie_key, " of ", *size, " bytes opened as ",
           static_cast<uint64_t>(object->id), ", copen: ", error);
  if (error != 0) {
    ++failed_opens_;
    CloseObject(objects_->Remove(object->id));
    return CopenError(error);
  }
  object->fd->WhileOpen([&](int number) { keeper_.KeepObject(object->id, *size, open.cookie_key, number); });
  BeginToFill(object);
  return absl::OkStatus();
}

void CachefilesRequests::BeginToFill(const CachefilesObjectRef& object) {
  object->local() ? FillLocally(object, pool_) : handler_.OnReady(object->id);
}

absl::StatusOr<uint64_t> CachefilesRequests::TellOfOpen(const CachefilesObject& object) {
  if (object.local()) return object.published.size;
  const ObjectKey& key = object.published.key;
  ASSIGN_OR_RETURN(const uint64_t size, handler_.OnOpen({.id = object.id, .key = key, .file = object.file}));
  if (size == object.published.size) return size;
  handler_.OnClose(object.id);
  // The kernel would drop what it has kept of the object.
  return absl::InternalError(absl::StrCat(key.text(), " was published with ", object.published.size,
                                          " bytes, and opened with ", size));
}

absl::Status CachefilesRequests::RefuseOpen(uint32_t msg_id, const absl::Status& why) {
  ++failed_opens_;
  failed_opens_log_.Log("a cachefiles open fails: ", why.message());
  return CopenError(device_->Command(CopenErrorCommand(msg_id, why)));
}

absl::Status CachefilesRequests::On(const CachefilesRequest& request, const CachefilesClose&) {
  ++closes_;
  const CachefilesObjectRef object = objects_->Remove(request.object_id);
  if (object == nullptr) return OnUnknownObject("CLOSE", request.object_id);
  LogDebug("cachefiles object ", static_cast<uint64_t>(object->id), " closed");
  CloseObject(object);
  return absl::OkStatus();
}

absl::Status CachefilesRequests::On(const CachefilesRequest& request, const CachefilesRead& read) {
  ++read_requests_;
  const CachefilesObjectRef object = objects_->Find(request.object_id);
  // Nobody can answer it: that takes a descriptor of the object.
  if (object == nullptr) return OnUnknownObject("READ", request.object_id);
  LogDebug("cachefiles object ", static_cast<uint64_t>(object->id), ": READ ", request.msg_id, " of ",
           ToString(read.range));
  PendingRead pending = reads_->Take(object, request.msg_id, read.range);
  if (object->local()) {
    AnswerLocally(object, std::move(pending), pool_);
  } else {
    handler_.OnRead(std::move(pending));
  }
  return absl::OkStatus();
}

absl::Status CachefilesRequests::OnUnknownObject(absl::string_view operation, ObjectId id) {
  ++unknown_objects_;
  odd_messages_log_.Log("cachefiles ", operation, " of object ", static_cast<uint64_t>(id),
                        ", which is not open");
  return absl::OkStatus();
}

void CachefilesRequests::CloseObject(const CachefilesObjectRef& object) {
  reads_->RefuseAll(*object);
  keeper_.DropObject(object->id);
  CloseDescriptor(object->fd);
  if (!object->local()) handler_.OnClose(object->id);
}

void CachefilesRequests::CloseDescriptor(const std::shared_ptr<SharedFd>& fd) {
  fd->Close();
  closing_.push_back(fd);
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(closing_, [&](const auto& closing) { return closing->WaitUntilClosed(now); });
}

// The objects go before the device: a kernel of before the fixes of 2024 leaves readers in D state otherwise.
void CachefilesRequests::CloseAll() {
  for (const CachefilesObjectRef& object : objects_->RemoveAll()) CloseObject(object);
  const auto deadline = std::chrono::steady_clock::now() + kClosePatience;
  std::erase_if(closing_, [&](const auto& fd) { return fd->WaitUntilClosed(deadline); });
  if (!closing_.empty()) {
    LogWarning("the disk holds writes to ", closing_.size(),
               " cachefiles objects up; the cache ends before them");
  }
  device_->Close();
}

}  // namespace lacuna
