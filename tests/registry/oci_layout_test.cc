// Folders of images: what is read is verified, what is written appears whole, and others' entries stay.
#include "registry/oci_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/index_edit.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

using testing::HasSubstr;

Descriptor Describe(const std::string& content) {
  return {.media_type = kOciManifestType, .digest = Digest::Of(content), .size = content.size()};
}

std::string Text(const absl::Status& status) {
  return std::string(status.message());
}

class OciLayoutTest : public testing::Test {
 protected:
  OciLayout Make() const { return *OciLayout::OpenOrMake(path_); }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(path_ + "/" + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  absl::Status Add(OciLayout& layout, const std::string& content) const {
    MemoryBody body(content);
    return layout.AddBlob(Describe(content), body, nullptr);
  }

  DiskFolder folder_;
  const std::string path_ = folder_ / "layout";
};

TEST(LayoutName, TheFirstColonEndsTheFolder) {
  EXPECT_EQ(ParseLayoutName("/a/b")->folder, "/a/b");
  EXPECT_EQ(ParseLayoutName("/a/b")->tag, "");
  EXPECT_EQ(ParseLayoutName("b:host:5000/x:v1")->tag, "host:5000/x:v1");
  for (const char* bad : {"", ":v1", "a:"})
    EXPECT_TRUE(absl::IsInvalidArgument(ParseLayoutName(bad).status())) << bad;
}

TEST_F(OciLayoutTest, IsMadeWhereNothingIs) {
  OciLayout layout = Make();
  EXPECT_EQ(Read("oci-layout"), R"({"imageLayoutVersion":"1.0.0"})");
  EXPECT_TRUE(Add(layout, "{}").ok());
  EXPECT_TRUE(layout.AddToIndex(Describe("{}"), "v1").ok());
  const OciLayout again = *OciLayout::Open(path_);
  EXPECT_EQ(again.Find("v1")->digest, Digest::Of("{}"));
  EXPECT_EQ(again.Find("")->digest, Digest::Of("{}"));
  EXPECT_EQ(*again.ReadManifestBytes(*again.Find("v1")), "{}");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()),
            3);
}

TEST_F(OciLayoutTest, WhatIsNoLayoutIsRefused) {
  EXPECT_TRUE(absl::IsNotFound(OciLayout::Open(path_).status()));
  std::filesystem::create_directory(path_);
  EXPECT_TRUE(absl::IsInvalidArgument(OciLayout::Open(path_).status()));
  Write("file", "x");
  const absl::Status status = OciLayout::OpenOrMake(path_).status();
  EXPECT_THAT(Text(status), HasSubstr("not empty; name a new folder"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/oci-layout"));
  for (const char* version :
       {"", "x", "{}", R"({"imageLayoutVersion":"2.0.0"})", R"({"imageLayoutVersion":1})"}) {
    Write("oci-layout", version);
    EXPECT_TRUE(absl::IsInvalidArgument(OciLayout::Open(path_).status())) << version;
    EXPECT_TRUE(absl::IsInvalidArgument(OciLayout::OpenOrMake(path_).status())) << version;
  }
}

TEST_F(OciLayoutTest, AnErrorListsTheTags) {
  OciLayout layout = Make();
  EXPECT_THAT(Text(layout.Find("").status()), HasSubstr("no images"));
  EXPECT_TRUE(layout.AddToIndex(Describe("a"), "v1").ok());
  EXPECT_TRUE(layout.AddToIndex(Describe("b"), "v2").ok());
  EXPECT_TRUE(absl::IsNotFound(layout.Find("v3").status()));
  EXPECT_THAT(Text(layout.Find("v3").status()), HasSubstr("its tags: v1, v2"));
  EXPECT_TRUE(absl::IsInvalidArgument(layout.Find("").status()));
  EXPECT_THAT(Text(layout.Find("").status()), HasSubstr("name one as oci:DIR:TAG, its tags: v1, v2"));
}

TEST_F(OciLayoutTest, AnEntryReplacesItsNamesakeAndNothingElse) {
  OciLayout layout = Make();
  Write("index.json",
        absl::StrCat(R"({"schemaVersion":2,"annotations":{"k":"v"},"manifests":[
      {"mediaType":"m","digest":")",
                     Digest::Of("other").ToString(), R"(","size":5,"data":"b3RoZXI=","new":[null]},
      {"mediaType":"m","digest":")",
                     Digest::Of("old").ToString(), R"(","size":3,
       "annotations":{"org.opencontainers.image.ref.name":"v1"}}]})"));
  EXPECT_TRUE(layout.AddToIndex(Describe("new"), "v1").ok());
  EXPECT_TRUE(layout.AddToIndex(Describe("unnamed"), "").ok());
  EXPECT_TRUE(layout.AddToIndex(Describe("unnamed"), "").ok());
  const std::string index = Read("index.json");
  EXPECT_THAT(index, HasSubstr(R"("data":"b3RoZXI=")"));
  EXPECT_THAT(index, HasSubstr(R"("new":[null])"));
  EXPECT_THAT(index, HasSubstr(R"("annotations":{"k":"v"})"));
  EXPECT_THAT(index, testing::Not(HasSubstr(Digest::Of("old").ToString())));
  EXPECT_EQ(EntriesOf(index)->size(), 3);
  EXPECT_EQ(layout.Find("v1")->digest, Digest::Of("new"));
}

TEST_F(OciLayoutTest, OnlyWhatFitsItsDigestIsWrittenOrRead) {
  OciLayout layout = Make();
  MemoryBody other("bytez");
  EXPECT_TRUE(IsIntegrityError(layout.AddBlob(Describe("bytes"), other, nullptr)));
  EXPECT_TRUE(std::filesystem::is_empty(path_ + "/blobs/sha256"));
  EXPECT_TRUE(Add(layout, "bytes").ok());
  EXPECT_TRUE(layout.HasBlob(Describe("bytes")));
  EXPECT_EQ((*layout.OpenBlob(Describe("bytes"), nullptr))->size(), 5);
  const std::string blob = "blobs/sha256/" + Digest::Of("bytes").hex();
  for (const char* damaged : {"bytez", "byte", ""}) {
    Write(blob, damaged);
    EXPECT_FALSE(layout.HasBlob(Describe("bytes")));
    EXPECT_TRUE(IsIntegrityError(layout.OpenBlob(Describe("bytes"), nullptr).status()));
    EXPECT_TRUE(IsIntegrityError(layout.ReadManifestBytes(Describe("bytes")).status()));
  }
  EXPECT_TRUE(Add(layout, "bytes").ok());  // in place of the damaged one
  EXPECT_EQ(Read(blob), "bytes");
}

TEST_F(OciLayoutTest, AnIndexThatCannotBeReadIsNeverReplaced) {
  OciLayout layout = Make();
  for (const char* broken : {"", "[]", R"({"manifests":7})", R"({"manifests":[7]})"}) {
    Write("index.json", broken);
    EXPECT_TRUE(absl::IsInvalidArgument(layout.AddToIndex(Describe("x"), "v1"))) << broken;
    EXPECT_EQ(Read("index.json"), broken);
  }
}

TEST_F(OciLayoutTest, WritersAtOnceLoseNothing) {
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i) {
    writers.emplace_back([this, i] {
      OciLayout layout = Make();
      for (int j = 0; j < 10; ++j) {
        const std::string name = absl::StrCat(i, "-", j);
        EXPECT_TRUE(Add(layout, name).ok());
        EXPECT_TRUE(Add(layout, "shared").ok());
        EXPECT_TRUE(layout.AddToIndex(Describe(name), name).ok());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(EntriesOf(Read("index.json"))->size(), 80);
  EXPECT_EQ(Make().Find("7-9")->digest, Digest::Of("7-9"));
}

}  // namespace
}  // namespace lacuna
