#include "daemon/containerd_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/tar_layers.h"

namespace lacuna {
namespace {

using testing::HasSubstr;

// A content store of images, each of some layers.
class FakeContent : public ContainerdContent {
 public:
  // Layers by any name.
  Digest AddImage(const std::vector<std::string>& layers, const std::map<std::string, std::string>& labels) {
    const std::string json =
        absl::StrCat(R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[)",
                     absl::StrJoin(layers, ",",
                                   [](std::string* out, const std::string& layer) {
                                     absl::StrAppend(out, "\"", Digest::Of(layer).ToString(), "\"");
                                   }),
                     "]}}");
    const Digest config = Digest::Of(json);
    blobs_[config.ToString()] = json;
    Blob manifest{.digest = Digest::Of(absl::StrCat("manifest of ", json)), .labels = labels};
    manifest.labels["containerd.io/gc.ref.content.config"] = config.ToString();
    manifests_.push_back(manifest);
    return manifest.digest;
  }
  void RemoveBlobs() { blobs_.clear(); }

  absl::StatusOr<std::vector<Blob>> Manifests(const std::string& containerd_namespace) override {
    if (containerd_namespace != "default") return std::vector<Blob>();
    return manifests_;
  }
  absl::StatusOr<std::string> Read(const std::string&, const Digest& blob, uint64_t) override {
    const auto found = blobs_.find(blob.ToString());
    if (found == blobs_.end()) return absl::NotFoundError("no such blob");
    return found->second;
  }

 private:
  std::vector<Blob> manifests_;
  std::map<std::string, std::string> blobs_;
};

const std::map<std::string, std::string> kPulled = {
    {"containerd.io/distribution.source.r.example", "some/repository,other/repository"}};

std::string ChainOf(const std::vector<std::string>& layers) {
  std::vector<Digest> diff_ids;
  for (const std::string& layer : layers) diff_ids.push_back(Digest::Of(layer));
  return ChainIds(diff_ids).back().ToString();
}

// OCI image-spec, config.md: ChainID(L₀|…|Lₙ) = Digest(ChainID(L₀|…|Lₙ₋₁) + " " + DiffID(Lₙ)).
TEST(ChainIds, AsTheSpecificationHasThem) {
  const Digest a = Digest::Of("a");
  const Digest b = Digest::Of("b");
  const std::vector<Digest> chain = ChainIds({a, b});
  ASSERT_EQ(chain.size(), 2u);
  EXPECT_EQ(chain[0], a);
  EXPECT_EQ(chain[1], Digest::Of(absl::StrCat(a.ToString(), " ", b.ToString())));
  EXPECT_TRUE(ChainIds({}).empty());
}

TEST(ContainerdImage, IsFoundByAnyOfItsChainIds) {
  FakeContent content;
  content.AddImage({"x"}, kPulled);
  const Digest manifest = content.AddImage({"a", "b", "c"}, kPulled);
  for (const std::vector<std::string>& layers :
       {std::vector<std::string>{"a"}, {"a", "b"}, {"a", "b", "c"}}) {
    const absl::StatusOr<LabeledLayer> found = FindImageOf(ChainOf(layers), "default", content);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->reference, absl::StrCat("r.example/some/repository@", manifest.ToString()));
    EXPECT_EQ(found->manifest_digest, manifest);
  }
}

TEST(ContainerdImage, IsNotFoundWhereThereIsNone) {
  FakeContent content;
  content.AddImage({"a", "b"}, kPulled);
  EXPECT_TRUE(absl::IsNotFound(FindImageOf(ChainOf({"b"}), "default", content).status()));
  EXPECT_TRUE(absl::IsNotFound(FindImageOf(ChainOf({"a"}), "other", content).status()));
  content.RemoveBlobs();
  EXPECT_TRUE(absl::IsNotFound(FindImageOf(ChainOf({"a"}), "default", content).status()));
}

TEST(ContainerdImage, OfUnknownOriginIsNotFound) {
  FakeContent content;
  content.AddImage({"a"}, {});  // imported from a file
  const absl::Status status = FindImageOf(ChainOf({"a"}), "default", content).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("whose origin it knows"));
}

}  // namespace
}  // namespace lacuna
