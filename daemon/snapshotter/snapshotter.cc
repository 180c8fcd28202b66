#include "daemon/snapshotter/snapshotter.h"

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/snapshotter/snapshot_filter.h"

namespace lacuna {
namespace {

// The committed snapshot that containerd would unpack to: a chain ID (containerd,
// docs/snapshotters/remote-snapshotter.md).
constexpr char kTargetLabel[] = "containerd.io/snapshot.ref";

// Of a new snapshot's root folder, which is the root of the overlay: that of its parent, if nothing is
// mapped.
absl::StatusOr<FileOwner> RootOwner(const SnapshotLabels& labels, const std::vector<std::string>& lowers) {
  ASSIGN_OR_RETURN(const std::optional<FileOwner> mapped, MappedRoot(labels));
  if (mapped.has_value()) return *mapped;
  if (lowers.empty()) return FileOwner();
  struct stat found = {};
  if (stat(lowers.front().c_str(), &found) != 0) return ErrnoStatus(errno, lowers.front());
  return FileOwner{found.st_uid, found.st_gid};
}

absl::Status CheckPaths(const SnapshotInfo& snapshot, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (path == "labels" || absl::StartsWith(path, "labels.")) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("cannot update the field ", path, " of snapshot ", snapshot.name, ", only labels"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Snapshotter>> Snapshotter::Open(const Options& options, LazyLayers& layers,
                                                               EventLog& events) {
  ASSIGN_OR_RETURN(std::unique_ptr<SnapshotDb> db,
                   SnapshotDb::Open(absl::StrCat(options.root, "/snapshots.db")));
  ASSIGN_OR_RETURN(std::unique_ptr<SnapshotFolders> folders,
                   SnapshotFolders::Open(options.root, options.run));
  ASSIGN_OR_RETURN(const std::vector<int64_t> leftovers, db->Leftovers());
  std::unique_ptr<Snapshotter> snapshotter(
      new Snapshotter(std::move(db), std::move(folders), options.features, layers, events));
  for (const int64_t number : leftovers) snapshotter->Discard(number);
  return snapshotter;
}

Snapshotter::Snapshotter(std::unique_ptr<SnapshotDb> db, std::unique_ptr<SnapshotFolders> folders,
                         const OverlayFeatures& features, LazyLayers& layers, EventLog& events)
    : db_(std::move(db)),
      folders_(std::move(folders)),
      features_(features),
      layers_(layers),
      events_(events),
      sweeper_(*db_, *folders_) {}

void Snapshotter::Discard(int64_t number) {
  const absl::Status unmounted = layers_.Unmount(folders_->MountPoint(number));
  // It stays among the leftovers, for the next start.
  if (!unmounted.ok()) return LogWarning("unmounting a snapshot that was removed: ", unmounted.message());
  sweeper_.Sweep(number);
}

absl::StatusOr<Snapshotter::Mounts> Snapshotter::Prepare(const NewSnapshot& wanted,
                                                         const SnapshotCaller& caller) {
  const auto target = wanted.labels.find(kTargetLabel);
  if (target == wanted.labels.end()) return Create(SnapshotKind::kActive, wanted, caller);
  const std::string& chain_id = target->second;
  const absl::Status lazy = CommitLazily(wanted, chain_id, caller);
  if (lazy.ok()) {
    return absl::AlreadyExistsError(
        absl::StrCat("snapshot ", chain_id, " is there, and its layers come when they are read"));
  }
  events_.Add("snapshot.unpacked", chain_id, absl::StrCat("not served lazily: ", lazy.message()));
  return Create(SnapshotKind::kActive, wanted, caller);
}

absl::StatusOr<Snapshotter::Mounts> Snapshotter::View(const NewSnapshot& wanted,
                                                      const SnapshotCaller& caller) {
  return Create(SnapshotKind::kView, wanted, caller);
}

absl::Status Snapshotter::CommitLazily(const NewSnapshot& wanted, const std::string& chain_id,
                                       const SnapshotCaller& caller) {
  // One that containerd would find.
  ASSIGN_OR_RETURN(const bool there, db_->HasCommitted(wanted.parent, kTargetLabel, chain_id));
  if (there) return absl::OkStatus();
  SnapshotRecord snapshot{.info = {.name = chain_id,
                                   .parent = wanted.parent,
                                   .kind = SnapshotKind::kCommitted,
                                   .labels = wanted.labels}};
  ASSIGN_OR_RETURN(snapshot.remote, layers_.Find(chain_id, wanted.labels, caller));
  ASSIGN_OR_RETURN(snapshot.number, db_->TakeNumber());
  absl::Status added = db_->Add(snapshot);
  if (absl::IsAlreadyExists(added)) {
    // Of another parent: the same content, which another namespace of containerd's has unpacked in part.
    // containerd looks for its label, whatever the name.
    snapshot.info.name = absl::StrCat(chain_id, "/", snapshot.number);
    added = db_->Add(snapshot);
  }
  if (!added.ok()) Discard(snapshot.number);
  return added;
}

absl::StatusOr<Snapshotter::Chain> Snapshotter::ParentsOf(const std::string& parent) {
  if (parent.empty()) return Chain();
  return db_->Chain(parent);
}

absl::StatusOr<std::vector<std::string>> Snapshotter::LowersOf(const Chain& parents,
                                                               const SnapshotCaller& caller) {
  std::vector<std::string> lowers;
  for (const SnapshotRecord& parent : parents) {
    if (!parent.remote.has_value()) {
      lowers.push_back(folders_->Upper(parent.number));
      continue;
    }
    lowers.push_back(folders_->MountPoint(parent.number));
    RETURN_IF_ERROR(layers_.Mount(*parent.remote, lowers.back(), caller));
    break;  // it shows all that is beneath
  }
  return lowers;
}

Snapshotter::Mounts Snapshotter::MountsFor(const SnapshotRecord& snapshot,
                                           std::vector<std::string> lowers) const {
  const SnapshotLayers layers = {.upper = folders_->Upper(snapshot.number),
                                 .work = folders_->Work(snapshot.number),
                                 .lowers = std::move(lowers)};
  return lacuna::MountsFor(snapshot.info, layers, features_);
}

absl::StatusOr<Snapshotter::Mounts> Snapshotter::Create(SnapshotKind kind, const NewSnapshot& wanted,
                                                        const SnapshotCaller& caller) {
  if (wanted.key.empty()) return absl::InvalidArgumentError("a snapshot needs a key");
  ASSIGN_OR_RETURN(const Chain parents, ParentsOf(wanted.parent));
  ASSIGN_OR_RETURN(std::vector<std::string> lowers, LowersOf(parents, caller));
  SnapshotRecord snapshot{
      .info = {.name = wanted.key, .parent = wanted.parent, .kind = kind, .labels = wanted.labels}};
  ASSIGN_OR_RETURN(const FileOwner owner, RootOwner(wanted.labels, lowers));
  const absl::Status added = Add(snapshot, owner);
  if (added.ok()) return MountsFor(snapshot, std::move(lowers));
  // A parent may have gone meanwhile, before its layers were mounted.
  for (const SnapshotRecord& parent : parents) {
    if (absl::IsNotFound(added) && parent.remote.has_value()) Discard(parent.number);
  }
  return added;
}

absl::Status Snapshotter::Add(SnapshotRecord& snapshot, const FileOwner& owner) {
  ASSIGN_OR_RETURN(snapshot.number, db_->TakeNumber());
  absl::Status added = folders_->Make(snapshot.number, snapshot.info.kind == SnapshotKind::kActive, owner);
  if (added.ok()) added = db_->Add(snapshot);
  if (!added.ok()) sweeper_.Sweep(snapshot.number);
  return added;
}

absl::StatusOr<Snapshotter::Mounts> Snapshotter::MountsOf(const std::string& key,
                                                          const SnapshotCaller& caller) {
  ASSIGN_OR_RETURN(const Chain chain, db_->Chain(key));
  if (chain.front().info.kind == SnapshotKind::kCommitted) {
    return absl::FailedPreconditionError(
        absl::StrCat("snapshot ", key, " is committed: it has no mounts of its own"));
  }
  ASSIGN_OR_RETURN(std::vector<std::string> lowers, LowersOf({chain.begin() + 1, chain.end()}, caller));
  return MountsFor(chain.front(), std::move(lowers));
}

absl::Status Snapshotter::Commit(const std::string& key, const std::string& name,
                                 const SnapshotLabels& labels, const std::string& parent) {
  if (name.empty()) return absl::InvalidArgumentError("a committed snapshot needs a name");
  ASSIGN_OR_RETURN(const SnapshotRecord active, db_->Get(key));
  SnapshotUsage usage;
  if (active.info.kind == SnapshotKind::kActive) {
    ASSIGN_OR_RETURN(usage, folders_->UsageOf(active.number));
    // What is called committed after a power cut must have its files.
    RETURN_IF_ERROR(folders_->Sync(active.number));
  }
  return db_->Commit(key, name, labels, parent, usage);
}

absl::Status Snapshotter::Remove(const std::string& name) {
  ASSIGN_OR_RETURN(const int64_t number, db_->Remove(name));
  Discard(number);
  return absl::OkStatus();
}

absl::StatusOr<SnapshotInfo> Snapshotter::Stat(const std::string& name) {
  ASSIGN_OR_RETURN(SnapshotRecord snapshot, db_->Get(name));
  return std::move(snapshot.info);
}

absl::StatusOr<SnapshotInfo> Snapshotter::Update(const SnapshotInfo& snapshot,
                                                 const std::vector<std::string>& paths) {
  RETURN_IF_ERROR(CheckPaths(snapshot, paths));
  return db_->UpdateLabels(snapshot.name, [&](SnapshotLabels& labels) {
    if (paths.empty()) labels = snapshot.labels;
    for (absl::string_view path : paths) {
      if (!absl::ConsumePrefix(&path, "labels.")) {
        labels = snapshot.labels;
        continue;
      }
      const auto label = snapshot.labels.find(std::string(path));
      labels[std::string(path)] = label == snapshot.labels.end() ? "" : label->second;
    }
  });
}

absl::Status Snapshotter::List(const std::vector<std::string>& filters,
                               absl::FunctionRef<bool(const SnapshotInfo&)> visit) {
  ASSIGN_OR_RETURN(const SnapshotFilter filter, SnapshotFilter::Parse(filters));
  ASSIGN_OR_RETURN(const std::vector<SnapshotRecord> all, db_->All());
  for (const SnapshotRecord& snapshot : all) {
    if (filter.Matches(snapshot.info) && !visit(snapshot.info)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<SnapshotUsage> Snapshotter::Usage(const std::string& name) {
  ASSIGN_OR_RETURN(const SnapshotRecord snapshot, db_->Get(name));
  if (snapshot.remote.has_value()) return layers_.UsageOf(*snapshot.remote);
  if (snapshot.info.kind != SnapshotKind::kActive) return snapshot.usage;
  return folders_->UsageOf(snapshot.number);
}

}  // namespace lacuna
