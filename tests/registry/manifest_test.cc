#include "registry/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace lacuna {
namespace {

using ::testing::HasSubstr;

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string ManifestText() {
  return absl::StrReplaceAll(R"({
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "artifactType": "application/vnd.example",
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "DIGEST", "size": 7},
    "layers": [
      {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "DIGEST", "size": 9007199254740993,
       "annotations": {"a": "b"}, "urls": ["https://elsewhere"]}
    ],
    "annotations": {"org.opencontainers.image.created": "2024"},
    "unknown": [1, 2.5, {"deep": null}]
  })",
                             {{"DIGEST", kDigest}});
}

std::string IndexText() {
  return absl::StrReplaceAll(R"({
    "schemaVersion": 2,
    "manifests": [
      {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "DIGEST", "size": 1,
       "platform": {"os": "linux", "architecture": "amd64"}},
      {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "DIGEST", "size": 2,
       "platform": {"os": "linux", "architecture": "arm", "variant": "v7"}},
      {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "DIGEST", "size": 3, "platform": null}
    ]})",
                             {{"DIGEST", kDigest}});
}

std::string Error(absl::string_view json, absl::string_view content_type = "") {
  const auto parsed = ParseManifest(json, content_type);
  return parsed.ok() ? "accepted" : parsed.status().ToString();
}

std::string With(const std::string& from, const std::string& to) {
  const std::string text = ManifestText();
  EXPECT_THAT(text, HasSubstr(from));
  return absl::StrReplaceAll(text, {{from, to}});
}

TEST(Manifest, ASubjectIsReadAndWritten) {
  Manifest manifest{.config = {.media_type = "t", .digest = Digest::Of("c"), .size = 1}};
  manifest.subject = Descriptor{.media_type = kOciManifestType, .digest = Digest::Of("s"), .size = 9};
  EXPECT_EQ(std::get<Manifest>(*ParseManifest(ManifestJson(manifest), "")), manifest);
  EXPECT_THAT(Error(With(R"("unknown")", R"("subject": {"digest": 7}, "unknown")")), HasSubstr("subject: "));
  EXPECT_EQ(
      std::get<Manifest>(*ParseManifest(With(R"("unknown")", R"("subject": null, "unknown")"), "")).subject,
      std::nullopt);
}

TEST(Index, MayHaveASubjectAndAnArtifactType) {
  const std::string text = absl::StrReplaceAll(
      IndexText(), {{R"("schemaVersion": 2,)",
                     absl::StrCat(R"("schemaVersion": 2, "artifactType": "a/b", "annotations": {"k": "v"},
                                  "subject": {"mediaType": "m", "size": 1, "digest": ")",
                                  kDigest, "\"},")}});
  const auto index = std::get<ImageIndex>(*ParseManifest(text, ""));
  EXPECT_EQ(index.artifact_type, "a/b");
  EXPECT_EQ(index.annotations.at("k"), "v");
  EXPECT_EQ(index.subject->digest.ToString(), kDigest);
}

TEST(Manifest, AllFields) {
  const auto parsed = ParseManifest(ManifestText(), "");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const Manifest& manifest = std::get<Manifest>(*parsed);
  EXPECT_EQ(manifest.media_type, kOciManifestType);
  EXPECT_EQ(manifest.artifact_type, "application/vnd.example");
  EXPECT_EQ(manifest.config.size, 7);
  EXPECT_EQ(manifest.config.digest.ToString(), kDigest);
  ASSERT_EQ(manifest.layers.size(), 1);
  EXPECT_EQ(manifest.layers[0].media_type, "application/vnd.oci.image.layer.v1.tar+gzip");
  EXPECT_EQ(manifest.layers[0].size, 9007199254740993);  // no double holds it
  EXPECT_EQ(manifest.layers[0].annotations.at("a"), "b");
  EXPECT_FALSE(manifest.layers[0].platform.has_value());
  EXPECT_EQ(manifest.annotations.at("org.opencontainers.image.created"), "2024");
}

TEST(Manifest, Index) {
  const auto parsed = ParseManifest(IndexText(), "application/vnd.oci.image.index.v1+json; charset=utf-8");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const ImageIndex& index = std::get<ImageIndex>(*parsed);
  EXPECT_EQ(index.media_type, kOciIndexType);
  ASSERT_EQ(index.manifests.size(), 3);
  EXPECT_EQ(index.manifests[1].platform, (Platform{"linux", "arm", "v7"}));
  EXPECT_FALSE(index.manifests[2].platform.has_value());
}

TEST(Manifest, TypeComesFromTheDocumentThenTheRegistryThenTheShape) {
  EXPECT_TRUE(std::holds_alternative<Manifest>(*ParseManifest(ManifestText(), "application/json")));
  EXPECT_TRUE(std::holds_alternative<ImageIndex>(*ParseManifest(IndexText(), "")));
  const auto docker =
      ParseManifest(With("vnd.oci.image.manifest.v1", "vnd.docker.distribution.manifest.v2"), "");
  EXPECT_EQ(std::get<Manifest>(*docker).media_type, kDockerManifestType);
  const auto list = ParseManifest(IndexText(), kDockerListType);
  EXPECT_EQ(std::get<ImageIndex>(*list).media_type, kDockerListType);
  EXPECT_THAT(Error(With("vnd.oci.image.manifest.v1", "vnd.cncf.helm")),
              HasSubstr("is no image manifest or index"));
}

TEST(Manifest, WhatCouldBeBothIsRefused) {
  EXPECT_THAT(Error(With("\"unknown\"", "\"manifests\"")), HasSubstr("both as a manifest and as an index"));
  EXPECT_THAT(Error(ManifestText(), kOciIndexType), HasSubstr("both as a manifest and as an index"));
}

TEST(Manifest, Schema1IsRefusedWithAdvice) {
  EXPECT_THAT(Error(R"({"schemaVersion": 1, "name": "x", "fsLayers": []})"), HasSubstr("schema 1"));
  EXPECT_THAT(Error(R"({"schemaVersion": 1})", "application/vnd.docker.distribution.manifest.v1+prettyjws"),
              HasSubstr("push the image again"));
}

TEST(Manifest, SizesAreCheckedNotConverted) {
  for (const std::string bad : {"-1", "1.5", "\"7\"", "9223372036854775808", "18446744073709551616", "1e3",
                                "null", "true", "[7]", "-0.0"}) {
    EXPECT_THAT(Error(With("\"size\": 7", "\"size\": " + bad)),
                HasSubstr("config: size: is not a number of bytes"))
        << bad;
  }
  EXPECT_EQ(Error(With("\"size\": 7", "\"size\": 9223372036854775807")), "accepted");
}

TEST(Manifest, ErrorsNameTheField) {
  EXPECT_THAT(Error(With("{\"a\": \"b\"}", "{\"a\": 1}")), HasSubstr("layers[0]: annotations: a value"));
  EXPECT_THAT(Error(With("{\"a\": \"b\"}", "[]")), HasSubstr("layers[0]: annotations: is not an object"));
  EXPECT_THAT(Error(With(kDigest, "md5:1")), HasSubstr("config: digest: 'md5:1' is not a digest"));
  EXPECT_THAT(Error(With("\"config\"", "\"no_config\"")), HasSubstr("config: is missing"));
  EXPECT_THAT(Error(With("\"layers\"", "\"no_layers\"")), HasSubstr("layers: is not an array"));
  EXPECT_THAT(Error(With("\"schemaVersion\": 2", "\"schemaVersion\": 3")),
              HasSubstr("schemaVersion: is not 2"));
  EXPECT_THAT(Error(With("\"schemaVersion\": 2,", "")), HasSubstr("schemaVersion: is not 2"));
  EXPECT_THAT(Error(R"({"schemaVersion": 2, "config": 1, "layers": []})"),
              HasSubstr("config: is not an object"));
  EXPECT_THAT(Error(R"({"schemaVersion": 2, "config": {}, "layers": []})"),
              HasSubstr("mediaType: is missing"));
  EXPECT_THAT(Error(R"({"schemaVersion": 2, "mediaType": 5})"), HasSubstr("mediaType: is not a string"));
}

TEST(Manifest, NoJsonNoCrash) {
  for (const std::string bad :
       {"", "[]", "null", "\"x\"", "{", "{\"a\":}", "\xff\xfe", "{\"a\": \"\xff\"}", "<html>"}) {
    EXPECT_THAT(Error(bad), HasSubstr("it is not a JSON object")) << bad;
  }
}

TEST(Manifest, IsBounded) {
  EXPECT_THAT(Error(std::string(kMaxManifestBytes + 1, ' ')), HasSubstr("larger than 4 MiB"));
  EXPECT_THAT(Error(std::string(1'000'000, '[')), HasSubstr("nested too deeply"));
  std::string many = "[0";
  while (many.size() < 1'000'000) many += ",0";
  EXPECT_THAT(Error(many + "]"), HasSubstr("too many values"));
  // Brackets within a string are text, also behind a quote that is part of it.
  EXPECT_EQ(Error(With("\"2024\"", "\"\\\"" + std::string(100, '[') + "\"")), "accepted");
}

TEST(Manifest, WhatIsWrittenReadsBack) {
  Manifest manifest = std::get<Manifest>(*ParseManifest(ManifestText(), ""));
  manifest.layers[0].platform = Platform{"linux", "arm64", "v8"};
  manifest.layers[0].artifact_type = "t";
  const auto again = ParseManifest(ManifestJson(manifest), "");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(std::get<Manifest>(*again), manifest);
}

// Digests of pushed manifests must not change with a version of the library.
TEST(Manifest, IsWrittenInAFixedForm) {
  Manifest manifest;
  manifest.config = {"c", *Digest::Parse(kDigest), 2};
  manifest.annotations["k"] = "v\xff";
  EXPECT_EQ(ManifestJson(manifest),
            absl::StrCat(R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)",
                         R"("config":{"mediaType":"c","digest":")", kDigest,
                         R"(","size":2},"layers":[],"annotations":{"k":"v)", "\xef\xbf\xbd", R"("}})"));
}

}  // namespace
}  // namespace lacuna
