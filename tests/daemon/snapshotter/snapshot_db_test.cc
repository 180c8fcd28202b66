#include "daemon/snapshotter/snapshot_db.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SnapshotDbTest : public testing::Test {
 protected:
  SnapshotDbTest() { Reopen(); }

  void Reopen() {
    db_.reset();
    absl::StatusOr<std::unique_ptr<SnapshotDb>> db = SnapshotDb::Open(path_);
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
  }

  absl::Status Add(const std::string& name, const std::string& parent = "",
                   SnapshotKind kind = SnapshotKind::kActive, const SnapshotLabels& labels = {}) {
    const absl::StatusOr<int64_t> number = db_->TakeNumber();
    if (!number.ok()) return number.status();
    return db_->Add(
        {.number = *number, .info = {.name = name, .parent = parent, .kind = kind, .labels = labels}});
  }
  absl::Status AddCommitted(const std::string& name, const std::string& parent = "") {
    const absl::Status added = Add("key of " + name, parent);
    return added.ok() ? db_->Commit("key of " + name, name, {}, "", {}) : added;
  }
  std::vector<std::string> Names() {
    const absl::StatusOr<std::vector<SnapshotRecord>> all = db_->All();
    EXPECT_TRUE(all.ok()) << all.status();
    std::vector<std::string> names;
    for (const SnapshotRecord& snapshot : *all) names.push_back(snapshot.info.name);
    return names;
  }

  const TempDir folder_;
  const std::string path_ = folder_ / "snapshots.db";
  std::unique_ptr<SnapshotDb> db_;
};

TEST_F(SnapshotDbTest, WhatIsAddedIsThereAfterAnotherStart) {
  ASSERT_TRUE(AddCommitted("base").ok());
  ASSERT_TRUE(Add("child", "base", SnapshotKind::kActive, {{"a", "1"}, {"empty", ""}}).ok());
  const absl::StatusOr<SnapshotRecord> before = db_->Get("child");
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_EQ(before->info.parent, "base");
  EXPECT_EQ(before->info.kind, SnapshotKind::kActive);
  EXPECT_EQ(before->info.labels, (SnapshotLabels{{"a", "1"}})) << "a label without a value is none";
  EXPECT_GT(before->info.created_unix_nanoseconds, 1'600'000'000'000'000'000);
  Reopen();
  EXPECT_EQ(db_->Get("child")->info, before->info);
  EXPECT_EQ(db_->Get("child")->number, before->number);
  EXPECT_THAT(Names(), ElementsAre("base", "child"));
}

TEST_F(SnapshotDbTest, NumbersAreLeftoversUntilASnapshotHasThemAndAgainAfterwards) {
  const int64_t first = *db_->TakeNumber();
  EXPECT_THAT(*db_->Leftovers(), ElementsAre(first));
  ASSERT_TRUE(db_->Add({.number = first, .info = {.name = "a"}}).ok());
  EXPECT_THAT(*db_->Leftovers(), IsEmpty());
  EXPECT_EQ(*db_->Remove("a"), first);
  EXPECT_THAT(*db_->Leftovers(), ElementsAre(first));
  ASSERT_TRUE(db_->ReturnNumber(first).ok());
  EXPECT_THAT(*db_->Leftovers(), IsEmpty());
  Reopen();
  EXPECT_GT(*db_->TakeNumber(), first) << "a number is never used twice";
}

TEST_F(SnapshotDbTest, AddMeetsWhatContainerdExpects) {
  ASSERT_TRUE(Add("active").ok());
  EXPECT_EQ(Add("active").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Add("orphan", "nobody").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Add("child", "active").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Names(), ElementsAre("active"));
  EXPECT_EQ(db_->Leftovers()->size(), 3u) << "of those that were not added";
}

TEST_F(SnapshotDbTest, CommitRenamesAndReplacesLabels) {
  ASSERT_TRUE(AddCommitted("base").ok());
  ASSERT_TRUE(Add("key", "base", SnapshotKind::kActive, {{"old", "1"}}).ok());
  ASSERT_TRUE(db_->Commit("key", "name", {{"new", "2"}}, "", {.bytes = 5, .inodes = 6}).ok());
  const absl::StatusOr<SnapshotRecord> committed = db_->Get("name");
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(committed->info.kind, SnapshotKind::kCommitted);
  EXPECT_EQ(committed->info.parent, "base");
  EXPECT_EQ(committed->info.labels, (SnapshotLabels{{"new", "2"}}));
  EXPECT_EQ(committed->usage, (SnapshotUsage{.bytes = 5, .inodes = 6}));
  EXPECT_EQ(db_->Get("key").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SnapshotDbTest, CommitMeetsWhatContainerdExpects) {
  ASSERT_TRUE(AddCommitted("base").ok());
  ASSERT_TRUE(Add("view", "base", SnapshotKind::kView).ok());
  ASSERT_TRUE(Add("key", "base").ok());
  EXPECT_EQ(db_->Commit("nobody", "name", {}, "", {}).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(db_->Commit("key", "base", {}, "", {}).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(db_->Commit("view", "name", {}, "", {}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(db_->Commit("base", "name", {}, "", {}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(db_->Commit("key", "name", {}, "other", {}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(db_->Commit("key", "name", {}, "base", {}).ok());
}

TEST_F(SnapshotDbTest, ACommitMayNameTheParentOfOneThatHasNone) {
  ASSERT_TRUE(AddCommitted("base").ok());
  ASSERT_TRUE(Add("key").ok());
  ASSERT_TRUE(Add("other").ok());
  EXPECT_EQ(db_->Commit("key", "name", {}, "nobody", {}).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(db_->Commit("key", "name", {}, "other", {}).code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(db_->Commit("key", "name", {}, "base", {}).ok());
  EXPECT_EQ(db_->Get("name")->info.parent, "base");
}

TEST_F(SnapshotDbTest, AParentCannotGoBeforeItsChildren) {
  ASSERT_TRUE(AddCommitted("base").ok());
  ASSERT_TRUE(Add("child", "base").ok());
  const absl::Status status = db_->Remove("base").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("child"));
  EXPECT_TRUE(db_->Remove("child").ok());
  EXPECT_TRUE(db_->Remove("base").ok());
  EXPECT_EQ(db_->Remove("base").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SnapshotDbTest, LabelsCanBeChanged) {
  ASSERT_TRUE(Add("a", "", SnapshotKind::kActive, {{"x", "1"}, {"y", "2"}}).ok());
  const SnapshotInfo before = db_->Get("a")->info;
  const absl::StatusOr<SnapshotInfo> after =
      db_->UpdateLabels("a", [](SnapshotLabels& labels) { labels["x"] = ""; });
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->labels, (SnapshotLabels{{"y", "2"}}));
  EXPECT_EQ(after->created_unix_nanoseconds, before.created_unix_nanoseconds);
  EXPECT_GT(after->updated_unix_nanoseconds, before.updated_unix_nanoseconds);
  EXPECT_EQ(db_->UpdateLabels("b", [](SnapshotLabels&) {}).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SnapshotDbTest, AChainIsTheSnapshotAndItsAncestors) {
  ASSERT_TRUE(AddCommitted("a").ok());
  ASSERT_TRUE(AddCommitted("b", "a").ok());
  ASSERT_TRUE(Add("c", "b").ok());
  const absl::StatusOr<std::vector<SnapshotRecord>> chain = db_->Chain("c");
  ASSERT_TRUE(chain.ok()) << chain.status();
  std::vector<std::string> names;
  for (const SnapshotRecord& snapshot : *chain) names.push_back(snapshot.info.name);
  EXPECT_THAT(names, ElementsAre("c", "b", "a"));
  EXPECT_EQ(db_->Chain("d").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SnapshotDbTest, CommittedOnesAreFoundByALabelAndTheirParent) {
  ASSERT_TRUE(AddCommitted("base").ok());
  ASSERT_TRUE(Add("low", "", SnapshotKind::kCommitted, {{"label", "a"}, {"other", "b"}}).ok());
  ASSERT_TRUE(Add("high", "base", SnapshotKind::kCommitted, {{"label", "b"}}).ok());
  ASSERT_TRUE(Add("active", "base", SnapshotKind::kActive, {{"label", "c"}}).ok());
  EXPECT_TRUE(*db_->HasCommitted("", "label", "a"));
  EXPECT_TRUE(*db_->HasCommitted("base", "label", "b"));
  EXPECT_FALSE(*db_->HasCommitted("", "label", "b")) << "of another parent";
  EXPECT_FALSE(*db_->HasCommitted("base", "label", "a")) << "of another parent";
  EXPECT_FALSE(*db_->HasCommitted("base", "label", "c")) << "it is not committed";
  EXPECT_FALSE(*db_->HasCommitted("nobody", "label", "a"));
}

TEST_F(SnapshotDbTest, WhereRemoteLayersComeFromIsRemembered) {
  const RemoteLayers remote = {.reference = "r.example/a:b",
                               .manifest_digest = Digest::Of("m"),
                               .count = 3,
                               .whole = true,
                               .highest = Digest::Of("l")};
  const int64_t number = *db_->TakeNumber();
  ASSERT_TRUE(
      db_->Add({.number = number, .info = {.name = "a", .kind = SnapshotKind::kCommitted}, .remote = remote})
          .ok());
  ASSERT_TRUE(Add("b", "a").ok());
  Reopen();
  EXPECT_EQ(db_->Get("a")->remote, remote);
  EXPECT_EQ(db_->Get("b")->remote, std::nullopt);
}

TEST_F(SnapshotDbTest, ADamagedFileIsLeftForAPerson) {
  ASSERT_TRUE(Add("a").ok());
  db_.reset();
  { std::ofstream(path_, std::ios::trunc) << "This is no database, and long enough to be looked at as one."; }
  EXPECT_EQ(SnapshotDb::Open(path_).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_GT(std::filesystem::file_size(path_), 0u);
}

// Random calls against a model, with a new start now and then.
TEST_F(SnapshotDbTest, RandomCallsDoWhatAModelDoes) {
  struct Known {
    SnapshotKind kind;
    std::string parent;
  };
  std::map<std::string, Known> model;
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  const auto name = [&] { return absl::StrCat("n", random() % 12); };
  const auto is_parent = [&](const std::string& of) {
    return std::any_of(model.begin(), model.end(), [&](const auto& one) { return one.second.parent == of; });
  };
  for (int step = 0; step < 1500; ++step) {
    const std::string a = name();
    const std::string b = random() % 3 == 0 ? "" : name();
    const bool b_is_parent = b.empty() || (model.contains(b) && model[b].kind == SnapshotKind::kCommitted);
    switch (random() % 5) {
      case 0:
      case 1: {
        const SnapshotKind kind = random() % 3 == 0 ? SnapshotKind::kView : SnapshotKind::kActive;
        const bool can = !model.contains(a) && b_is_parent;
        ASSERT_EQ(Add(a, b, kind).ok(), can) << a << " on " << b;
        if (can) model[a] = {kind, b};
        break;
      }
      case 2: {
        const bool can =
            model.contains(a) && model[a].kind == SnapshotKind::kActive && !b.empty() && !model.contains(b);
        ASSERT_EQ(db_->Commit(a, b.empty() ? a : b, {}, "", {}).ok(), can) << a << " as " << b;
        if (can) {
          model[b] = {SnapshotKind::kCommitted, model[a].parent};
          model.erase(a);
        }
        break;
      }
      case 3: {
        const bool can = model.contains(a) && !is_parent(a);
        ASSERT_EQ(db_->Remove(a).ok(), can) << a;
        if (can) model.erase(a);
        break;
      }
      default:
        if (random() % 20 == 0) Reopen();
    }
    std::vector<std::string> expected;
    for (const auto& [known, what] : model) expected.push_back(known);
    ASSERT_EQ(Names(), expected);
    for (const auto& [known, what] : model) {
      ASSERT_EQ(db_->Get(known)->info.parent, what.parent);
      ASSERT_EQ(db_->Get(known)->info.kind, what.kind);
    }
  }
}

}  // namespace
}  // namespace lacuna
