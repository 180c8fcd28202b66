// Random layers, unpacked entry by entry by a trivially right model, and built and merged: the same must come
// out. Names are few, so that everything meets everything. LACUNA_TEST_SCALE makes it longer.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/erofs-tools/tree/sequential_model.h"
#include "tests/erofs-tools/tree/tree_test_support.h"

namespace lacuna {
namespace {

using Outcome = SequentialModel::Outcome;

class RandomLayers {
 public:
  explicit RandomLayers(uint32_t seed) : random_(seed) {
    const uint32_t layers = 1 + Below(4);
    for (uint32_t i = 0; i < layers && !fails_; ++i) AddLayer();
  }

  const std::vector<Entries>& layers() const { return layers_; }
  const SequentialModel& model() const { return model_; }
  // Whether the last entry is one that an unpacker refuses.
  bool fails() const { return fails_; }
  int unordered() const { return unordered_; }

  std::string Text() const {
    std::string text;
    for (const Entries& entries : layers_) {
      absl::StrAppend(&text, "layer:\n");
      for (const TarEntry& entry : entries) {
        absl::StrAppend(&text, "  type ", static_cast<int>(entry.type), " ", entry.path, " -> ", entry.target,
                        " uid ", entry.uid, "\n");
      }
    }
    return text;
  }

 private:
  uint32_t Below(uint32_t bound) { return std::uniform_int_distribution<uint32_t>(0, bound - 1)(random_); }

  std::string Name() { return std::string(1, static_cast<char>('a' + Below(3))); }
  std::string Directory() {
    std::string path;
    for (uint32_t depth = Below(3); depth > 0; --depth) path += Name() + "/";
    return path;
  }
  std::string Target() {
    static constexpr const char* kBegins[] = {"", "", "/", "../", "./", "../../"};
    return kBegins[Below(6)] + Directory() + (Below(8) == 0 ? "." : Name());
  }

  TarEntry Entry() {
    const std::string directory = (Below(4) == 0 ? "./" : "") + Directory();
    switch (Below(16)) {
      case 0:
        return File(directory + ".wh..wh..opq", 0);
      case 1:
      case 2:
        return File(directory + ".wh." + Name(), 0);
      case 3:
      case 4:
      case 5:
        return Symlink(directory + Name(), Target(), ++uid_);
      case 6:
      case 7:
        return HardLink(directory + Name(), Directory() + Name());
      case 8:
      case 9:
      case 10:
        return lacuna::Directory(directory + Name() + "/", ++uid_);
      case 11:
        return lacuna::Directory(directory, ++uid_);
      default:
        return File(directory + Name(), ++uid_);
    }
  }

  void AddLayer() {
    Entries& entries = layers_.emplace_back();
    model_.NextLayer();
    for (uint32_t left = 1 + Below(12); left > 0; --left) {
      const TarEntry entry = Entry();
      const Outcome outcome = model_.Apply(entry);
      unordered_ += outcome == Outcome::kUnordered ? 1 : 0;
      // A hard link's target may be found in the layers below though this layer has replaced a symlink on the
      // way by a directory: the tree has lost that, and accepts what an unpacker refuses.
      fails_ = outcome == Outcome::kFails && entry.type != TarEntry::Type::kHardLink && Below(16) == 0;
      if (outcome == Outcome::kDone || fails_) entries.push_back(entry);
      if (fails_) return;
    }
  }

  std::mt19937 random_;
  uint32_t uid_ = 0;
  SequentialModel model_;
  std::vector<Entries> layers_;
  bool fails_ = false;
  int unordered_ = 0;
};

uint32_t Seeds() {
  const char* const scale = std::getenv("LACUNA_TEST_SCALE");
  return static_cast<uint32_t>(4000 * (scale == nullptr ? 1.0 : std::max(0.01, std::atof(scale))));
}

TEST(RandomLayers, BuiltAndMergedAreWhatAnUnpackerMakes) {
  size_t entries = 0;
  size_t unordered = 0;
  uint32_t failing = 0;
  for (uint32_t seed = 1; seed <= Seeds(); ++seed) {
    const RandomLayers layers(seed);
    for (const Entries& layer : layers.layers()) entries += layer.size();
    unordered += static_cast<size_t>(layers.unordered());
    failing += layers.fails() ? 1 : 0;
    const TreeText merged = Merged(layers.layers());
    if (layers.fails()) {
      ASSERT_NE(ErrorOf(merged), "") << "seed " << seed << "\n" << layers.Text();
    } else {
      ASSERT_EQ(merged, layers.model().Text()) << "seed " << seed << "\n" << layers.Text();
    }
  }
  std::printf("%zu entries, %zu more left out as unordered, %u sequences that fail\n", entries, unordered,
              failing);
  EXPECT_LT(unordered, entries / 10);
  EXPECT_GT(failing, 0u);
  EXPECT_LT(failing, Seeds() / 2);
}

}  // namespace
}  // namespace lacuna
