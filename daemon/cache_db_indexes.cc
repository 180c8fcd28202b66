// CacheDb's part about which indexes of layers can be trusted.
#include "daemon/base/status.h"
#include "daemon/cache_db.h"
#include "daemon/cache_db_schema.h"

namespace lacuna {

absl::StatusOr<std::optional<bool>> CacheDb::JudgementOf(const Digest& index) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteStatement query,
                   connection_.Prepare("SELECT is_right FROM layer_indexes WHERE digest = ?"));
  query.Bind(index.ToString());
  ASSIGN_OR_RETURN(const bool row, query.Step());
  return row ? std::make_optional(query.Number(0) != 0) : std::nullopt;
}

absl::StatusOr<std::optional<Digest>> CacheDb::RightIndexOf(const Digest& layer) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(
      SqliteStatement query,
      connection_.Prepare("SELECT digest FROM layer_indexes WHERE layer = ? AND is_right ORDER BY digest"));
  query.Bind(layer.ToString());
  ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return std::nullopt;
  ASSIGN_OR_RETURN(Digest digest, query.DigestIn(0));
  return digest;
}

absl::Status CacheDb::CheckJudgements() {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteStatement query, connection_.Prepare("SELECT digest, layer FROM layer_indexes"));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return absl::OkStatus();
    RETURN_IF_ERROR(query.DigestIn(0).status());
    RETURN_IF_ERROR(query.DigestIn(1).status());
  }
}

absl::Status CacheDb::Judge(const Digest& index, const Digest& layer, bool right) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteStatement insert,
                   connection_.Prepare("INSERT OR REPLACE INTO layer_indexes VALUES (?, ?, ?)"));
  return insert.Bind(index.ToString()).Bind(layer.ToString()).Bind(int64_t{right}).Run();
}

}  // namespace lacuna
