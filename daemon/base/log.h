// The log: one line per event, to stderr (journald adds the rest). Only log.cc knows spdlog.
//
// Thread-safe. Never log a credential, a URL's query or userinfo.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace lacuna {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning", "error"; InvalidArgument for anything else.
absl::Status SetLogLevel(absl::string_view name);
bool LogEnabled(LogLevel level);
void LogLine(LogLevel level, const std::string& line);

// LogInfo("mounted ", reference, " at ", path): pieces as for absl::StrCat, joined only when the level is on.
template <typename... Pieces>
void LogDebug(const Pieces&... pieces) {
  if (LogEnabled(LogLevel::kDebug)) LogLine(LogLevel::kDebug, absl::StrCat(pieces...));
}
template <typename... Pieces>
void LogInfo(const Pieces&... pieces) {
  if (LogEnabled(LogLevel::kInfo)) LogLine(LogLevel::kInfo, absl::StrCat(pieces...));
}
template <typename... Pieces>
void LogWarning(const Pieces&... pieces) {
  if (LogEnabled(LogLevel::kWarning)) LogLine(LogLevel::kWarning, absl::StrCat(pieces...));
}
template <typename... Pieces>
void LogError(const Pieces&... pieces) {
  if (LogEnabled(LogLevel::kError)) LogLine(LogLevel::kError, absl::StrCat(pieces...));
}

}  // namespace lacuna
