#include "daemon/snapshotter/snapshot_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The names of those among a few snapshots that match.
std::vector<std::string> Matching(const std::vector<std::string>& filters) {
  const SnapshotInfo snapshots[] = {
      {.name = "base", .kind = SnapshotKind::kCommitted, .labels = {{"a.b/c", "1"}, {"kind", "x,y"}}},
      {.name = "child", .parent = "base", .kind = SnapshotKind::kActive, .labels = {{"a.b/c", "12"}}},
      {.name = "look", .parent = "base", .kind = SnapshotKind::kView}};
  const absl::StatusOr<SnapshotFilter> filter = SnapshotFilter::Parse(filters);
  EXPECT_TRUE(filter.ok()) << filter.status();
  std::vector<std::string> names;
  for (const SnapshotInfo& snapshot : snapshots) {
    if (filter.ok() && filter->Matches(snapshot)) names.push_back(snapshot.name);
  }
  return names;
}

TEST(SnapshotFilter, NoFilterMatchesEverything) {
  EXPECT_THAT(Matching({}), ElementsAre("base", "child", "look"));
  EXPECT_THAT(Matching({""}), ElementsAre("base", "child", "look"));
}

TEST(SnapshotFilter, FieldsAndTheirValues) {
  EXPECT_THAT(Matching({"name==child"}), ElementsAre("child"));
  EXPECT_THAT(Matching({"parent==base"}), ElementsAre("child", "look"));
  EXPECT_THAT(Matching({"kind==committed"}), ElementsAre("base"));
  EXPECT_THAT(Matching({"kind!=committed"}), ElementsAre("child", "look"));
  EXPECT_THAT(Matching({"kind~=^v"}), ElementsAre("look"));
}

// What containerd itself asks after a Prepare that met AlreadyExists.
TEST(SnapshotFilter, LabelsWithDotsAreQuoted) {
  EXPECT_THAT(Matching({"labels.\"a.b/c\"==1,parent==\"\""}), ElementsAre("base"));
  EXPECT_THAT(Matching({"labels.\"a.b/c\"==12"}), ElementsAre("child"));
  EXPECT_THAT(Matching({"labels.kind==\"x,y\""}), ElementsAre("base"));
}

TEST(SnapshotFilter, PresenceAndAbsence) {
  EXPECT_THAT(Matching({"labels.\"a.b/c\""}), ElementsAre("base", "child"));
  EXPECT_THAT(Matching({"labels.\"a.b/c\"!=1"}), ElementsAre("child", "look"))
      << "also where it is not there";
  EXPECT_THAT(Matching({"parent"}), ElementsAre("base", "child", "look")) << "the field is there, if empty";
  EXPECT_THAT(Matching({"color"}), IsEmpty());
  EXPECT_THAT(Matching({"color==red"}), IsEmpty());
  EXPECT_THAT(Matching({"color!=red"}), ElementsAre("base", "child", "look"));
}

TEST(SnapshotFilter, CommasMeanAndFiltersMeanOr) {
  EXPECT_THAT(Matching({"parent==base,kind==view"}), ElementsAre("look"));
  EXPECT_THAT(Matching({"name==base", "kind==view"}), ElementsAre("base", "look"));
  EXPECT_THAT(Matching({" name == base, kind==committed"}), ElementsAre("base"));
}

TEST(SnapshotFilter, ExpressionsMatchAnywhereAndMayBeQuotedWithSlashes) {
  EXPECT_THAT(Matching({"name~=/^(base|look)$/"}), ElementsAre("base", "look"));
  EXPECT_THAT(Matching({"name~=|il|"}), ElementsAre("child"));
  EXPECT_THAT(Matching({"name~=\"[\""}), IsEmpty()) << "what is no expression matches nothing";
}

TEST(SnapshotFilter, ErrorsShowWhere) {
  const struct {
    const char* filter;
    const char* message;
  } cases[] = {
      {"==a", "filter [ >|< ==a]: a field is expected"},
      {"name=a", "filter [name= >|< a]: ==, != or ~= is expected"},
      {"name==", "filter [name== >|< ]: a value is expected"},
      {"name==a b", "filter [name==a >|<  b]: a comma is expected"},
      {"name==a,", "filter [name==a, >|< ]: a field is expected"},
      {"name==\"a", "the quote is not closed"},
      {"name==\"\\q\"", "what is quoted is no string"},
      {"name==/a/", "only ~= takes / and | for quotes"},
      {"name==.a", "a value is expected"},
      {"labels..a", "a field is expected"},
  };
  for (const auto& [filter, message] : cases) {
    const absl::Status status = SnapshotFilter::Parse({filter}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << filter;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }
}

}  // namespace
}  // namespace lacuna
