// Random archives, sane and damaged, read in random pieces and from their structure.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/erofs-tools/tar/tar_checks.h"

namespace lacuna {
namespace {

class RandomTar {
 public:
  explicit RandomTar(uint32_t seed) : random_(seed) {}

  std::string Archive() {
    std::string archive;
    for (uint32_t entries = Below(8); entries > 0; --entries) archive += Entry();
    if (Below(4) > 0) archive += kTarEnd;
    if (Below(4) == 0) archive += kTarEnd + Bytes(Below(700));
    return archive;
  }

  std::string Damaged(std::string archive) {
    for (uint32_t times = 1 + Below(3); times > 0 && !archive.empty(); --times) {
      if (Below(4) == 0) {
        archive.resize(Below(static_cast<uint32_t>(archive.size())));
      } else {
        archive[Below(static_cast<uint32_t>(archive.size()))] = static_cast<char>(Below(256));
      }
    }
    return Below(2) == 0 ? archive : WithChecksums(archive);
  }

  uint32_t Seed() { return random_(); }

 private:
  uint32_t Below(uint32_t limit) { return limit == 0 ? 0 : random_() % limit; }

  std::string Bytes(size_t length) {
    std::string bytes(length, '\0');
    for (char& byte : bytes) byte = static_cast<char>(Below(256));
    return bytes;
  }

  std::string Name(size_t length) {
    std::string name;
    for (size_t i = 0; i < 1 + length; ++i) name.push_back("ab/.\xff z"[Below(7)]);
    return name;
  }

  std::string Body() { return Bytes(Below(3) == 0 ? Below(5000) : 512 * Below(3)); }

  std::string Entry() {
    std::string before;
    if (Below(8) == 0) before += Pax({{"comment", Name(20)}}, 'g');
    if (Below(6) == 0) before += GnuLong('L', Name(Below(1200)));
    if (Below(6) == 0) before += GnuLong('K', Name(Below(1200)));
    if (Below(6) == 0) return before + SparseText();
    if (Below(6) == 0) return before + GnuSparse();
    if (Below(3) == 0) {
      before += Pax({{"path", Name(Below(700))},
                     {"mtime", "-1.25"},
                     {"SCHILY.xattr.user." + Name(3), Bytes(Below(900))},
                     {"SCHILY.xattr.trusted.overlay.opaque", "y"}});
    }
    TarFields fields = Fields();
    fields.flag = "0007123456"[Below(10)];
    return before +
           (fields.flag < '1' || fields.flag == '7' ? TarFile(fields, Body()) : TarHeaderBlock(fields));
  }

  TarFields Fields() {
    return {.name = Name(Below(50)),
            .target = "to",
            .prefix = Below(2) == 0 ? "p" : "",
            .device_major = Below(2)};
  }

  // Segments of up to 100 bytes, and the text that names them; adds up their bytes in `stored`.
  SparseSegments Segments(uint64_t& size, uint64_t& stored) {
    SparseSegments segments;
    for (uint32_t count = Below(40); count > 0; --count) {
      const uint64_t length = Below(100);
      size += Below(2) * Below(1000);
      segments.emplace_back(size, length);
      size += length;
      stored += length;
    }
    return segments;
  }

  std::string SparseText() {
    uint64_t size = 0;
    uint64_t stored = 0;
    const auto segments = Segments(size, stored);
    std::string map = std::to_string(segments.size()) + "\n";
    for (const auto& [offset, length] : segments) {
      map += std::to_string(offset) + "\n" + std::to_string(length) + "\n";
    }
    const PaxRecords records = {
        {"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", std::to_string(size)}};
    return Pax(records) + TarFile(Fields(), Padded(map) + Bytes(stored));
  }

  std::string GnuSparse() {
    uint64_t size = 0;
    uint64_t stored = 0;
    const auto segments = Segments(size, stored);
    return GnuSparseFile("sparse", size, segments, Bytes(stored));
  }

  std::minstd_rand random_;
};

int Runs(int runs) {
  const char* scale = std::getenv("LACUNA_TEST_SCALE");
  return scale == nullptr ? runs : runs * std::atoi(scale);
}

TEST(TarProperties, EveryArchiveIsReadTheSameInPiecesAndFromItsStructure) {
  for (int seed = 1; seed <= Runs(1000); ++seed) {
    RandomTar random(static_cast<uint32_t>(seed));
    const std::string archive = random.Archive();
    ASSERT_TRUE(ReadTar(archive).status.ok()) << "seed " << seed << ": " << ReadTar(archive).status;
    ASSERT_EQ(ViolationOf(archive, random.Seed()), "") << "seed " << seed;
  }
}

TEST(TarProperties, DamagedArchivesBreakNoPromise) {
  for (int seed = 1; seed <= Runs(3000); ++seed) {
    RandomTar random(static_cast<uint32_t>(seed));
    const std::string archive = random.Damaged(random.Archive());
    ASSERT_EQ(ViolationOf(archive, random.Seed()), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace lacuna
