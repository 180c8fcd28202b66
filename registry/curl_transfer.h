// One request on its way: a libcurl easy handle, set up from an HttpRequest, and the callbacks that feed its
// handler. Private to registry/curl_*.cc.
//
// Used on the loop thread only.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "registry/curl_wrappers.h"
#include "registry/http_transport.h"

namespace lacuna {

class CurlTransfer {
 public:
  CurlTransfer(CurlEasy easy, HttpRequest request, std::shared_ptr<HttpResponseHandler> handler);
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  // Sets the handle up. Not OK: the transfer must be ended with that, unstarted.
  absl::Status Prepare();

  CURL* easy() const { return easy_.get(); }
  // When to look at it again, unless it ends before.
  TimePoint next_check() const;
  // Whether it has stalled by now, or its deadline has passed; OK when it may go on.
  absl::Status Check(TimePoint now);
  // What libcurl's result means; the handler's own error where that ended the transfer.
  absl::Status Result(CURLcode code) const;

  // Tells the handler, last of all, and gives the handle back, reset and out of the multi handle already.
  CurlEasy End(const absl::Status& status);

 private:
  template <typename Value>
  void Set(CURLoption option, Value value);
  void SetUp();
  void SetUpMethod();
  void SetUpTls();
  void SetUpHeaders();
  void SetUpCallbacks();
  std::string Host() const;
  void Moved(size_t bytes);
  bool MayBeAboutCertificate(CURLcode code) const;

  absl::Status OnHeaderLine(absl::string_view line);
  absl::Status OnHeadComplete();
  absl::Status OnBody(absl::Span<const char> bytes);
  absl::StatusOr<size_t> OnUpload(absl::Span<char> out);

  // libcurl's callbacks; `transfer` is this.
  static size_t HeaderCallback(char* data, size_t size, size_t count, void* transfer);
  static size_t WriteCallback(char* data, size_t size, size_t count, void* transfer);
  static size_t ReadCallback(char* out, size_t size, size_t count, void* transfer);
  static int SeekCallback(void* transfer, curl_off_t offset, int origin);

  CurlEasy easy_;
  const HttpRequest request_;
  const std::shared_ptr<HttpResponseHandler> handler_;
  CurlSlist header_lines_;
  std::array<char, CURL_ERROR_SIZE> error_{};

  CURLcode set_up_ = CURLE_OK;  // the first option that failed
  absl::Status own_error_;      // why a callback ended the transfer
  TimePoint last_byte_;
  // The window in which at least `stall_bytes` must move.
  TimePoint window_begin_;
  uint64_t window_bytes_ = 0;
  HttpResponseHead head_;    // of the answer that is coming in, maybe an interim one
  size_t header_bytes_ = 0;  // of all answers
  bool head_delivered_ = false;
  uint64_t upload_offset_ = 0;
};

}  // namespace lacuna
