// What the reader makes of archives that GNU tar, bsdtar and Python's tarfile wrote, against the tree they
// were made of.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/erofs-tools/command.h"
#include "tests/erofs-tools/tar/recording_sink.h"
#include "tests/erofs-tools/tar/tar_checks.h"

namespace lacuna {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAreArray;
using Type = TarEntry::Type;

constexpr uint64_t kSparseSize = 1 << 20;

std::string FileBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

// The file's bytes, holes included.
std::string Content(const ReadEntry& read) {
  std::string content(read.entry.size, '\0');
  size_t at = 0;
  for (const ByteRange& segment : read.entry.segments) {
    content.replace(segment.offset, segment.length, read.body, at, segment.length);
    at += segment.length;
  }
  return content;
}

struct Tool {
  std::string name;
  std::string program;
  std::string command;  // writes the archive of "." to stdout
  bool long_paths = true;
  bool devices = true;          // fifos, too
  bool negative_times = false;  // before 1970; bsdtar writes -99.75 as -100.25
  bool fractions = false;       // of mtime
  bool xattrs = false;
  bool holes = false;
};

class RealTools : public ::testing::TestWithParam<Tool> {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "tar_tools.XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    tree_ = folder + "/tree";
    std::filesystem::create_directories(tree_ + "/dir");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& path, const std::string& bytes) {
    std::filesystem::create_directories(std::filesystem::path(tree_ + "/" + path).parent_path());
    std::ofstream(tree_ + "/" + path, std::ios::binary) << bytes;
  }

  void MakeTree(const Tool& tool) {
    Write("dir/file", std::string(70'000, 'f'));
    Write("empty", "");
    Write("block", std::string(512, 'b'));
    std::filesystem::create_symlink("dir/file", tree_ + "/symlink");
    std::filesystem::create_hard_link(tree_ + "/dir/file", tree_ + "/hardlink");
    std::filesystem::permissions(tree_ + "/block", std::filesystem::perms(04751));
    if (tool.devices) {
      ASSERT_EQ(mkfifo((tree_ + "/fifo").c_str(), 0600), 0);
    }
    if (tool.long_paths) {
      const std::string folder(120, 'd');
      Write(folder + "/" + folder + "/" + std::string(200, 'n'), "long");
      Write("caf\xc3\xa9\n", "other letters");
      std::filesystem::create_symlink(std::string(300, 't'), tree_ + "/long_symlink");
    }
    Write("prefix/" + std::string(90, 'p'), "prefix");
    has_xattrs_ = tool.xattrs && setxattr((tree_ + "/empty").c_str(), "user.one", "1\0=\n2", 5, 0) == 0 &&
                  setxattr((tree_ + "/empty").c_str(), "user.none", "", 0, 0) == 0;
    std::ofstream sparse(tree_ + "/sparse", std::ios::binary);
    // More pieces than an old GNU header and one block after it hold.
    for (int i = 0; i < 40; ++i) sparse.seekp(i * 16384) << "piece " << i;
    sparse.close();
    std::filesystem::resize_file(tree_ + "/sparse", kSparseSize);
    const timespec times[2] = {{0, 0}, {1234567890, 123456789}};
    ASSERT_EQ(utimensat(AT_FDCWD, (tree_ + "/block").c_str(), times, 0), 0);
    const timespec old[2] = {{0, 0}, {-100, 250'000'000}};
    if (tool.negative_times) {
      ASSERT_EQ(utimensat(AT_FDCWD, (tree_ + "/empty").c_str(), old, 0), 0);
    }
  }

  void ExpectEqualToTree(const ReadEntry& read, const Tool& tool) {
    const TarEntry& entry = read.entry;
    const std::string path = tree_ + "/" + entry.path;
    SCOPED_TRACE(entry.path);
    struct stat info = {};
    ASSERT_EQ(lstat(path.c_str(), &info), 0);
    EXPECT_EQ(entry.uid, info.st_uid);
    EXPECT_EQ(entry.gid, info.st_gid);
    if (entry.type != Type::kSymlink) {
      EXPECT_EQ(entry.permissions, info.st_mode & 07777);
    }
    EXPECT_EQ(entry.mtime, info.st_mtime);
    if (tool.fractions) {
      EXPECT_EQ(entry.mtime_nanoseconds, info.st_mtim.tv_nsec);
    }
    if (entry.type == Type::kRegular) {
      EXPECT_TRUE(S_ISREG(info.st_mode));
      EXPECT_TRUE(Content(read) == FileBytes(path));
    } else if (entry.type == Type::kSymlink) {
      EXPECT_EQ(entry.target, std::filesystem::read_symlink(path).string());
    } else if (entry.type == Type::kHardLink) {
      EXPECT_TRUE(std::filesystem::equivalent(path, tree_ + "/" + entry.target));
    } else {
      EXPECT_EQ(entry.type == Type::kDirectory, S_ISDIR(info.st_mode));
      EXPECT_EQ(entry.type == Type::kFifo, S_ISFIFO(info.st_mode));
    }
  }

  std::string folder_;
  std::string tree_;
  bool has_xattrs_ = false;
};

TEST_P(RealTools, ArchiveIsReadAsTheTreeItWasMadeOf) {
  const Tool& tool = GetParam();
  if (!HasProgram(tool.program)) GTEST_SKIP() << "needs " << tool.program;
  ASSERT_NO_FATAL_FAILURE(MakeTree(tool));
  const std::string archive_path = folder_ + "/archive.tar";
  const CommandResult made =
      RunCommand("(cd " + tree_ + " && LC_ALL=C.UTF-8 " + tool.command + " > " + archive_path + ")");
  ASSERT_EQ(made.status, 0) << made.output;

  const std::string archive = FileBytes(archive_path);
  const RecordingSink sink = ReadTar(archive);
  ASSERT_TRUE(sink.status.ok()) << sink.status;
  EXPECT_EQ(ViolationOf(archive, 1), "");
  std::vector<std::string> paths;
  for (const ReadEntry& read : sink.entries) {
    ExpectEqualToTree(read, tool);
    paths.push_back(std::filesystem::path(tree_ + "/" + read.entry.path + "/.").lexically_normal().string());
    if (absl::EndsWith(read.entry.path, "sparse") && tool.holes) {
      EXPECT_LT(read.body.size(), kSparseSize);
    }
    if (absl::EndsWith(read.entry.path, "empty") && has_xattrs_) {
      EXPECT_THAT(read.entry.xattrs,
                  ElementsAre(Xattr{"user.none", ""}, Xattr{"user.one", std::string("1\0=\n2", 5)}));
    }
  }
  std::vector<std::string> expected = {tree_ + "/"};
  for (const auto& file : std::filesystem::recursive_directory_iterator(tree_)) {
    expected.push_back(file.path().string() + "/");
  }
  EXPECT_THAT(paths, UnorderedElementsAreArray(expected));
}

std::string Gnu(const std::string& options) {
  return "tar " + options + " -cf - .";
}
std::string Python(const std::string& format) {
  return "python3 -c 'import tarfile, sys; tarfile.open(mode=\"w|\", fileobj=sys.stdout.buffer, "
         "format=tarfile." +
         format + ").add(\".\")'";
}

INSTANTIATE_TEST_SUITE_P(
    , RealTools,
    ::testing::Values(
        Tool{.name = "GnuTarV7",
             .program = "tar",
             .command = Gnu("--format=v7"),
             .long_paths = false,
             .devices = false},
        Tool{.name = "GnuTarOldGnu",
             .program = "tar",
             .command = Gnu("--format=oldgnu"),
             .negative_times = true},
        Tool{.name = "GnuTarGnu",
             .program = "tar",
             .command = Gnu("--format=gnu -S"),
             .negative_times = true,
             .holes = true},
        Tool{.name = "GnuTarUstar", .program = "tar", .command = Gnu("--format=ustar"), .long_paths = false},
        Tool{.name = "GnuTarPax",
             .program = "tar",
             .command = Gnu("--format=pax --xattrs"),
             .negative_times = true,
             .fractions = true,
             .xattrs = true},
        Tool{.name = "GnuTarSparse00",
             .program = "tar",
             .command = Gnu("--format=pax -S --sparse-version=0.0"),
             .negative_times = true,
             .fractions = true,
             .holes = true},
        Tool{.name = "GnuTarSparse01",
             .program = "tar",
             .command = Gnu("--format=pax -S --sparse-version=0.1"),
             .negative_times = true,
             .fractions = true,
             .holes = true},
        Tool{.name = "GnuTarSparse10",
             .program = "tar",
             .command = Gnu("--format=pax -S --sparse-version=1.0"),
             .negative_times = true,
             .fractions = true,
             .holes = true},
        Tool{.name = "BsdtarPax",
             .program = "bsdtar",
             .command = "bsdtar --format=pax --xattrs -cf - .",
             .fractions = true,
             .xattrs = true,
             .holes = true},
        Tool{.name = "BsdtarGnu", .program = "bsdtar", .command = "bsdtar --format=gnutar -cf - ."},
        Tool{.name = "BsdtarUstar",
             .program = "bsdtar",
             .command = "bsdtar --format=ustar -cf - .",
             .long_paths = false},
        Tool{.name = "PythonGnu", .program = "python3", .command = Python("GNU_FORMAT")},
        Tool{.name = "PythonPax",
             .program = "python3",
             .command = Python("PAX_FORMAT"),
             .negative_times = true}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace lacuna
