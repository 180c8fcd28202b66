#include "registry/blocking_send.h"

#include <future>
#include <memory>
#include <utility>

namespace lacuna {

absl::StatusOr<HttpResponse> BlockingSend(Registry& registry, RegistryRequest request,
                                          uint64_t max_body_bytes, ResponseCollector::Check check) {
  auto ended = std::make_shared<std::promise<absl::StatusOr<HttpResponse>>>();
  std::future<absl::StatusOr<HttpResponse>> end = ended->get_future();
  auto done = [ended](absl::StatusOr<HttpResponse> response) { ended->set_value(std::move(response)); };
  registry.Send(std::move(request),
                std::make_shared<ResponseCollector>(max_body_bytes, std::move(done), std::move(check)));
  return end.get();
}

}  // namespace lacuna
