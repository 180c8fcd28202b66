// The table of what the FUSE file system shows: names, nodes, and who still needs them.
#include "cachefiles/fuse_objects.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "cachefiles/private_keeper.h"
#include "tests/cachefiles/fuse_test_support.h"

namespace lacuna {
namespace {

PublishedObject ObjectNamed(int number) {
  return {.key = ObjectKey::ForBlob(Digest::Of(absl::StrCat(number))),
          .size = kBlockSize,
          .file = std::make_shared<BytesInMemory>(std::string(kBlockSize, 'x'))};
}

TEST(FuseObjects, TheSameObjectTwiceIsOneNode) {
  PrivateKeeper keeper;
  FuseObjects objects(keeper.fuse_log());
  const PublishedObject object = ObjectNamed(1);
  const ObjectId id = objects.Publish(object);
  EXPECT_EQ(objects.Publish(object), id);
  objects.Unpublish(id);
  EXPECT_NE(objects.Lookup(object.key.FileName()), nullptr);
  objects.Unpublish(id);
  EXPECT_EQ(objects.Lookup(object.key.FileName()), nullptr);
}

TEST(FuseObjects, AnotherFileUnderTheSameKeyTakesTheNameAndLeavesTheOpenOneAlone) {
  PrivateKeeper keeper;
  FuseObjects objects(keeper.fuse_log());
  const PublishedObject old_object = ObjectNamed(1);
  const PublishedObject new_object = ObjectNamed(1);
  const ObjectId old_id = objects.Publish(old_object);
  ASSERT_NE(objects.Open(old_id, 7).object, nullptr);
  const ObjectId new_id = objects.Publish(new_object);
  EXPECT_NE(new_id, old_id);
  EXPECT_EQ(objects.Lookup(old_object.key.FileName())->file, new_object.file);
  EXPECT_EQ(objects.FindOpen(old_id, 7)->file, old_object.file);
  objects.Unpublish(old_id);
  EXPECT_TRUE(*objects.Close(old_id, 7));
  EXPECT_EQ(objects.Find(old_id), nullptr);
  ASSERT_NE(objects.Lookup(old_object.key.FileName()), nullptr);
  EXPECT_EQ(objects.Lookup(old_object.key.FileName())->file, new_object.file);
}

TEST(FuseObjects, InUseWhilePublishedOrOpen) {
  PrivateKeeper keeper;
  FuseObjects objects(keeper.fuse_log());
  const PublishedObject object = ObjectNamed(1);
  const ObjectId id = objects.Publish(object);
  EXPECT_TRUE(objects.InUse(object.key));
  EXPECT_FALSE(objects.IsOpen(object.key));
  objects.Lookup(object.key.FileName());
  objects.Open(id, 7);
  objects.Unpublish(id);
  EXPECT_TRUE(objects.InUse(object.key));
  EXPECT_TRUE(objects.IsOpen(object.key));
  EXPECT_TRUE(*objects.Close(id, 7));
  EXPECT_FALSE(objects.InUse(object.key));
  EXPECT_FALSE(objects.IsOpen(object.key));
}

TEST(FuseObjects, WhatIsInNobodysUseIsLetGoOfThoughTheKernelRemembersTheNode) {
  PrivateKeeper keeper;
  FuseObjects objects(keeper.fuse_log());
  PublishedObject object = ObjectNamed(1);
  const std::weak_ptr<BackingFile> file = object.file;
  const ObjectId id = objects.Publish(object);
  objects.Lookup(object.key.FileName());
  object.file = nullptr;
  objects.Unpublish(id);
  EXPECT_TRUE(file.expired());
  EXPECT_EQ(objects.Open(id, 7).object, nullptr);
  EXPECT_EQ(keeper.fuse_log().open_file(0).handle, 0u);
}

TEST(FuseObjects, CloseAllReturnsWhatWasOpenAndKeepsWhatIsPublished) {
  PrivateKeeper keeper;
  FuseObjects objects(keeper.fuse_log());
  const PublishedObject object = ObjectNamed(1);
  const ObjectId id = objects.Publish(object);
  objects.Open(id, 7);
  EXPECT_EQ(objects.CloseAll(), std::vector<ObjectId>{id});
  EXPECT_TRUE(objects.CloseAll().empty());
  objects.Unpublish(id);
  EXPECT_EQ(objects.Find(id), nullptr);
}

// What the table must say, kept the simple way: for each id that ever was.
struct ModelNode {
  int object;
  uint64_t published = 1;
  std::set<uint64_t> handles;
  bool live() const { return published > 0 || !handles.empty(); }
};

class RandomUse {
 public:
  explicit RandomUse(unsigned seed) : random_(seed) {
    for (int i = 0; i < kObjects; ++i) objects_.push_back(ObjectNamed(i));
  }

  void Step() {
    const int number = Below(kObjects);
    if (Below(100) == 0) return Succeed();
    if (model_.empty() || Below(6) == 0) return Publish(number);
    auto node = std::next(model_.begin(), Below(static_cast<int>(model_.size())));
    switch (Below(4)) {
      case 0:
        return Unpublish(*node);
      case 1:
        return Lookup(number);
      case 2:
        return Open(*node);
      default:
        return Close(*node);
    }
  }

  void Compare() {
    for (auto& [id, node] : model_) {
      EXPECT_EQ(table_->Find(id) != nullptr, node.live());
      for (const uint64_t handle : node.handles) EXPECT_NE(table_->FindOpen(id, handle), nullptr);
      EXPECT_EQ(table_->FindOpen(id, next_handle_), nullptr);
      EXPECT_TRUE(!node.live() || table_->InUse(objects_[node.object].key));
      EXPECT_TRUE(node.handles.empty() || table_->IsOpen(objects_[node.object].key));
    }
  }

 private:
  static constexpr int kObjects = 3;
  using Entry = std::map<ObjectId, ModelNode>::value_type;

  int Below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }

  // The live node of an object: one file each, so there is at most one.
  Entry* LiveNodeOf(int number) {
    for (Entry& entry : model_) {
      const ModelNode& node = entry.second;
      if (node.object == number && node.live()) return &entry;
    }
    return nullptr;
  }
  void Publish(int number) {
    Entry* const live = LiveNodeOf(number);
    const ObjectId id = table_->Publish(objects_[number]);
    if (live != nullptr) {
      EXPECT_EQ(id, live->first);
      ++live->second.published;
    } else {
      EXPECT_TRUE(model_.emplace(id, ModelNode{number}).second) << "an id was used twice";
    }
  }
  // Another process takes over: it publishes everything anew, and has what the kernel has open by the old
  // ids.
  void Succeed() {
    table_ = std::make_unique<FuseObjects>(keeper_.fuse_log());
    size_t open = 0;
    for (auto& [id, node] : model_) {
      node.published = 0;
      open += node.live();
    }
    for (const PublishedObject& object : objects_) table_->Unpublish(table_->Publish(object));
    EXPECT_EQ(table_->TakeInherited().size(), open);
    EXPECT_TRUE(table_->TakeInherited().empty());
  }
  void Unpublish(Entry& entry) {
    if (entry.second.published == 0) return;
    table_->Unpublish(entry.first);
    --entry.second.published;
  }
  void Lookup(int number) {
    Entry* const live = LiveNodeOf(number);
    const bool found = live != nullptr && live->second.published > 0;
    const FuseObjectRef object = table_->Lookup(objects_[number].key.FileName());
    ASSERT_EQ(object != nullptr, found);
    if (!found) return;
    EXPECT_EQ(object->id, live->first);
  }
  void Open(Entry& entry) {
    const uint64_t handle = next_handle_++;
    const FuseObjects::Opened opened = table_->Open(entry.first, handle);
    ASSERT_EQ(opened.object != nullptr, entry.second.published > 0);
    if (opened.object == nullptr) return;
    EXPECT_EQ(opened.first, entry.second.handles.empty());
    entry.second.handles.insert(handle);
  }
  void Close(Entry& entry) {
    auto& handles = entry.second.handles;
    const uint64_t handle = handles.empty() ? next_handle_ : *handles.begin();
    const absl::StatusOr<bool> last = table_->Close(entry.first, handle);
    ASSERT_EQ(last.ok(), !handles.empty());
    if (!last.ok()) return;
    handles.erase(handle);
    EXPECT_EQ(*last, handles.empty());
  }

  std::mt19937 random_;
  PrivateKeeper keeper_;
  std::unique_ptr<FuseObjects> table_ = std::make_unique<FuseObjects>(keeper_.fuse_log());
  uint64_t next_handle_ = 1;
  std::vector<PublishedObject> objects_;
  std::map<ObjectId, ModelNode> model_;
};

TEST(FuseObjects, RandomUseMatchesTheModel) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  RandomUse use(seed);
  for (int step = 0; step < 20'000 && !testing::Test::HasFailure(); ++step) {
    use.Step();
    if (step % 50 == 0) use.Compare();
  }
}

}  // namespace
}  // namespace lacuna
