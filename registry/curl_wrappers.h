// libcurl's handles, owned; and its error codes as absl::Status. Private to registry/curl_*.cc.
//
// Handles are as thread-safe as libcurl's: one thread at a time.
#pragma once

#include <curl/curl.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace lacuna {

struct CurlEasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct CurlMultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct CurlSlistDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlEasy = std::unique_ptr<CURL, CurlEasyDeleter>;
using CurlMulti = std::unique_ptr<CURLM, CurlMultiDeleter>;
using CurlSlist = std::unique_ptr<curl_slist, CurlSlistDeleter>;

// Initializes libcurl, once in the process.
void InitCurl();

// What `code` means for a transfer with `host`. `os_error` is CURLINFO_OS_ERRNO, `detail` the error buffer;
// either may be empty.
absl::Status CurlStatus(CURLcode code, absl::string_view host, int os_error, absl::string_view detail);

// `status`, of a connection that ended behind the TLS handshake without an answer, saying what that may mean.
absl::Status WithCertificateHint(const absl::Status& status, bool we_show_one);

}  // namespace lacuna
