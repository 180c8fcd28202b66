#include "cachefiles/fuse_session.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>
#include <vector>

#include "cachefiles/fuse_reply.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

template <typename T>
absl::Span<const char> BytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

}  // namespace

FuseSession::FuseSession(UniqueFd device, Keeper& keeper, std::shared_ptr<FuseObjects> objects,
                         DoorHandler& handler, WorkerPool& pool)
    : lifeline_(keeper.lifeline()),
      objects_(std::move(objects)),
      channel_(std::make_shared<FuseChannel>(std::move(device), keeper.fuse_log())),
      reads_(std::make_shared<FuseReads>(channel_, pool)),
      handler_(handler) {}

FuseSession::~FuseSession() {
  Stop();
}

absl::Status FuseSession::Start() {
  wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_.valid()) return ErrnoStatus(errno, "eventfd for the fuse door");
  MutexLock lock(stop_mutex_);
  thread_ = std::thread([this] { Loop(); });
  inherited_.wait();
  return absl::OkStatus();
}

void FuseSession::Stop() {
  MutexLock lock(stop_mutex_);
  stopping_ = true;
  running_ = false;
  if (thread_.joinable()) {
    eventfd_write(wake_.get(), 1);
    thread_.join();
  }
  channel_->Close();
  for (const ObjectId id : objects_->CloseAll()) handler_.OnClose(id);
}

FuseCounters FuseSession::counters() const {
  return {reads_->errors_answered(), malformed_requests_, protocol_errors_};
}

void FuseSession::Loop() {
  std::vector<char> buffer(FuseLog::kMaxMessage);
  lifeline_.Hold();
  Inherit(absl::MakeSpan(buffer));
  Serve(absl::MakeSpan(buffer));
  lifeline_.LetGo();
  running_ = false;
}

void FuseSession::Inherit(absl::Span<char> buffer) {
  for (const FuseObjectRef& object : objects_->TakeInherited()) {
    const absl::Status status = TellHandlerOfOpen(*object);
    if (!status.ok()) LogError("lost to its readers: ", object->key.text(), ": ", status.message());
  }
  inherited_.count_down();
  while (const size_t size = channel_->ReceiveLeft(buffer)) {
    OnMessage(buffer.first(size));
    channel_->Settle();
  }
}

void FuseSession::Serve(absl::Span<char> buffer) {
  while (WaitForRequest()) {
    lifeline_.BeatOfDoor();
    const absl::Status status = TakeRequests(buffer);
    if (status.ok()) continue;
    // Nobody would answer from here on: readers must not wait for us.
    LogError("the FUSE connection ended: ", status.message(), "; its mounts give EIO until they are redone");
    return channel_->Close();
  }
}

bool FuseSession::WaitForRequest() {
  pollfd fds[] = {{.fd = channel_->fd(), .events = POLLIN}, {.fd = wake_.get(), .events = POLLIN}};
  while (poll(fds, 2, Lifeline::kBeat.count()) < 0 && errno == EINTR) continue;
  return !stopping_;
}

absl::Status FuseSession::TakeRequests(absl::Span<char> buffer) {
  while (!stopping_) {
    ASSIGN_OR_RETURN(const size_t size, channel_->Receive(buffer));
    if (size == 0) return absl::OkStatus();
    OnMessage(buffer.first(size));
    channel_->Settle();
  }
  return absl::OkStatus();
}

void FuseSession::OnMessage(absl::Span<const char> message) {
  const absl::StatusOr<FuseRequest> request = ParseFuseRequest(message);
  if (request.ok()) {
    std::visit([&](const auto& body) { On(*request, body); }, request->body);
    return;
  }
  if (++malformed_requests_ == 1) LogWarning("malformed FUSE request: ", request.status().message());
  if (const std::optional<uint64_t> unique = FuseUniqueOf(message)) channel_->Reply(*unique, EINVAL);
}

void FuseSession::On(const FuseRequest& request, const FuseInit& init) {
  if (SpeaksOurFuse(init)) return channel_->Reply(request.unique, 0, BytesOf(InitReply(init)));
  LogError("this kernel speaks FUSE ", init.major, ".", init.minor, ", 7.", kFuseMinor,
           " (Linux 5.4) is needed");
  channel_->Reply(request.unique, EPROTO);
}

void FuseSession::On(const FuseRequest& request, const FuseLookup& lookup) {
  const FuseObjectRef object = request.node == FUSE_ROOT_ID ? objects_->Lookup(lookup.name) : nullptr;
  if (object == nullptr) return channel_->Reply(request.unique, ENOENT);
  channel_->Reply(request.unique, 0, BytesOf(LookupReply(object->id, object->size)));
}

void FuseSession::On(const FuseRequest& request, const FuseGetattr&) {
  if (request.node == FUSE_ROOT_ID) return channel_->Reply(request.unique, 0, BytesOf(RootAttrReply()));
  const FuseObjectRef object = objects_->Find(ObjectId(request.node));
  if (object == nullptr) return channel_->Reply(request.unique, ESTALE);
  channel_->Reply(request.unique, 0, BytesOf(ObjectAttrReply(object->id, object->size)));
}

void FuseSession::On(const FuseRequest& request, const FuseOpen& open) {
  if ((open.flags & O_ACCMODE) != O_RDONLY) return channel_->Reply(request.unique, EROFS);
  const FuseObjects::Opened opened = objects_->Open(ObjectId(request.node), request.unique);
  if (opened.object == nullptr) return channel_->Reply(request.unique, ESTALE);
  const absl::Status status = opened.first ? TellHandlerOfOpen(*opened.object) : absl::OkStatus();
  if (status.ok()) return channel_->Reply(request.unique, 0, BytesOf(OpenReply(request.unique)));
  LogWarning("open of ", opened.object->key.text(), " fails: ", status.message());
  objects_->Close(opened.object->id, request.unique).status().IgnoreError();
  channel_->Reply(request.unique, EIO);
}

absl::Status FuseSession::TellHandlerOfOpen(const FuseObject& object) {
  ASSIGN_OR_RETURN(const uint64_t size, handler_.OnOpen({.id = object.id, .key = object.key}));
  if (size == object.size) return absl::OkStatus();
  handler_.OnClose(object.id);
  return absl::InternalError(absl::StrCat("published with ", object.size, " bytes, opened with ", size));
}

void FuseSession::On(const FuseRequest& request, const FuseRead& read) {
  const FuseObjectRef object = objects_->FindOpen(ObjectId(request.node), read.handle);
  if (object == nullptr) {
    CountProtocolError(absl::StrCat("reads node ", request.node, " by handle ", read.handle));
    return channel_->Reply(request.unique, EBADF);
  }
  const uint64_t end = std::min(read.offset + read.size, object->size);
  if (read.offset >= end) return channel_->Reply(request.unique, 0);
  if (!channel_->Park(request.unique)) {
    ++malformed_requests_;  // the one that is parked will be answered
    return;
  }
  const ByteRange range = {read.offset, end - read.offset};
  handler_.OnRead(reads_->Take(request.unique, object, range, channel_->waited()));
}

void FuseSession::On(const FuseRequest& request, const FuseRelease& release) {
  const absl::StatusOr<bool> last = objects_->Close(ObjectId(request.node), release.handle);
  if (!last.ok())
    CountProtocolError(absl::StrCat("releases ", release.handle, ": ", last.status().message()));
  if (last.ok() && *last) handler_.OnClose(ObjectId(request.node));
  channel_->Reply(request.unique, last.ok() ? 0 : EBADF);
}

void FuseSession::On(const FuseRequest& request, const FuseStatfs&) {
  channel_->Reply(request.unique, 0, BytesOf(StatfsReply()));
}

void FuseSession::On(const FuseRequest& request, const FuseRefused& refused) {
  channel_->Reply(request.unique, refused.error);
}

void FuseSession::CountProtocolError(absl::string_view what) {
  if (++protocol_errors_ == 1) LogWarning("FUSE request that fits nothing we gave: ", what);
}

}  // namespace lacuna
