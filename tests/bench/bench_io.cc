// The timed part of tests/bench/run, native so that what is measured is the file system or the registry, not
// an interpreter. Prints microseconds, one number a line. Called by tests/bench/run only.
//
//   bench_io read FILE        reads 4 KiB at each offset given on stdin
//   bench_io stream FILE      reads all of FILE in order; one number
//   bench_io get PORT PATH    GETs each "FIRST LAST" of stdin from 127.0.0.1:PORT, as a Range, over one
//   connection
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "daemon/base/unique_fd.h"

namespace lacuna {
namespace {

constexpr size_t kReadBytes = 4096;
constexpr size_t kStreamBytes = 1 << 20;

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::exit(1);
}

template <typename Work>
void PrintTimeOf(const Work& work) {
  const auto started = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - started;
  std::printf("%.2f\n", took.count());
}

UniqueFd OpenFile(const char* path, int advice) {
  UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) Die(path);
  posix_fadvise(file.get(), 0, 0, advice);
  return file;
}

void ReadOffsets(const char* path) {
  const UniqueFd file = OpenFile(path, POSIX_FADV_RANDOM);
  std::vector<char> buffer(kReadBytes);
  for (off_t offset = 0; std::cin >> offset;) {
    PrintTimeOf([&] {
      if (pread(file.get(), buffer.data(), buffer.size(), offset) != kReadBytes) Die("read");
    });
  }
}

void Stream(const char* path) {
  const UniqueFd file = OpenFile(path, POSIX_FADV_SEQUENTIAL);
  std::vector<char> buffer(kStreamBytes);
  PrintTimeOf([&] {
    ssize_t got = 0;
    while ((got = read(file.get(), buffer.data(), buffer.size())) > 0) {
    }
    if (got < 0) Die("read");
  });
}

UniqueFd Connect(int port) {
  UniqueFd connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Die("connect");
  return connection;
}

// Receives one answer: a head, and as much body as was asked for.
void ReceiveAnswer(const UniqueFd& connection, size_t body_bytes, std::vector<char>& buffer) {
  size_t have = 0;
  size_t want = SIZE_MAX;  // of head and body; not known before the head ends
  while (have < want) {
    const ssize_t got = recv(connection.get(), buffer.data() + have, buffer.size() - have, 0);
    if (got <= 0) Die("recv");
    have += static_cast<size_t>(got);
    if (want != SIZE_MAX) continue;
    const std::string_view head(buffer.data(), have);
    const size_t end = head.find("\r\n\r\n");
    if (end == std::string_view::npos) continue;
    if (head.substr(0, 12) != "HTTP/1.1 206") Die("answer is not 206");
    want = end + 4 + body_bytes;
  }
}

void GetRanges(int port, const std::string& path) {
  const UniqueFd connection = Connect(port);
  size_t first = 0;
  size_t last = 0;
  while (std::cin >> first >> last) {
    const std::string request = "GET " + path +
                                " HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes=" + std::to_string(first) +
                                "-" + std::to_string(last) + "\r\n\r\n";
    std::vector<char> buffer(last - first + (64 << 10));
    PrintTimeOf([&] {
      if (send(connection.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) Die("send");
      ReceiveAnswer(connection, last - first + 1, buffer);
    });
  }
}

int Main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "read" && argc == 3) {
    ReadOffsets(argv[2]);
  } else if (mode == "stream" && argc == 3) {
    Stream(argv[2]);
  } else if (mode == "get" && argc == 4) {
    GetRanges(std::atoi(argv[2]), argv[3]);
  } else {
    std::fprintf(stderr, "usage: bench_io read|stream FILE | get PORT PATH\n");
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace lacuna

int main(int argc, char** argv) {
  return lacuna::Main(argc, argv);
}
