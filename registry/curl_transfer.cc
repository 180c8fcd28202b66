#include "registry/curl_transfer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "registry/reference.h"
#include "registry/url.h"

namespace lacuna {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr size_t kMaxHeaderBytes = 64 * 1024;
constexpr long kCaBundleSeconds = 60;       // how long after it was installed a CA may be overlooked
constexpr long kReceiveBuffer = 64 * 1024;  // bytes per transfer; one chunk

// As libcurl's own, but a child process never inherits the socket: it would keep a dead connection alive.
curl_socket_t OpenSocket(void*, curlsocktype, curl_sockaddr* address) {
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// A blob as libcurl's OPTION_BLOB wants it; it copies the bytes.
curl_blob BlobOf(const std::string& bytes) {
  return {.data = const_cast<char*>(bytes.data()), .len = bytes.size(), .flags = CURL_BLOB_COPY};
}

}  // namespace

CurlTransfer::CurlTransfer(CurlEasy easy, HttpRequest request, std::shared_ptr<HttpResponseHandler> handler)
    : easy_(std::move(easy)),
      request_(std::move(request)),
      handler_(std::move(handler)),
      last_byte_(std::chrono::steady_clock::now()),
      window_begin_(last_byte_) {}

template <typename Value>
void CurlTransfer::Set(CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy(), option, value);
  if (set_up_ == CURLE_OK) set_up_ = code;
}

absl::Status CurlTransfer::Prepare() {
  SetUp();
  SetUpTls();
  SetUpMethod();
  SetUpHeaders();
  SetUpCallbacks();
  // An option that is not in force may be one that keeps credentials safe.
  if (set_up_ == CURLE_OK) return absl::OkStatus();
  return CurlStatus(set_up_, UrlHost(request_.url), 0, "");
}

void CurlTransfer::SetUp() {
  const bool https = absl::StartsWithIgnoreCase(request_.url, "https:");
  Set(CURLOPT_URL, request_.url.c_str());
  Set(CURLOPT_PROTOCOLS_STR, "http,https");
  Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  // Many misses at once share one HTTP/2 connection rather than open one each.
  Set(CURLOPT_PIPEWAIT, https ? 1L : 0L);
  Set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(duration_cast<milliseconds>(request_.connect_timeout).count()));
  Set(CURLOPT_NOSIGNAL, 1L);
  // Ending a transfer must not wait for a name server: the loop would stand still.
  Set(CURLOPT_QUICK_EXIT, 1L);
  Set(CURLOPT_TCP_KEEPALIVE, 1L);
  // Refused where a handle still has the buffer of its last transfer (7.88, HTTP/2), which then serves this
  // one.
  curl_easy_setopt(easy(), CURLOPT_BUFFERSIZE, kReceiveBuffer);
  Set(CURLOPT_USERAGENT, "lacuna/" LACUNA_VERSION);
  Set(CURLOPT_ERRORBUFFER, error_.data());
  // A proxy's answer to CONNECT is not the server's.
  Set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (IsLoopbackHost(UrlHost(request_.url))) Set(CURLOPT_PROXY, "");
}

void CurlTransfer::SetUpTls() {
  const TlsSettings* const tls = request_.tls.get();
  if (tls != nullptr && !tls->ca_pem.empty()) {
    // They stand for the host's bundle; the host's folder of certificates is searched besides.
    curl_blob ca = BlobOf(tls->ca_pem);
    Set(CURLOPT_CAINFO_BLOB, &ca);
  } else if (curl_version_info(CURLVERSION_NOW)->cainfo != nullptr) {
    // Parsing the CA bundle takes tens of milliseconds of the loop for each connection, unless libcurl keeps
    // it; and it keeps it only where no folder of certificates is to be searched besides.
    Set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  }
  Set(CURLOPT_CA_CACHE_TIMEOUT, kCaBundleSeconds);
  if (tls == nullptr) return;
  if (tls->skip_verify) {
    Set(CURLOPT_SSL_VERIFYPEER, 0L);
    Set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (tls->client_certificate_pem.empty()) return;
  curl_blob certificate = BlobOf(tls->client_certificate_pem);
  curl_blob key = BlobOf(tls->client_key_pem);
  Set(CURLOPT_SSLCERTTYPE, "PEM");
  Set(CURLOPT_SSLCERT_BLOB, &certificate);
  Set(CURLOPT_SSLKEYTYPE, "PEM");
  Set(CURLOPT_SSLKEY_BLOB, &key);
}

void CurlTransfer::SetUpMethod() {
  const std::string& method = request_.method;
  const bool sends_body =
      request_.body != nullptr || method == "PUT" || method == "POST" || method == "PATCH";
  if (method == "HEAD") {
    Set(CURLOPT_NOBODY, 1L);
  } else if (sends_body) {
    Set(CURLOPT_UPLOAD, 1L);
    Set(CURLOPT_CUSTOMREQUEST, method.c_str());
    const uint64_t size = request_.body == nullptr ? 0 : request_.body->size();
    Set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
  } else if (method != "GET") {
    Set(CURLOPT_CUSTOMREQUEST, method.c_str());
  }
}

void CurlTransfer::SetUpHeaders() {
  const auto add = [this](const std::string& line) {
    curl_slist* longer = curl_slist_append(header_lines_.get(), line.c_str());
    if (longer == nullptr) {
      set_up_ = CURLE_OUT_OF_MEMORY;
      return;
    }
    header_lines_.release();  // NOLINT(bugprone-unused-return-value): `longer` begins with it
    header_lines_.reset(longer);
  };
  for (const auto& [name, value] : request_.headers) add(absl::StrCat(name, ": ", value));
  if (!request_.authorization.empty()) add(absl::StrCat("Authorization: ", request_.authorization));
  // Registries do not answer "100 Continue" in time; libcurl would wait a second for it.
  add("Expect:");
  Set(CURLOPT_HTTPHEADER, header_lines_.get());
}

void CurlTransfer::SetUpCallbacks() {
  Set(CURLOPT_HEADERFUNCTION, &HeaderCallback);
  Set(CURLOPT_HEADERDATA, this);
  Set(CURLOPT_WRITEFUNCTION, &WriteCallback);
  Set(CURLOPT_WRITEDATA, this);
  Set(CURLOPT_READFUNCTION, &ReadCallback);
  Set(CURLOPT_READDATA, this);
  Set(CURLOPT_SEEKFUNCTION, &SeekCallback);
  Set(CURLOPT_SEEKDATA, this);
  Set(CURLOPT_OPENSOCKETFUNCTION, &OpenSocket);
}

absl::Status CurlTransfer::OnHeaderLine(absl::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMaxHeaderBytes) {
    return absl::UnknownError(absl::StrCat("more than 64 KiB of headers from ", Host()));
  }
  if (head_delivered_) return absl::OkStatus();  // a trailer
  line = absl::StripAsciiWhitespace(line);
  if (line.empty()) return OnHeadComplete();
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos || absl::StartsWith(line, "HTTP/")) return absl::OkStatus();
  head_.headers.emplace_back(line.substr(0, colon), absl::StripAsciiWhitespace(line.substr(colon + 1)));
  return absl::OkStatus();
}

absl::Status CurlTransfer::OnHeadComplete() {
  long code = 0;
  curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &code);
  if (code < 200) {
    head_ = {};
    return absl::OkStatus();
  }
  head_.status = static_cast<int>(code);
  head_.url = request_.url;
  head_delivered_ = true;
  return handler_->OnHead(head_);
}

absl::Status CurlTransfer::OnBody(absl::Span<const char> bytes) {
  if (!head_delivered_) return absl::InternalError("a body without a head");
  return handler_->OnBody(bytes);
}

absl::StatusOr<size_t> CurlTransfer::OnUpload(absl::Span<char> out) {
  if (request_.body == nullptr) return 0;
  absl::StatusOr<size_t> size = request_.body->ReadAt(upload_offset_, out);
  if (size.ok()) upload_offset_ += *size;
  return size;
}

size_t CurlTransfer::HeaderCallback(char* data, size_t size, size_t count, void* transfer) {
  auto& self = *static_cast<CurlTransfer*>(transfer);
  self.Moved(size * count);
  self.own_error_ = self.OnHeaderLine({data, size * count});
  return self.own_error_.ok() ? size * count : 0;
}

size_t CurlTransfer::WriteCallback(char* data, size_t size, size_t count, void* transfer) {
  auto& self = *static_cast<CurlTransfer*>(transfer);
  self.Moved(size * count);
  self.own_error_ = self.OnBody({data, size * count});
  return self.own_error_.ok() ? size * count : 0;
}

size_t CurlTransfer::ReadCallback(char* out, size_t size, size_t count, void* transfer) {
  auto& self = *static_cast<CurlTransfer*>(transfer);
  const absl::StatusOr<size_t> got = self.OnUpload({out, size * count});
  self.own_error_ = got.status();
  self.Moved(got.value_or(0));
  return got.ok() ? *got : CURL_READFUNC_ABORT;
}

int CurlTransfer::SeekCallback(void* transfer, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
  static_cast<CurlTransfer*>(transfer)->upload_offset_ = static_cast<uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

std::string CurlTransfer::Host() const {
  return std::string(UrlHost(request_.url));
}

void CurlTransfer::Moved(size_t bytes) {
  last_byte_ = std::chrono::steady_clock::now();
  window_bytes_ += bytes;
}

TimePoint CurlTransfer::next_check() const {
  const TimePoint silent = last_byte_ + request_.stall_timeout;
  const TimePoint slow = request_.stall_bytes == 0 ? silent : window_begin_ + request_.stall_timeout;
  return std::min({silent, slow, request_.deadline});
}

absl::Status CurlTransfer::Check(TimePoint now) {
  const auto limit = [this] { return absl::FormatDuration(absl::FromChrono(request_.stall_timeout)); };
  if (request_.deadline <= now) {
    return absl::DeadlineExceededError(absl::StrCat("out of time, talking to ", Host()));
  }
  if (last_byte_ + request_.stall_timeout <= now) {
    return absl::DeadlineExceededError(
        absl::StrCat("stalled: no byte for ", limit(), ", talking to ", Host()));
  }
  if (window_begin_ + request_.stall_timeout > now) return absl::OkStatus();
  if (window_bytes_ < request_.stall_bytes) {
    return absl::DeadlineExceededError(
        absl::StrCat("stalled: ", window_bytes_, " bytes in ", limit(), ", talking to ", Host()));
  }
  window_begin_ = now;
  window_bytes_ = 0;
  return absl::OkStatus();
}

absl::Status CurlTransfer::Result(CURLcode code) const {
  if (code == CURLE_OK || !own_error_.ok()) return own_error_;
  long os_error = 0;
  curl_easy_getinfo(easy(), CURLINFO_OS_ERRNO, &os_error);
  const absl::Status status = CurlStatus(code, Host(), static_cast<int>(os_error), error_.data());
  const bool shows_one = request_.tls != nullptr && !request_.tls->client_certificate_pem.empty();
  return MayBeAboutCertificate(code) ? WithCertificateHint(status, shows_one) : status;
}

// TLS 1.3 tells of a missing or refused client certificate only when the handshake is over, and the
// connection may be gone before that is read.
bool CurlTransfer::MayBeAboutCertificate(CURLcode code) const {
  long connects = 0;
  curl_off_t tls_done = 0;
  curl_easy_getinfo(easy(), CURLINFO_NUM_CONNECTS, &connects);
  curl_easy_getinfo(easy(), CURLINFO_APPCONNECT_TIME_T, &tls_done);
  // libcurl notes the end of the handshake only when it has sent HTTP/2's first frames too.
  const bool shook_hands = tls_done > 0 || code == CURLE_HTTP2;
  return connects > 0 && shook_hands && header_bytes_ == 0;
}

CurlEasy CurlTransfer::End(const absl::Status& status) {
  curl_easy_reset(easy());
  handler_->OnDone(status);
  return std::move(easy_);
}

}  // namespace lacuna
