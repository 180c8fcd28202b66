#include "daemon/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace lacuna {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

spdlog::logger& Logger() {
  // Never destroyed: threads may still log while statics are torn down.
  static spdlog::logger& logger = *[] {
    auto* created = new spdlog::logger("lacuna", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    created->flush_on(spdlog::level::debug);
    return created;
  }();
  return logger;
}

}  // namespace

absl::Status SetLogLevel(absl::string_view name) {
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    static constexpr absl::string_view kNames[] = {"debug", "info", "warning", "error"};
    if (name != kNames[static_cast<int>(level)]) continue;
    Logger().set_level(ToSpdlog(level));
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("log level '", name, "' is none of debug, info, warning, error"));
}

bool LogEnabled(LogLevel level) {
  return Logger().should_log(ToSpdlog(level));
}

void LogLine(LogLevel level, const std::string& line) {
  Logger().log(ToSpdlog(level), "{}", line);
}

}  // namespace lacuna
