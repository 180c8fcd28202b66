#include "daemon/base/sqlite_schema.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

absl::Status CheckWhole(SqliteConnection& connection) {
  // Not quick_check, which leaves out whether the indexes match: a write would find out, too late.
  ASSIGN_OR_RETURN(SqliteStatement check, connection.Prepare("PRAGMA integrity_check(1)"));
  ASSIGN_OR_RETURN(const bool row, check.Step());
  if (row && check.Text(0) == "ok") return absl::OkStatus();
  return absl::DataLossError(row ? absl::StrReplaceAll(check.Text(0), {{"\n", " "}})
                                 : "no answer to a check");
}

// Under its name only when it is whole.
absl::Status Copy(SqliteConnection& connection, const std::string& to) {
  const std::string part = absl::StrCat(to, ".part");
  if (unlink(part.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, absl::StrCat("remove ", part));
  ASSIGN_OR_RETURN(SqliteStatement copy, connection.Prepare("VACUUM INTO ?"));
  RETURN_IF_ERROR(copy.Bind(part).Run());
  if (rename(part.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("rename ", part));
}

}  // namespace

absl::Status MigrateSqlite(SqliteConnection& connection, const std::string& path,
                           const SqliteSchema& schema) {
  const auto newest = static_cast<int64_t>(schema.migrations.size());
  ASSIGN_OR_RETURN(const int64_t version, connection.QueryNumber("PRAGMA user_version"));
  if (version > newest) {
    return absl::FailedPreconditionError(absl::StrCat(path, " was written by a newer lacuna (schema ",
                                                      version, ", this one knows ", newest, "): run that one",
                                                      schema.way_back));
  }
  if (version < 0) return absl::DataLossError(absl::StrCat("schema version ", version));
  RETURN_IF_ERROR(CheckWhole(connection));
  if (schema.keeps_copies && version > 0 && version < newest) {
    RETURN_IF_ERROR(Copy(connection, absl::StrCat(path, ".v", version)));
  }
  ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(connection));
  for (int64_t i = version; i < newest; ++i) {
    RETURN_IF_ERROR(connection.Execute(std::string(schema.migrations[static_cast<size_t>(i)])));
  }
  // Also where it stays the same: it shows whether the file can be written.
  RETURN_IF_ERROR(connection.Execute(absl::StrCat("PRAGMA user_version = ", newest)));
  // Which takes place on the disk, and there may be none.
  return version == newest ? absl::OkStatus() : transaction.Commit();
}

}  // namespace lacuna
