// A snapshotter on a disk folder, and its snapshots mounted as containerd would.
#pragma once

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/snapshotter/snapshotter.h"
#include "tests/fakes/fake_lazy_layers.h"
#include "tests/fakes/scoped_mount.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {

class SnapshotterRig : public testing::Test {
 protected:
  using NewSnapshot = Snapshotter::NewSnapshot;
  using Mounts = absl::StatusOr<Snapshotter::Mounts>;

  SnapshotterRig() { Restart(); }

  void Restart() {
    snapshotter_.reset();
    absl::StatusOr<std::unique_ptr<Snapshotter>> opened =
        Snapshotter::Open({root_.path(), run_.path(), DetectOverlayFeatures()}, layers_, events_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    snapshotter_ = *std::move(opened);
  }

  Mounts Prepare(const std::string& key, const std::string& parent = "", const SnapshotLabels& labels = {}) {
    return snapshotter_->Prepare({.key = key, .parent = parent, .labels = labels}, {});
  }
  Mounts MountsOf(const std::string& key) { return snapshotter_->MountsOf(key, {}); }
  Mounts View(const std::string& key, const std::string& parent = "") {
    return snapshotter_->View({.key = key, .parent = parent}, {});
  }
  absl::Status Commit(const std::string& key, const std::string& name) {
    return snapshotter_->Commit(key, name, {}, "");
  }
  absl::Status Cleanup() {
    return snapshotter_->Cleanup([] { return false; });
  }

  // Calls `use` with a folder where the snapshot is mounted.
  void WhileMounted(const Mounts& mounts, const std::function<void(const std::string&)>& use) {
    ASSERT_TRUE(mounts.ok()) << mounts.status();
    ASSERT_EQ(mounts->size(), 1u);
    const SnapshotMount& mount = mounts->front();
    const TempDir folder;
    if (mount.type == "bind") {
      const ScopedMount bound(mount.source, folder.path(), nullptr, MS_BIND | MS_REC, "");
      ASSERT_TRUE(bound.status().ok()) << bound.status();
      const bool read_only = mount.options.front() == "ro";
      const unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY;
      if (read_only) {
        ASSERT_EQ(::mount(nullptr, folder.path().c_str(), nullptr, flags, nullptr), 0);
      }
      use(folder.path());
    } else {
      const ScopedMount overlay(mount.source, folder.path(), mount.type.c_str(), 0,
                                absl::StrJoin(mount.options, ","));
      ASSERT_TRUE(overlay.status().ok()) << overlay.status();
      use(folder.path());
    }
  }

  // A committed snapshot that is `parent` changed by `change`.
  void AddLayer(const std::string& name, const std::string& parent,
                const std::function<void(const std::string&)>& change) {
    const std::string key = absl::StrCat("key of ", name);
    WhileMounted(Prepare(key, parent), change);
    ASSERT_TRUE(Commit(key, name).ok());
  }

  // Paths below `root`, in order, each with its type and a file's text: "a/", "a/b=text", "l->target".
  static std::vector<std::string> TreeOf(const std::string& root) {
    std::vector<std::string> tree;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      const std::string path = entry.path().lexically_relative(root).string();
      if (entry.is_symlink()) {
        tree.push_back(absl::StrCat(path, "->", std::filesystem::read_symlink(entry.path()).string()));
      } else {
        tree.push_back(entry.is_directory() ? path + "/" : absl::StrCat(path, "=", Read(entry.path())));
      }
    }
    std::sort(tree.begin(), tree.end());
    return tree;
  }
  // Of a snapshot's, through a view.
  std::vector<std::string> TreeOfSnapshot(const std::string& name) {
    std::vector<std::string> tree;
    const std::string key = absl::StrCat("view of ", name);
    WhileMounted(View(key, name), [&](const std::string& at) { tree = TreeOf(at); });
    EXPECT_TRUE(snapshotter_->Remove(key).ok());
    return tree;
  }

  static std::string Read(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  static void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
  static struct stat StatOf(const std::string& path) {
    struct stat found = {};
    EXPECT_EQ(lstat(path.c_str(), &found), 0) << path;
    return found;
  }

  const DiskFolder root_;
  const DiskFolder run_;
  FakeLazyLayers layers_;  // before the folder that it mounts below goes
  EventLog events_;
  std::unique_ptr<Snapshotter> snapshotter_;
};

}  // namespace lacuna
