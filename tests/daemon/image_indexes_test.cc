// Which of a registry's indexes are used for an image, and which are not.
#include "daemon/image_indexes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/index_artifact.h"
#include "tests/erofs-tools/layer/layer_rig.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_http.h"
#include "tests/fakes/fake_registry.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;

constexpr char kBase[] = "http://reg:5000/v2/a/b/";

class ImageIndexesTest : public testing::Test {
 protected:
  ImageIndexesTest() {
    std::string tar = RandomTar(random_, 5);
    std::string blob = Gzip(tar);
    layer_ = *IndexLayer(LayerCodec::kGzip, std::move(tar), std::move(blob), random_);
    bytes_ = SerializeLayerIndex(*layer_.index);
    image_.manifest_digest = Digest::Of("manifest");
    const Descriptor subject{.media_type = kOciManifestType, .digest = image_.manifest_digest, .size = 8};
    blob_ = IndexBlob(layer_.index->layer_digest, bytes_);
    artifact_ = ManifestJson(MakeIndexArtifact(subject, {blob_}));
    entry_ = {.media_type = kOciManifestType,
              .digest = Digest::Of(artifact_),
              .size = artifact_.size(),
              .artifact_type = kIndexArtifactType};
    Serve(absl::StrCat("manifests/", entry_.digest.ToString()), artifact_);
    Serve(absl::StrCat("blobs/", blob_.digest.ToString()), bytes_);
  }

  void Serve(const std::string& path, const std::string& body) { answers_[kBase + path] = {.body = body}; }
  void ServeReferrers() {
    const std::string list = absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kOciIndexType,
                                          R"(","manifests":[)", DescriptorJson(entry_), "]}");
    answers_[absl::StrCat(kBase, "referrers/", image_.manifest_digest.ToString())] = {
        .headers = {{"Content-Type", kOciIndexType}}, .body = list};
  }
  void Bind() { image_.bound_artifacts = {BoundEntry(entry_, image_.manifest_digest)}; }

  std::map<Digest, Descriptor> Find(const std::string& reference, IndexTrust trust = IndexTrust::kTag) {
    return indexes_.Find(repository_, *ParseReference(reference), image_, trust);
  }
  TarLayer Layer() const {
    const LayerIndex& index = *layer_.index;
    return {.blob = {.digest = index.layer_digest, .size = index.layer_size},
            .codec = index.codec,
            .diff_id = index.diff_id};
  }
  absl::StatusOr<StoredIndex> Get() { return indexes_.Get(repository_, Layer(), blob_); }
  std::string Pinned() const { return absl::StrCat("reg:5000/a/b@", image_.manifest_digest.ToString()); }

  static constexpr char kTag[] = "reg:5000/a/b:tag";

  Random random_{5};
  TestLayer layer_;
  std::string bytes_;     // of the index
  std::string artifact_;  // its manifest
  Descriptor blob_, entry_;
  ResolvedImage image_;

  std::map<std::string, FakeAnswer> answers_;
  FakeHttp http_{[this](const HttpRequest& request) {
    const auto found = answers_.find(request.url.substr(0, request.url.find('?')));
    return found == answers_.end() ? FakeAnswer{.status = 404} : found->second;
  }};
  FakeClock clock_;
  FakeRegistry registry_{http_, clock_};
  Repository repository_ = registry_.repository("a/b");
  DiskFolder folder_;
  RegistryClient client_;
  std::unique_ptr<IndexStore> store_ = *IndexStore::Open(folder_.path());
  std::unique_ptr<CacheDb> db_ = *CacheDb::Open(folder_ / "cache.db");
  ImageIndexes indexes_{client_, *store_, *db_};
};

TEST_F(ImageIndexesTest, OfATagWhatTheRepositoryHasIsUsed) {
  ServeReferrers();
  EXPECT_THAT(Find(kTag), ElementsAre(Key(layer_.index->layer_digest)));
  const absl::StatusOr<StoredIndex> got = Get();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->index->chunks.Root(), layer_.index->chunks.Root());
}

TEST_F(ImageIndexesTest, OfADigestNobodyIsAsked) {
  ServeReferrers();
  EXPECT_THAT(Find(Pinned()), IsEmpty());
  EXPECT_THAT(http_.requests(), IsEmpty());
}

TEST_F(ImageIndexesTest, OfADigestWhatItNamesIsUsed) {
  Bind();
  EXPECT_THAT(Find(Pinned()), ElementsAre(Key(layer_.index->layer_digest)));
  EXPECT_THAT(Find(kTag), ElementsAre(Key(layer_.index->layer_digest)));
}

TEST_F(ImageIndexesTest, WhoTrustsAllUsesTheRepositorysOfADigestToo) {
  ServeReferrers();
  EXPECT_THAT(Find(Pinned(), IndexTrust::kAll), ElementsAre(Key(layer_.index->layer_digest)));
}

TEST_F(ImageIndexesTest, WhoTrustsNobodyAsksNobody) {
  ServeReferrers();
  Bind();
  EXPECT_THAT(Find(kTag, IndexTrust::kNone), IsEmpty());
  EXPECT_THAT(http_.requests(), IsEmpty());
}

TEST_F(ImageIndexesTest, ARegistryWithoutOneIsNoError) {
  EXPECT_THAT(Find(kTag), IsEmpty());
}

TEST_F(ImageIndexesTest, OneThatIsHereIsNotFetchedAgain) {
  ASSERT_TRUE(Get().ok());
  const size_t requests = http_.requests().size();
  EXPECT_TRUE(Get().ok());
  EXPECT_EQ(http_.requests().size(), requests);
}

TEST_F(ImageIndexesTest, OneThatWasDamagedOnTheDiskIsFetchedAgain) {
  ASSERT_TRUE(Get().ok());
  std::ofstream(folder_ / absl::StrCat("indexes/", blob_.digest.hex())) << "damaged";
  EXPECT_TRUE(Get().ok());
}

TEST_F(ImageIndexesTest, OneThatIsNoneIsNotUsed) {
  const std::string garbage = "no index at all";
  blob_ = IndexBlob(layer_.index->layer_digest, garbage);
  Serve(absl::StrCat("blobs/", blob_.digest.ToString()), garbage);
  EXPECT_TRUE(absl::IsNotFound(Get().status()));
}

TEST_F(ImageIndexesTest, OneOfAnotherLayerIsNotUsed) {
  for (const auto& change : std::vector<std::function<void(LayerIndex&)>>{
           [](LayerIndex& index) { index.layer_digest = Digest::Of("another"); },
           [](LayerIndex& index) { index.diff_id = Digest::Of("another"); }}) {
    const std::string other = SerializeLayerIndex(*Changed(*layer_.index, change));
    blob_ = IndexBlob(layer_.index->layer_digest, other);
    Serve(absl::StrCat("blobs/", blob_.digest.ToString()), other);
    EXPECT_TRUE(absl::IsNotFound(Get().status()));
  }
}

TEST_F(ImageIndexesTest, OneThatWasFoundWrongIsNeverUsedAgain) {
  ASSERT_TRUE(Get().ok());
  ASSERT_TRUE(db_->Judge(blob_.digest, layer_.index->layer_digest, false).ok());
  EXPECT_TRUE(absl::IsNotFound(Get().status()));
}

}  // namespace
}  // namespace lacuna
