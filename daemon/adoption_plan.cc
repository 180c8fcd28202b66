#include "daemon/adoption_plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

// What is mounted under `mounts_dir`: devices by mount point.
std::map<std::string, std::string> FileSystemsUnder(const std::string& mounts_dir,
                                                    const std::vector<MountEntry>& entries) {
  std::map<std::string, std::string> devices;
  for (const MountEntry& entry : entries) {
    if (entry.type != "erofs" || !absl::StartsWith(entry.directory, absl::StrCat(mounts_dir, "/"))) continue;
    devices[entry.directory] = entry.device;
  }
  return devices;
}

}  // namespace

AdoptionPlan PlanAdoption(RecordedMounts recorded, const std::vector<MountEntry>& entries,
                          const std::string& mounts_dir, const std::string& boot_id) {
  const std::map<std::string, std::string> found = FileSystemsUnder(mounts_dir, entries);
  std::set<std::pair<std::string, std::string>> shown;  // directory and device
  for (const MountEntry& entry : entries) shown.emplace(entry.directory, entry.device);

  AdoptionPlan plan;
  for (const auto& [mount_point, device] : found) plan.unknown.insert(device);
  std::map<std::string, AdoptionPlan::FileSystem> known;  // by mount point
  for (FileSystemRecord& record : recorded.file_systems) {
    if (record.boot_id != boot_id) {
      plan.outdated.push_back(record.mount_point);
      continue;
    }
    const auto mounted = found.find(record.mount_point);
    const std::string device = mounted == found.end() ? "" : mounted->second;
    plan.unknown.erase(device);
    const std::string mount_point = record.mount_point;
    known[mount_point] = {std::move(record), device, {}};
  }
  for (MountRecord& mount : recorded.mounts) {
    const auto file_system = known.find(mount.file_system);
    if (file_system != known.end() && shown.contains({mount.directory, file_system->second.device})) {
      file_system->second.mounts.push_back(std::move(mount));
    } else {
      plan.vanished.push_back(std::move(mount.directory));
    }
  }
  for (auto& [mount_point, file_system] : known) plan.file_systems.push_back(std::move(file_system));
  std::stable_partition(plan.file_systems.begin(), plan.file_systems.end(),
                        [](const auto& file_system) { return !file_system.device.empty(); });
  return plan;
}

}  // namespace lacuna
