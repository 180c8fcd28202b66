// Any text is a filter that matches or not, or an error.
#include <cstddef>
#include <cstdint>

#include "daemon/snapshotter/snapshot_filter.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<lacuna::SnapshotFilter> filter = lacuna::SnapshotFilter::Parse({text});
  if (filter.ok()) filter->Matches({.name = "name", .parent = "parent", .labels = {{"a.b", "c"}, {"d", ""}}});
  return 0;
}
