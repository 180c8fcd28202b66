// What a daemon that takes over makes of its records and the mount table.
#include "daemon/adoption_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lacuna {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

FileSystemRecord FileSystem(const std::string& mount_point, const std::string& boot_id = "now") {
  return {.mount_point = mount_point, .reference = "image", .boot_id = boot_id};
}

MountRecord Mount(const std::string& directory, const std::string& file_system) {
  return {.directory = directory, .file_system = file_system};
}

MountEntry Erofs(const std::string& device, const std::string& directory) {
  return {.device = device, .directory = directory, .type = "erofs", .source = "x"};
}

AdoptionPlan Plan(RecordedMounts recorded, const std::vector<MountEntry>& entries) {
  return PlanAdoption(std::move(recorded), entries, "/run/mounts", "now");
}

TEST(AdoptionPlan, AFileSystemHasItsDeviceAndTheMountsThatShowIt) {
  const AdoptionPlan plan = Plan({{FileSystem("/run/mounts/1")},
                                  {Mount("/a", "/run/mounts/1"), Mount("/b", "/run/mounts/1"),
                                   Mount("/c", "/run/mounts/1"), Mount("/d", "/run/mounts/1")}},
                                 {Erofs("0:1", "/run/mounts/1"), Erofs("0:1", "/a"), Erofs("0:2", "/b"),
                                  Erofs("0:1", "/c"), Erofs("0:9", "/c")});
  ASSERT_THAT(plan.file_systems, SizeIs(1));
  EXPECT_EQ(plan.file_systems[0].record, FileSystem("/run/mounts/1"));
  EXPECT_EQ(plan.file_systems[0].device, "0:1");
  EXPECT_THAT(plan.file_systems[0].mounts,
              ElementsAre(Mount("/a", "/run/mounts/1"), Mount("/c", "/run/mounts/1")));
  EXPECT_THAT(plan.vanished, ElementsAre("/b", "/d"));
  EXPECT_THAT(plan.unknown, IsEmpty()) << "nothing outside our folder is ours";
  EXPECT_THAT(plan.outdated, IsEmpty());
}

TEST(AdoptionPlan, WhatIsMountedComesBeforeWhatIsDetached) {
  const AdoptionPlan plan =
      Plan({{FileSystem("/run/mounts/1"), FileSystem("/run/mounts/2")}, {Mount("/a", "/run/mounts/1")}},
           {Erofs("0:2", "/run/mounts/2"), Erofs("0:1", "/a")});
  ASSERT_THAT(plan.file_systems, SizeIs(2));
  EXPECT_EQ(plan.file_systems[0].record.mount_point, "/run/mounts/2");
  EXPECT_EQ(plan.file_systems[1].device, "");
  EXPECT_THAT(plan.file_systems[1].mounts, IsEmpty());
  EXPECT_THAT(plan.vanished, ElementsAre("/a"));
}

TEST(AdoptionPlan, WhatIsMountedAndNotRecordedIsUnknown) {
  MountEntry other_type = Erofs("0:4", "/run/mounts/4");
  other_type.type = "tmpfs";
  const AdoptionPlan plan =
      Plan({{FileSystem("/run/mounts/1"), FileSystem("/run/mounts/2", "another boot")},
            {Mount("/a", "/run/mounts/2"), Mount("/b", "/run/mounts/nowhere")}},
           {Erofs("0:1", "/run/mounts/1"), Erofs("0:1", "/run/mounts/bound"), Erofs("0:2", "/run/mounts/2"),
            Erofs("0:2", "/a"), Erofs("0:3", "/run/mounts/3"), other_type, Erofs("0:5", "/run/mountsx")});
  ASSERT_THAT(plan.file_systems, SizeIs(1));
  EXPECT_THAT(plan.outdated, ElementsAre("/run/mounts/2"));
  EXPECT_THAT(plan.vanished, ElementsAre("/a", "/b"));
  EXPECT_THAT(plan.unknown, ElementsAre("0:2", "0:3"));
}

}  // namespace
}  // namespace lacuna
