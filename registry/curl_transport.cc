#include "registry/curl_transport.h"

#include <utility>

#include "registry/curl_loop.h"

namespace lacuna {

CurlTransport::CurlTransport() : loop_(std::make_unique<CurlLoop>()) {}

CurlTransport::~CurlTransport() = default;

void CurlTransport::Issue(HttpRequest request, std::shared_ptr<HttpResponseHandler> handler) {
  loop_->Add(std::move(request), std::move(handler));
}

void CurlTransport::Stop() {
  loop_->Stop();
}

}  // namespace lacuna
