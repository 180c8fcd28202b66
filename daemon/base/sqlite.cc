#include "daemon/base/sqlite.h"

#include <sqlite3.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// How long to wait for a person who looks into the file with another program.
constexpr int kBusyTimeoutMilliseconds = 2000;

// `sqlite_code` is extended: https://sqlite.org/rescode.html
absl::StatusCode CodeOf(int sqlite_code) {
  // A file that the disk lets us write (Open has asked) and whose header forbids it.
  if (sqlite_code == SQLITE_READONLY) return absl::StatusCode::kDataLoss;
  // No place for the memory that connections share, which is a file.
  if (sqlite_code == SQLITE_IOERR_SHMSIZE) return absl::StatusCode::kResourceExhausted;
  switch (sqlite_code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:  // no such table: somebody else's file, or a damaged schema
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:
      return absl::StatusCode::kDataLoss;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return absl::StatusCode::kPermissionDenied;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kInternal;
  }
}

// The error of the last call.
absl::Status Error(sqlite3* connection) {
  const char* file = sqlite3_db_filename(connection, "main");
  return {CodeOf(sqlite3_extended_errcode(connection)),
          absl::StrCat("database ", file == nullptr ? "" : file, ": ", sqlite3_errmsg(connection))};
}

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqliteStatement& SqliteStatement::Bind(absl::string_view text) {
  const int code = sqlite3_bind_text64(statement_.get(), ++bound_, text.data(), text.size(), SQLITE_TRANSIENT,
                                       SQLITE_UTF8);
  if (bind_error_ == SQLITE_OK) bind_error_ = code;
  return *this;
}

SqliteStatement& SqliteStatement::Bind(int64_t number) {
  const int code = sqlite3_bind_int64(statement_.get(), ++bound_, number);
  if (bind_error_ == SQLITE_OK) bind_error_ = code;
  return *this;
}

absl::StatusOr<bool> SqliteStatement::Step() {
  sqlite3* const connection = sqlite3_db_handle(statement_.get());
  if (bind_error_ != SQLITE_OK) {
    return absl::Status(CodeOf(bind_error_), absl::StrCat("bind: ", sqlite3_errstr(bind_error_)));
  }
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return Error(connection);
}

absl::Status SqliteStatement::Run() {
  return Step().status();
}

void SqliteStatement::Reset() {
  sqlite3_reset(statement_.get());
  bound_ = 0;
  bind_error_ = SQLITE_OK;
}

std::string SqliteStatement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return "";
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

int64_t SqliteStatement::Number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

absl::StatusOr<Digest> SqliteStatement::DigestIn(int column) const {
  absl::StatusOr<Digest> digest = Digest::Parse(Text(column));
  return digest.ok() ? digest : absl::DataLossError(digest.status().message());
}

void SqliteConnection::Close::operator()(sqlite3* connection) const {
  sqlite3_close(connection);
}

absl::StatusOr<SqliteConnection> SqliteConnection::Open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  SqliteConnection connection(raw);
  if (raw == nullptr) return absl::ResourceExhaustedError("no memory for a database connection");
  if (code != SQLITE_OK) {
    return absl::Status(CodeOf(code), absl::StrCat("open database ", path, ": ", sqlite3_errmsg(raw)));
  }
  // SQLite falls back to reading where it may not write.
  if (sqlite3_db_readonly(raw, "main") == 1) {
    return absl::PermissionDeniedError(absl::StrCat("database ", path, " cannot be written"));
  }
  sqlite3_busy_timeout(raw, kBusyTimeoutMilliseconds);
  return connection;
}

absl::StatusOr<SqliteStatement> SqliteConnection::Prepare(absl::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return Error(connection_.get());
  return SqliteStatement(statement);
}

absl::Status SqliteConnection::Execute(const std::string& sql) {
  const int code = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(connection_.get());
}

absl::StatusOr<int64_t> SqliteConnection::QueryNumber(absl::string_view sql) {
  ASSIGN_OR_RETURN(SqliteStatement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::DataLossError(absl::StrCat(sql, ": no answer"));
  return statement.Number(0);
}

absl::StatusOr<SqliteTransaction> SqliteTransaction::Begin(SqliteConnection& connection) {
  RETURN_IF_ERROR(connection.Execute("BEGIN IMMEDIATE"));
  return SqliteTransaction(connection);
}

SqliteTransaction::SqliteTransaction(SqliteTransaction&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)) {}

SqliteTransaction::~SqliteTransaction() {
  if (connection_ != nullptr) connection_->Execute("ROLLBACK").IgnoreError();
}

absl::Status SqliteTransaction::Commit() {
  RETURN_IF_ERROR(connection_->Execute("COMMIT"));
  connection_ = nullptr;
  return absl::OkStatus();
}

}  // namespace lacuna
