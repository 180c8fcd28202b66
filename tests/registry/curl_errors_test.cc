// CurlTransport against servers that misbehave: every request ends, with a cause and nothing leaked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "registry/curl_transport.h"
#include "tests/registry/loopback_server.h"
#include "tests/registry/recording_handler.h"

namespace lacuna {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using After = ServedAnswer::After;

constexpr char kHalfABody[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345";

LoopbackServer::Responder Always(ServedAnswer answer) {
  return [answer = std::move(answer)](const ServedRequest&) { return answer; };
}

void ExpectError(const absl::Status& status, absl::StatusCode code, absl::string_view text) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(text)));
}

// The status of one GET of a server that always answers like this.
absl::Status EndOf(ServedAnswer answer) {
  LoopbackServer server(Always(std::move(answer)));
  CurlTransport transport;
  const auto handler =
      Issue(transport, {.url = server.Url("/?secret"), .stall_timeout = std::chrono::milliseconds(100)});
  const absl::Status status = handler->Await();
  EXPECT_THAT(std::string(status.message()), HasSubstr("127.0.0.1"));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  return status;
}

TEST(CurlErrors, BodyCutShort) {
  ExpectError(EndOf({.bytes = kHalfABody, .after = After::kClose}), absl::StatusCode::kUnavailable,
              "cut short");
}

TEST(CurlErrors, ResetInTheBody) {
  ExpectError(EndOf({.bytes = kHalfABody, .after = After::kReset}), absl::StatusCode::kUnavailable, "");
}

TEST(CurlErrors, ResetBeforeTheAnswer) {
  ExpectError(EndOf({.after = After::kReset}), absl::StatusCode::kUnavailable, "connection");
}

TEST(CurlErrors, ClosedBeforeTheAnswer) {
  ExpectError(EndOf({.after = After::kClose}), absl::StatusCode::kUnavailable, "closed without an answer");
}

TEST(CurlErrors, AServerThatAcceptsAndNeverAnswersHasStalled) {
  ExpectError(EndOf({.hold = true}), absl::StatusCode::kDeadlineExceeded, "stalled: no byte for 100ms");
}

TEST(CurlErrors, ABodyThatStopsHasStalled) {
  ExpectError(EndOf({.bytes = kHalfABody}), absl::StatusCode::kDeadlineExceeded,
              "stalled: no byte for 100ms");
}

// Longer than the limit in all, but a byte moves in time. On a busy machine the server may itself pause for
// too long: then the attempt says nothing.
TEST(CurlErrors, ASlowBodyHasNotStalled) {
  constexpr std::chrono::milliseconds kLimit(600);
  LoopbackServer server(
      Always({.bytes = LoopbackServer::Answer(200, "12345"), .pieces = 5, .pause = kLimit / 3}));
  CurlTransport transport;
  do {
    const auto slow = Issue(transport, {.url = server.Url("/"), .stall_timeout = kLimit});
    const absl::Status status = slow->Await();
    if (status.ok()) return;
    ASSERT_THAT(std::string(status.message()), HasSubstr("stalled"));
  } while (server.longest_pause() > kLimit);
  FAIL() << "ended as stalled while bytes came";
}

TEST(CurlErrors, NotHttp) {
  EXPECT_FALSE(EndOf({.bytes = "SSH-2.0-OpenSSH_9.2\r\n", .after = After::kClose}).ok());
}

TEST(CurlErrors, HeadersWithoutEnd) {
  std::string many = "HTTP/1.1 200 OK\r\n";
  while (many.size() < 70 * 1024) absl::StrAppend(&many, "X-Some-Header: some value\r\n");
  ExpectError(EndOf({.bytes = many}), absl::StatusCode::kUnknown, "more than 64 KiB of headers");
  EXPECT_FALSE(EndOf({.bytes = "HTTP/1.1 200 OK\r\nX: " + std::string(200 * 1024, 'x')}).ok());
}

TEST(CurlErrors, InterimAnswersWithoutEnd) {
  std::string many;
  while (many.size() < 70 * 1024) many += "HTTP/1.1 103 Early Hints\r\nX-Some-Header: some value\r\n\r\n";
  ExpectError(EndOf({.bytes = many}), absl::StatusCode::kUnknown, "more than 64 KiB of headers");
}

TEST(CurlErrors, NobodyListens) {
  std::string url;
  {
    LoopbackServer gone(Always({}));
    url = gone.Url("/");
  }
  CurlTransport transport;
  ExpectError(Issue(transport, {.url = url})->Await(), absl::StatusCode::kUnavailable, "Connection refused");
}

TEST(CurlErrors, UrlsOfOtherKinds) {
  CurlTransport transport;
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/"}) {
    ExpectError(Issue(transport, {.url = url})->Await(), absl::StatusCode::kUnknown, "only http and https");
  }
  ExpectError(Issue(transport, {.url = "http://"})->Await(), absl::StatusCode::kInvalidArgument, "URL");
}

TEST(CurlErrors, TheHandlersOwnErrorEndsTheTransfer) {
  LoopbackServer server(Always({.bytes = LoopbackServer::Answer(200, "hello")}));
  CurlTransport transport;
  auto refuses_head = std::make_shared<RecordingHandler>();
  refuses_head->head_answer = absl::DataLossError("no");
  transport.Issue({.url = server.Url("/")}, refuses_head);
  EXPECT_EQ(refuses_head->Await(), absl::DataLossError("no"));
  EXPECT_EQ(refuses_head->body(), "");
  auto refuses_body = std::make_shared<RecordingHandler>();
  refuses_body->body_answer = absl::DataLossError("never");
  transport.Issue({.url = server.Url("/")}, refuses_body);
  EXPECT_EQ(refuses_body->Await(), absl::DataLossError("never"));
}

// A server may close an idle connection just when it is used again; that is nobody's failure.
TEST(CurlErrors, AKeptConnectionThatDiedIsReplaced) {
  int count = 0;
  LoopbackServer server([&count](const ServedRequest&) {
    return ++count == 2 ? ServedAnswer{.after = After::kClose}
                        : ServedAnswer{.bytes = LoopbackServer::Answer(200, "x")};
  });
  CurlTransport transport;
  EXPECT_TRUE(Issue(transport, {.url = server.Url("/1")})->Await().ok());
  const auto second = Issue(transport, {.url = server.Url("/2")});
  EXPECT_TRUE(second->Await().ok()) << second->Await();
  EXPECT_EQ(server.accepted(), 2);
}

std::string RedirectTo(absl::string_view url, int code = 307) {
  return LoopbackServer::Answer(code, "the body of a redirect", absl::StrCat("Location: ", url, "\r\n"));
}

// Whoever issues decides what another host may see.
TEST(CurlErrors, ARedirectIsAnAnswerAndNotFollowed) {
  LoopbackServer target(Always({.bytes = LoopbackServer::Answer(200, "here")}));
  LoopbackServer server(Always({.bytes = RedirectTo(target.Url("/b?sig=1"))}));
  CurlTransport transport;
  const auto handler = Issue(transport, {.url = server.Url("/a"), .authorization = "Basic c2VjcmV0"});
  EXPECT_TRUE(handler->Await().ok());
  EXPECT_EQ(handler->head().status, 307);
  EXPECT_EQ(handler->head().url, server.Url("/a"));
  EXPECT_EQ(handler->head().Find("location"), target.Url("/b?sig=1"));
  EXPECT_EQ(target.requests().size(), 0);
}

// Bytes come all the time, but so few that nobody would live to see the last.
TEST(CurlErrors, ATrickleHasStalled) {
  LoopbackServer server(Always({.bytes = LoopbackServer::Answer(200, std::string(40, 'x')),
                                .pieces = 40,
                                .pause = std::chrono::milliseconds(50)}));
  CurlTransport transport;
  const auto trickle =
      Issue(transport,
            {.url = server.Url("/"), .stall_timeout = std::chrono::milliseconds(500), .stall_bytes = 10'000});
  ExpectError(trickle->Await(), absl::StatusCode::kDeadlineExceeded, "bytes in 500ms");
}

TEST(CurlErrors, ATransferEndsAtItsDeadline) {
  LoopbackServer server(Always({.hold = true}));
  CurlTransport transport;
  const TimePoint deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  const auto late = Issue(transport, {.url = server.Url("/"), .deadline = deadline});
  ExpectError(late->Await(), absl::StatusCode::kDeadlineExceeded, "out of time");
  EXPECT_GE(std::chrono::steady_clock::now(), deadline);
}

// Many threads, a server in every mood, and a Stop in the middle: each request ends exactly once.
TEST(CurlErrors, EveryRequestEndsExactlyOnce) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  auto random = std::make_shared<std::mt19937>(seed);  // the server's thread
  LoopbackServer server([random](const ServedRequest&) -> ServedAnswer {
    switch ((*random)() % 5) {
      case 0:
        return {.bytes = kHalfABody, .after = After::kClose};
      case 1:
        return {.after = After::kReset};
      case 2:
        return {.bytes = RedirectTo("/again")};
      case 3:
        return {.hold = (*random)() % 4 == 0};
      default:
        return {.bytes = LoopbackServer::Answer(200, "fine")};
    }
  });
  CurlTransport transport;
  std::vector<std::vector<std::shared_ptr<RecordingHandler>>> handlers(4);
  std::vector<std::thread> threads;
  for (auto& mine : handlers) {
    threads.emplace_back([&server, &transport, &mine] {
      for (int i = 0; i < 100; ++i) {
        mine.push_back(
            Issue(transport, {.url = server.Url("/"), .stall_timeout = std::chrono::milliseconds(20)}));
        if (i % 10 == 9) mine.back()->Await().IgnoreError();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  transport.Stop();
  for (const auto& mine : handlers) {
    for (const auto& handler : mine) EXPECT_EQ(handler->dones(), 1);
  }
}

}  // namespace
}  // namespace lacuna
