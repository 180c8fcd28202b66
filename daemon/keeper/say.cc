#include "daemon/keeper/say.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <ctime>

namespace lacuna {
namespace {

constexpr const char* kNames[] = {"info", "warning", "error"};

}  // namespace

void Say(Tone tone, const char* format, ...) {
  std::array<char, 500> line;
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  tm local = {};
  localtime_r(&now.tv_sec, &local);
  size_t size = std::strftime(line.data(), line.size(), "%Y-%m-%dT%H:%M:%S", &local);
  std::array<char, 8> zone = {};
  std::strftime(zone.data(), zone.size(), "%z", &local);
  size += std::snprintf(&line[size], line.size() - size, ".%03ld%.3s:%s %s keeper: ", now.tv_nsec / 1'000'000,
                        zone.data(), &zone[3], kNames[static_cast<int>(tone)]);
  va_list arguments;
  va_start(arguments, format);
  const int text = std::vsnprintf(&line[size], line.size() - size, format, arguments);
  va_end(arguments);
  size = std::min(size + static_cast<size_t>(std::max(text, 0)), line.size() - 1);
  line[size++] = '\n';
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), size);
}

}  // namespace lacuna
