#include "daemon/snapshotter/snapshot_db.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/base/status.h"
#include "daemon/snapshotter/snapshot_db_schema.h"

namespace lacuna {
namespace {

constexpr char kSettings[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";

// What RecordOf reads.
constexpr absl::string_view kQuery =
    "SELECT snapshots.number, snapshots.name, ifnull(parents.name, ''), snapshots.kind, snapshots.created, "
    "snapshots.updated, snapshots.bytes, snapshots.inodes, snapshots.reference, snapshots.manifest_digest, "
    "snapshots.layers, snapshots.is_whole, snapshots.highest_layer FROM snapshots "
    "LEFT JOIN snapshots AS parents ON parents.number = snapshots.parent ";

absl::StatusOr<SnapshotKind> RecordedKind(int64_t number) {
  const auto kind = static_cast<SnapshotKind>(number);
  if (kind == SnapshotKind::kView || kind == SnapshotKind::kActive || kind == SnapshotKind::kCommitted) {
    return kind;
  }
  return absl::DataLossError(absl::StrCat("a snapshot of the kind ", number, " is recorded"));
}

absl::StatusOr<std::optional<RemoteLayers>> RecordedRemote(const SqliteStatement& row) {
  if (row.Text(8).empty()) return std::nullopt;
  RemoteLayers remote{
      .reference = row.Text(8), .count = static_cast<uint32_t>(row.Number(10)), .whole = row.Number(11) != 0};
  ASSIGN_OR_RETURN(remote.manifest_digest, row.DigestIn(9));
  ASSIGN_OR_RETURN(remote.highest, row.DigestIn(12));
  return remote;
}

void Bind(const std::optional<RemoteLayers>& layers, SqliteStatement& insert) {
  const RemoteLayers remote = layers.value_or(RemoteLayers());
  insert.Bind(remote.reference).Bind(layers.has_value() ? remote.manifest_digest.ToString() : "");
  insert.Bind(int64_t{remote.count}).Bind(int64_t{remote.whole});
  insert.Bind(layers.has_value() ? remote.highest.ToString() : "");
}

// Without its labels.
absl::StatusOr<SnapshotRecord> RecordOf(const SqliteStatement& row) {
  SnapshotRecord record{.number = row.Number(0),
                        .info = {.name = row.Text(1),
                                 .parent = row.Text(2),
                                 .created_unix_nanoseconds = row.Number(4),
                                 .updated_unix_nanoseconds = row.Number(5)},
                        .usage = {.bytes = row.Number(6), .inodes = row.Number(7)}};
  ASSIGN_OR_RETURN(record.info.kind, RecordedKind(row.Number(3)));
  ASSIGN_OR_RETURN(record.remote, RecordedRemote(row));
  return record;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SnapshotDb>> SnapshotDb::Open(const std::string& path) {
  DiskReserve reserve(absl::StrCat(path, ".reserve"));
  absl::StatusOr<SqliteConnection> connection = OpenFile(path);
  if (absl::IsResourceExhausted(connection.status()) && reserve.GiveUp()) connection = OpenFile(path);
  if (!connection.ok()) return connection.status();
  reserve.Keep();
  std::unique_ptr<SnapshotDb> db(new SnapshotDb(*std::move(connection), std::move(reserve)));
  RETURN_IF_ERROR(db->All().status());  // now, while there is somebody to tell
  return db;
}

absl::StatusOr<SqliteConnection> SnapshotDb::OpenFile(const std::string& path) {
  ASSIGN_OR_RETURN(SqliteConnection connection, SqliteConnection::Open(path));
  RETURN_IF_ERROR(MigrateSqlite(connection, path, kSnapshotDbSchema));
  RETURN_IF_ERROR(connection.Execute(kSettings));
  return connection;
}

absl::StatusOr<int64_t> SnapshotDb::TakeNumber() {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(connection_.Execute("INSERT INTO leftovers DEFAULT VALUES"));
  return connection_.QueryNumber("SELECT last_insert_rowid()");
}

absl::Status SnapshotDb::ReturnNumber(int64_t number) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Settle(number));
  reserve_.Keep();  // there is more place now
  return absl::OkStatus();
}

absl::Status SnapshotDb::Settle(int64_t number) {
  ASSIGN_OR_RETURN(SqliteStatement remove, connection_.Prepare("DELETE FROM leftovers WHERE number = ?"));
  return remove.Bind(number).Run();
}

absl::StatusOr<std::vector<int64_t>> SnapshotDb::Leftovers() {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteStatement query,
                   connection_.Prepare("SELECT number FROM leftovers ORDER BY number"));
  std::vector<int64_t> numbers;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return numbers;
    numbers.push_back(query.Number(0));
  }
}

absl::Status SnapshotDb::CheckFree(absl::string_view name) {
  const absl::Status found = Find(name).status();
  if (absl::IsNotFound(found)) return absl::OkStatus();
  return found.ok() ? absl::AlreadyExistsError(absl::StrCat("snapshot ", name, " already exists")) : found;
}

absl::Status SnapshotDb::CheckParent(absl::string_view name) {
  if (name.empty()) return absl::OkStatus();
  const absl::StatusOr<SnapshotRecord> parent = Find(name);
  if (!parent.ok()) return Annotate(parent.status(), "parent");
  if (parent->info.kind == SnapshotKind::kCommitted) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("parent: snapshot ", name, " is not committed"));
}

absl::Status SnapshotDb::Add(const SnapshotRecord& snapshot) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(connection_));
  RETURN_IF_ERROR(CheckFree(snapshot.info.name));
  RETURN_IF_ERROR(CheckParent(snapshot.info.parent));
  ASSIGN_OR_RETURN(
      SqliteStatement insert,
      connection_.Prepare(
          "INSERT INTO snapshots VALUES "
          "(?, ?, (SELECT number FROM snapshots WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  const int64_t now = absl::GetCurrentTimeNanos();
  insert.Bind(snapshot.number).Bind(snapshot.info.name).Bind(snapshot.info.parent);
  insert.Bind(static_cast<int64_t>(snapshot.info.kind)).Bind(now).Bind(now);
  insert.Bind(snapshot.usage.bytes).Bind(snapshot.usage.inodes);
  Bind(snapshot.remote, insert);
  RETURN_IF_ERROR(insert.Run());
  RETURN_IF_ERROR(SetLabels(snapshot.number, snapshot.info.labels));
  RETURN_IF_ERROR(Settle(snapshot.number));
  return transaction.Commit();
}

absl::Status SnapshotDb::Commit(absl::string_view key, const std::string& name, const SnapshotLabels& labels,
                                absl::string_view parent, const SnapshotUsage& usage) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(connection_));
  RETURN_IF_ERROR(CheckFree(name));
  ASSIGN_OR_RETURN(const SnapshotRecord active, Find(key));
  if (active.info.kind != SnapshotKind::kActive) {
    return absl::FailedPreconditionError(absl::StrCat("snapshot ", key, " is not active"));
  }
  if (parent.empty()) parent = active.info.parent;
  if (!active.info.parent.empty() && parent != active.info.parent) {
    return absl::InvalidArgumentError(
        absl::StrCat("snapshot ", key, " has another parent: ", active.info.parent));
  }
  RETURN_IF_ERROR(CheckParent(parent));
  ASSIGN_OR_RETURN(
      SqliteStatement update,
      connection_.Prepare(
          "UPDATE snapshots SET name = ?, parent = (SELECT number FROM snapshots WHERE name = ?), "
          "kind = ?, created = ?, updated = ?, bytes = ?, inodes = ? WHERE number = ?"));
  const int64_t now = absl::GetCurrentTimeNanos();
  update.Bind(name).Bind(parent).Bind(static_cast<int64_t>(SnapshotKind::kCommitted)).Bind(now).Bind(now);
  RETURN_IF_ERROR(update.Bind(usage.bytes).Bind(usage.inodes).Bind(active.number).Run());
  RETURN_IF_ERROR(SetLabels(active.number, labels));
  return transaction.Commit();
}

absl::StatusOr<int64_t> SnapshotDb::Remove(absl::string_view name) {
  MutexLock lock(mutex_);
  absl::StatusOr<int64_t> number = RemoveNow(name);
  if (absl::IsResourceExhausted(number.status()) && reserve_.GiveUp()) return RemoveNow(name);
  return number;
}

absl::StatusOr<int64_t> SnapshotDb::RemoveNow(absl::string_view name) {
  ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(connection_));
  ASSIGN_OR_RETURN(const SnapshotRecord snapshot, Find(name));
  ASSIGN_OR_RETURN(SqliteStatement child,
                   connection_.Prepare("SELECT name FROM snapshots WHERE parent = ? LIMIT 1"));
  ASSIGN_OR_RETURN(const bool is_parent, child.Bind(snapshot.number).Step());
  if (is_parent) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot remove snapshot ", name, ": it is the parent of ", child.Text(0)));
  }
  ASSIGN_OR_RETURN(SqliteStatement remove, connection_.Prepare("DELETE FROM snapshots WHERE number = ?"));
  RETURN_IF_ERROR(remove.Bind(snapshot.number).Run());
  ASSIGN_OR_RETURN(SqliteStatement note, connection_.Prepare("INSERT INTO leftovers VALUES (?)"));
  RETURN_IF_ERROR(note.Bind(snapshot.number).Run());
  RETURN_IF_ERROR(transaction.Commit());
  return snapshot.number;
}

absl::StatusOr<SnapshotInfo> SnapshotDb::UpdateLabels(absl::string_view name,
                                                      absl::FunctionRef<void(SnapshotLabels&)> change) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(connection_));
  ASSIGN_OR_RETURN(SnapshotRecord snapshot, Find(name));
  change(snapshot.info.labels);
  ASSIGN_OR_RETURN(SqliteStatement update,
                   connection_.Prepare("UPDATE snapshots SET updated = ? WHERE number = ?"));
  RETURN_IF_ERROR(update.Bind(absl::GetCurrentTimeNanos()).Bind(snapshot.number).Run());
  RETURN_IF_ERROR(SetLabels(snapshot.number, snapshot.info.labels));
  ASSIGN_OR_RETURN(snapshot, Find(name));
  RETURN_IF_ERROR(transaction.Commit());
  return std::move(snapshot.info);
}

absl::Status SnapshotDb::SetLabels(int64_t number, const SnapshotLabels& labels) {
  ASSIGN_OR_RETURN(SqliteStatement clear, connection_.Prepare("DELETE FROM labels WHERE number = ?"));
  RETURN_IF_ERROR(clear.Bind(number).Run());
  ASSIGN_OR_RETURN(SqliteStatement insert, connection_.Prepare("INSERT INTO labels VALUES (?, ?, ?)"));
  for (const auto& [label, value] : labels) {
    if (value.empty()) continue;
    insert.Reset();
    RETURN_IF_ERROR(insert.Bind(number).Bind(label).Bind(value).Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<SnapshotLabels> SnapshotDb::LabelsOf(int64_t number) {
  ASSIGN_OR_RETURN(SqliteStatement query,
                   connection_.Prepare("SELECT label, value FROM labels WHERE number = ?"));
  query.Bind(number);
  SnapshotLabels labels;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return labels;
    labels[query.Text(0)] = query.Text(1);
  }
}

absl::StatusOr<SnapshotRecord> SnapshotDb::Find(absl::string_view name) {
  ASSIGN_OR_RETURN(SqliteStatement query,
                   connection_.Prepare(absl::StrCat(kQuery, "WHERE snapshots.name = ?")));
  ASSIGN_OR_RETURN(const bool row, query.Bind(name).Step());
  if (!row) return absl::NotFoundError(absl::StrCat("snapshot ", name, " does not exist"));
  ASSIGN_OR_RETURN(SnapshotRecord snapshot, RecordOf(query));
  ASSIGN_OR_RETURN(snapshot.info.labels, LabelsOf(snapshot.number));
  return snapshot;
}

absl::StatusOr<SnapshotRecord> SnapshotDb::Get(absl::string_view name) {
  MutexLock lock(mutex_);
  return Find(name);
}

absl::StatusOr<std::vector<SnapshotRecord>> SnapshotDb::Chain(absl::string_view name) {
  MutexLock lock(mutex_);
  std::vector<SnapshotRecord> chain;
  std::string next(name);
  do {
    ASSIGN_OR_RETURN(SnapshotRecord snapshot, Find(next));
    next = snapshot.info.parent;
    chain.push_back(std::move(snapshot));
  } while (!next.empty());
  return chain;
}

absl::StatusOr<std::vector<SnapshotRecord>> SnapshotDb::All() {
  MutexLock lock(mutex_);
  std::map<int64_t, SnapshotLabels> labels;
  ASSIGN_OR_RETURN(SqliteStatement pairs, connection_.Prepare("SELECT number, label, value FROM labels"));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, pairs.Step());
    if (!row) break;
    labels[pairs.Number(0)][pairs.Text(1)] = pairs.Text(2);
  }
  ASSIGN_OR_RETURN(SqliteStatement query,
                   connection_.Prepare(absl::StrCat(kQuery, "ORDER BY snapshots.name")));
  std::vector<SnapshotRecord> all;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return all;
    ASSIGN_OR_RETURN(SnapshotRecord snapshot, RecordOf(query));
    snapshot.info.labels = std::move(labels[snapshot.number]);
    all.push_back(std::move(snapshot));
  }
}

absl::StatusOr<bool> SnapshotDb::HasCommitted(absl::string_view parent, absl::string_view label,
                                              absl::string_view value) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(
      SqliteStatement query,
      connection_.Prepare("SELECT 1 FROM snapshots JOIN labels ON labels.number = snapshots.number "
                          "LEFT JOIN snapshots AS parents ON parents.number = snapshots.parent "
                          "WHERE ifnull(parents.name, '') = ? AND label = ? AND value = ? "
                          "AND snapshots.kind = ? LIMIT 1"));
  query.Bind(parent).Bind(label).Bind(value).Bind(static_cast<int64_t>(SnapshotKind::kCommitted));
  return query.Step();
}

}  // namespace lacuna
