// The table of what the FUSE file system shows: names, nodes, and who still needs them.
#include "cachefiles/fuse_objects.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/cachefiles/fuse_test_support.h"

namespace lacuna {
namespace {

PublishedObject ObjectNamed(int number) {
  return {.key = ObjectKey::ForBlob(Digest::Of(absl::StrCat(number))),
          .size = kBlockSize,
          .file = std::make_shared<BytesInMemory>(std::string(kBlockSize, 'x'))};
}

TEST(FuseObjects, TheSameObjectTwiceIsOneNode) {
  FuseObjects objects;
  const PublishedObject object = ObjectNamed(1);
  const ObjectId id = objects.Publish(object);
  EXPECT_EQ(objects.Publish(object), id);
  objects.Unpublish(id);
  EXPECT_NE(objects.Lookup(object.key.FileName()), nullptr);
  objects.Unpublish(id);
  EXPECT_EQ(objects.Lookup(object.key.FileName()), nullptr);
}

TEST(FuseObjects, AnotherFileUnderTheSameKeyTakesTheNameAndLeavesTheOpenOneAlone) {
  FuseObjects objects;
  const PublishedObject old_object = ObjectNamed(1);
  const PublishedObject new_object = ObjectNamed(1);
  const ObjectId old_id = objects.Publish(old_object);
  ASSERT_NE(objects.Open(old_id).object, nullptr);
  const ObjectId new_id = objects.Publish(new_object);
  EXPECT_NE(new_id, old_id);
  EXPECT_EQ(objects.Lookup(old_object.key.FileName())->file, new_object.file);
  EXPECT_EQ(objects.FindOpen(old_id)->file, old_object.file);
  objects.Unpublish(old_id);
  EXPECT_TRUE(*objects.Close(old_id));
  EXPECT_EQ(objects.Find(old_id), nullptr);
  ASSERT_NE(objects.Lookup(old_object.key.FileName()), nullptr);
  EXPECT_EQ(objects.Lookup(old_object.key.FileName())->file, new_object.file);
}

TEST(FuseObjects, InUseWhilePublishedOrOpen) {
  FuseObjects objects;
  const PublishedObject object = ObjectNamed(1);
  const ObjectId id = objects.Publish(object);
  EXPECT_TRUE(objects.InUse(object.key));
  objects.Lookup(object.key.FileName());
  objects.Open(id);
  objects.Unpublish(id);
  EXPECT_TRUE(objects.InUse(object.key));
  EXPECT_TRUE(*objects.Close(id));
  EXPECT_FALSE(objects.InUse(object.key));
}

TEST(FuseObjects, AForgottenUseLetsGoOfTheFileThoughTheKernelRemembersTheNode) {
  FuseObjects objects;
  PublishedObject object = ObjectNamed(1);
  const std::weak_ptr<BackingFile> file = object.file;
  const ObjectId id = objects.Publish(object);
  objects.Lookup(object.key.FileName());
  object.file = nullptr;
  objects.Unpublish(id);
  EXPECT_TRUE(file.expired());
  EXPECT_EQ(objects.Open(id).object, nullptr);
  EXPECT_TRUE(objects.Forget(id, 1));
  EXPECT_FALSE(objects.Forget(id, 1));
}

TEST(FuseObjects, MoreForgetsThanLookupsAreNoticedAndChangeNothing) {
  FuseObjects objects;
  const PublishedObject object = ObjectNamed(1);
  const ObjectId id = objects.Publish(object);
  objects.Lookup(object.key.FileName());
  EXPECT_FALSE(objects.Forget(id, 2));
  EXPECT_FALSE(objects.Forget(ObjectId(4711), 1));
  EXPECT_TRUE(objects.Forget(id, 1));
}

TEST(FuseObjects, CloseAllReturnsWhatWasOpenAndKeepsWhatIsPublished) {
  FuseObjects objects;
  const PublishedObject object = ObjectNamed(1);
  const ObjectId id = objects.Publish(object);
  objects.Open(id);
  EXPECT_EQ(objects.CloseAll(), std::vector<ObjectId>{id});
  EXPECT_TRUE(objects.CloseAll().empty());
  objects.Unpublish(id);
  EXPECT_EQ(objects.Find(id), nullptr);
}

// What the table must say, kept the simple way: three counts for each id that ever was.
struct ModelNode {
  int object;
  uint64_t published = 1;
  uint64_t lookups = 0;
  uint64_t opens = 0;
};

class RandomUse {
 public:
  explicit RandomUse(unsigned seed) : random_(seed) {
    for (int i = 0; i < kObjects; ++i) objects_.push_back(ObjectNamed(i));
  }

  void Step() {
    const int number = Below(kObjects);
    if (model_.empty() || Below(6) == 0) return Publish(number);
    auto node = std::next(model_.begin(), Below(static_cast<int>(model_.size())));
    switch (Below(5)) {
      case 0:
        return Unpublish(*node);
      case 1:
        return Lookup(number);
      case 2:
        return Forget(*node);
      case 3:
        return Open(*node);
      default:
        return Close(*node);
    }
  }

  void Compare() {
    for (auto& [id, node] : model_) {
      const bool live = node.published > 0 || node.opens > 0;
      EXPECT_EQ(table_.Find(id) != nullptr, live);
      EXPECT_EQ(table_.FindOpen(id) != nullptr, node.opens > 0);
      EXPECT_TRUE(!live || table_.InUse(objects_[node.object].key));
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
      if (node.object == number && (node.published > 0 || node.opens > 0)) return &entry;
    }
    return nullptr;
  }
  void Publish(int number) {
    Entry* const live = LiveNodeOf(number);
    const ObjectId id = table_.Publish(objects_[number]);
    if (live != nullptr) {
      EXPECT_EQ(id, live->first);
      ++live->second.published;
    } else {
      EXPECT_TRUE(model_.emplace(id, ModelNode{number}).second) << "an id was used twice";
    }
  }
  void Unpublish(Entry& entry) {
    if (entry.second.published == 0) return;
    table_.Unpublish(entry.first);
    --entry.second.published;
  }
  void Lookup(int number) {
    Entry* const live = LiveNodeOf(number);
    const bool found = live != nullptr && live->second.published > 0;
    const FuseObjectRef object = table_.Lookup(objects_[number].key.FileName());
    ASSERT_EQ(object != nullptr, found);
    if (!found) return;
    EXPECT_EQ(object->id, live->first);
    ++live->second.lookups;
  }
  void Forget(Entry& entry) {
    const uint64_t count = 1 + Below(2);
    const bool enough = entry.second.lookups >= count;
    EXPECT_EQ(table_.Forget(entry.first, count), enough);
    if (enough) entry.second.lookups -= count;
  }
  void Open(Entry& entry) {
    const FuseObjects::Opened opened = table_.Open(entry.first);
    ASSERT_EQ(opened.object != nullptr, entry.second.published > 0);
    if (opened.object == nullptr) return;
    EXPECT_EQ(opened.first, entry.second.opens == 0);
    ++entry.second.opens;
  }
  void Close(Entry& entry) {
    const absl::StatusOr<bool> last = table_.Close(entry.first);
    ASSERT_EQ(last.ok(), entry.second.opens > 0);
    if (!last.ok()) return;
    EXPECT_EQ(*last, --entry.second.opens == 0);
  }

  std::mt19937 random_;
  FuseObjects table_;
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
