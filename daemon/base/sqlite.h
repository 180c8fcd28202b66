// SQLite behind three small types: a connection, a prepared statement, a transaction. Nothing else of SQLite
// is seen outside sqlite.cc.
//
// A connection and what is made from it are used by one thread at a time, and the connection outlives them.
//
// Errors: DataLoss when the file is damaged or is not what its statements expect, PermissionDenied when it
// cannot be written, ResourceExhausted when the disk is full, Internal for the rest.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/digest.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lacuna {

class SqliteStatement {
 public:
  // Binds the next parameter, from the first on. An error is reported by the next Step or Run.
  SqliteStatement& Bind(absl::string_view text);
  SqliteStatement& Bind(int64_t number);

  // Advances to the next row; false when there is none.
  absl::StatusOr<bool> Step();
  // Runs a statement that gives no rows.
  absl::Status Run();
  // Makes ready for new parameters and another run.
  void Reset();

  // Columns of the current row, from 0.
  std::string Text(int column) const;
  int64_t Number(int column) const;
  // DataLoss for what is none.
  absl::StatusOr<Digest> DigestIn(int column) const;

 private:
  friend class SqliteConnection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
  int bind_error_ = 0;  // the first; 0 is SQLITE_OK
};

class SqliteConnection {
 public:
  // Opens the file for reading and writing, or makes it. Most kinds of damage show only when it is used.
  static absl::StatusOr<SqliteConnection> Open(const std::string& path);

  absl::StatusOr<SqliteStatement> Prepare(absl::string_view sql);
  // Runs one or more statements without parameters.
  absl::Status Execute(const std::string& sql);
  // The single number that `sql` yields, e.g. of a PRAGMA; DataLoss when it yields none.
  absl::StatusOr<int64_t> QueryNumber(absl::string_view sql);

 private:
  friend class SqliteStatement;
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  explicit SqliteConnection(sqlite3* connection) : connection_(connection) {}

  std::unique_ptr<sqlite3, Close> connection_;
};

// All or nothing: rolled back when destroyed before Commit.
class SqliteTransaction {
 public:
  // A write transaction.
  static absl::StatusOr<SqliteTransaction> Begin(SqliteConnection& connection);
  SqliteTransaction(SqliteTransaction&& other) noexcept;
  SqliteTransaction& operator=(SqliteTransaction&&) = delete;
  ~SqliteTransaction();

  absl::Status Commit();

 private:
  explicit SqliteTransaction(SqliteConnection& connection) : connection_(&connection) {}

  SqliteConnection* connection_;  // null when committed or moved from
};

}  // namespace lacuna
