// CurlTransport against a real server: what a transfer delivers, and how connections are used.
#include "registry/curl_transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/socket.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "registry/upload_body.h"
#include "tests/registry/loopback_server.h"
#include "tests/registry/recording_handler.h"

namespace lacuna {
namespace {

std::shared_ptr<RecordingHandler> Get(CurlTransport& transport, std::string url) {
  auto handler = Issue(transport, {.url = std::move(url)});
  EXPECT_TRUE(handler->Await().ok()) << handler->Await();
  return handler;
}

LoopbackServer::Responder Always(std::string bytes) {
  return [bytes = std::move(bytes)](const ServedRequest&) { return ServedAnswer{.bytes = bytes}; };
}

size_t ThreadCount() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

TEST(CurlTransport, DeliversHeadAndBody) {
  LoopbackServer server(
      Always(LoopbackServer::Answer(206, "hello", "X-One: 1\r\nContent-Range: bytes 0-4/9\r\n")));
  CurlTransport transport;
  const auto handler = Issue(transport, {.url = server.Url("/a?b=c"), .headers = {{"Range", "bytes=0-4"}}});
  EXPECT_TRUE(handler->Await().ok());
  EXPECT_EQ(handler->head().status, 206);
  EXPECT_EQ(handler->head().Find("content-range"), "bytes 0-4/9");
  EXPECT_EQ(handler->head().url, server.Url("/a?b=c"));
  EXPECT_EQ(handler->body(), "hello");
  const ServedRequest request = server.requests().at(0);
  EXPECT_EQ(request.path, "/a?b=c");
  EXPECT_EQ(request.Header("range"), "bytes=0-4");
  EXPECT_EQ(request.Header("user-agent"), "lacuna/" LACUNA_VERSION);
  EXPECT_EQ(request.Header("authorization"), "");
}

TEST(CurlTransport, ErrorAnswersArriveWhole) {
  LoopbackServer server(Always(LoopbackServer::Answer(404, "no such thing")));
  CurlTransport transport;
  const auto handler = Get(transport, server.Url("/"));
  EXPECT_EQ(handler->head().status, 404);
  EXPECT_EQ(handler->body(), "no such thing");
}

TEST(CurlTransport, LargeBodiesArriveWhole) {
  std::string body;
  for (int i = 0; i < 2'000'000; ++i) body += static_cast<char>(i * 31 + i / 253);
  LoopbackServer server(Always(LoopbackServer::Answer(200, body)));
  CurlTransport transport;
  EXPECT_TRUE(Get(transport, server.Url("/"))->body() == body);
}

TEST(CurlTransport, InterimAnswersAndTrailersAreNotTheHead) {
  LoopbackServer server(Always(
      "HTTP/1.1 103 Early Hints\r\nX-Hint: 1\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"));
  CurlTransport transport;
  const auto handler = Get(transport, server.Url("/"));
  EXPECT_EQ(handler->heads(), 1);
  EXPECT_EQ(handler->head().status, 200);
  EXPECT_EQ(handler->head().Find("X-Hint"), "");
  EXPECT_EQ(handler->head().Find("X-Trailer"), "");
  EXPECT_EQ(handler->body(), "abcde");
}

TEST(CurlTransport, HeadHasNoBody) {
  LoopbackServer server(Always("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
  CurlTransport transport;
  const auto handler = Issue(transport, {.method = "HEAD", .url = server.Url("/")});
  EXPECT_TRUE(handler->Await().ok());
  EXPECT_EQ(handler->head().Find("Content-Length"), "1000");
  EXPECT_EQ(server.requests().at(0).method, "HEAD");
}

TEST(CurlTransport, UploadsBodies) {
  LoopbackServer server(Always(LoopbackServer::Answer(201, "")));
  CurlTransport transport;
  const std::string large(3'000'000, 'x');
  for (const std::string method : {"PUT", "POST", "PATCH"}) {
    auto body = std::make_shared<MemoryBody>(large);
    EXPECT_TRUE(Issue(transport, {.method = method, .url = server.Url("/"), .body = body})->Await().ok());
    EXPECT_EQ(server.requests().back().method, method);
    EXPECT_TRUE(server.requests().back().body == large) << method;
    EXPECT_EQ(server.requests().back().Header("expect"), "");
  }
}

TEST(CurlTransport, AnUploadWithoutBodySaysSo) {
  LoopbackServer server(Always(LoopbackServer::Answer(202, "")));
  CurlTransport transport;
  EXPECT_TRUE(Issue(transport, {.method = "POST", .url = server.Url("/")})->Await().ok());
  EXPECT_EQ(server.requests().at(0).Header("content-length"), "0");
}

TEST(CurlTransport, OtherMethodsAreSentAsTheyAre) {
  LoopbackServer server(Always(LoopbackServer::Answer(202, "")));
  CurlTransport transport;
  EXPECT_TRUE(Issue(transport, {.method = "DELETE", .url = server.Url("/")})->Await().ok());
  EXPECT_EQ(server.requests().at(0).method, "DELETE");
}

// A handle is used again for the next request, and nothing of the last one must be left on it.
TEST(CurlTransport, RequestsLeaveNoTrace) {
  LoopbackServer server(Always(LoopbackServer::Answer(200, "")));
  CurlTransport transport;
  Issue(transport, {.method = "PUT",
                    .url = server.Url("/1"),
                    .headers = {{"X-One", "1"}},
                    .authorization = "Basic secret",
                    .body = std::make_shared<MemoryBody>("body")})
      ->Await()
      .IgnoreError();
  Issue(transport, {.method = "HEAD", .url = server.Url("/2")})->Await().IgnoreError();
  Get(transport, server.Url("/3"));
  const ServedRequest last = server.requests().at(2);
  EXPECT_EQ(last.method, "GET");
  EXPECT_EQ(last.Header("x-one"), "");
  EXPECT_EQ(last.Header("authorization"), "");
  EXPECT_EQ(last.body, "");
}

TEST(CurlTransport, KeepsConnectionsAlive) {
  LoopbackServer server(Always(LoopbackServer::Answer(200, "x")));
  CurlTransport transport;
  for (int i = 0; i < 20; ++i) Get(transport, server.Url("/"));
  EXPECT_EQ(server.accepted(), 1);
}

// 64 requests at once on 64 connections, twice: one thread, and the second time no new connection.
TEST(CurlTransport, ManyAtOnceTakeOneThreadAndReuseConnections) {
  constexpr int kAtOnce = 64;
  LoopbackServer server([](const ServedRequest&) {
    return ServedAnswer{.bytes = LoopbackServer::Answer(200, "x"), .hold = true};
  });
  const size_t threads_before = ThreadCount();
  CurlTransport transport;
  std::vector<std::shared_ptr<RecordingHandler>> handlers;
  for (int i = 0; i < kAtOnce; ++i) handlers.push_back(Issue(transport, {.url = server.Url("/")}));
  server.AwaitRequests(kAtOnce);
  EXPECT_EQ(ThreadCount(), threads_before + 1);
  EXPECT_EQ(server.accepted(), kAtOnce);
  server.Release();
  for (const auto& handler : handlers) EXPECT_TRUE(handler->Await().ok());

  handlers.clear();
  for (int i = 0; i < kAtOnce; ++i) handlers.push_back(Issue(transport, {.url = server.Url("/")}));
  for (const auto& handler : handlers) EXPECT_TRUE(handler->Await().ok());
  EXPECT_EQ(server.accepted(), kAtOnce);
}

TEST(CurlTransport, AHandlerMayIssue) {
  LoopbackServer server(Always(LoopbackServer::Answer(200, "x")));
  CurlTransport transport;
  auto second = std::make_shared<RecordingHandler>();
  auto first =
      std::make_shared<RecordingHandler>([&] { transport.Issue({.url = server.Url("/2")}, second); });
  transport.Issue({.url = server.Url("/1")}, first);
  EXPECT_TRUE(second->Await().ok());
}

// TLS writes to a connection that the server has closed raise it.
TEST(CurlTransport, NoSigpipe) {
  LoopbackServer server(Always(LoopbackServer::Answer(200, "x")));
  CurlTransport transport;
  bool blocked = false;
  const auto handler = std::make_shared<RecordingHandler>([&] {
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, nullptr, &set);
    blocked = sigismember(&set, SIGPIPE) == 1;
  });
  transport.Issue({.url = server.Url("/")}, handler);
  EXPECT_TRUE(handler->Await().ok());
  transport.Stop();
  EXPECT_TRUE(blocked);
}

TEST(CurlTransport, ChildrenInheritNoConnection) {
  LoopbackServer server([](const ServedRequest&) { return ServedAnswer{.hold = true}; });
  CurlTransport transport;
  const auto handler = Issue(transport, {.url = server.Url("/")});
  server.AwaitRequests(1);
  int sockets = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    int fd = -1;
    int domain = 0;
    socklen_t size = sizeof(domain);
    ASSERT_TRUE(absl::SimpleAtoi(entry.path().filename().string(), &fd));
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain == AF_UNIX) continue;
    ++sockets;
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0) << fd;
  }
  EXPECT_EQ(sockets, 3);  // the server's two and the client's
}

TEST(CurlTransport, StopCancelsWhatRunsAndWhatComes) {
  LoopbackServer server([](const ServedRequest&) { return ServedAnswer{.hold = true}; });
  CurlTransport transport;
  std::vector<std::shared_ptr<RecordingHandler>> handlers;
  for (int i = 0; i < 10; ++i) handlers.push_back(Issue(transport, {.url = server.Url("/")}));
  server.AwaitRequests(10);
  handlers.push_back(Issue(transport, {.url = server.Url("/")}));
  transport.Stop();
  transport.Stop();
  handlers.push_back(Issue(transport, {.url = server.Url("/")}));
  for (const auto& handler : handlers) {
    EXPECT_EQ(handler->dones(), 1);
    EXPECT_EQ(handler->Await().code(), absl::StatusCode::kCancelled);
  }
}

TEST(CurlTransport, TheDestructorCancels) {
  LoopbackServer server([](const ServedRequest&) { return ServedAnswer{.hold = true}; });
  auto transport = std::make_unique<CurlTransport>();
  auto second = std::make_shared<RecordingHandler>();
  auto first =
      std::make_shared<RecordingHandler>([&] { transport->Issue({.url = server.Url("/")}, second); });
  transport->Issue({.url = server.Url("/")}, first);
  server.AwaitRequests(1);
  transport->Stop();
  transport.reset();
  EXPECT_EQ(first->Await().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(second->Await().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace lacuna
