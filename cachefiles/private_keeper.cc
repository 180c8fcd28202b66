#include "cachefiles/private_keeper.h"

#include <sys/mman.h>

#include <cstdlib>

#include "daemon/base/log.h"

namespace lacuna {
namespace {

FuseLog::Memory* MapMemory() {
  void* const memory =
      mmap(nullptr, sizeof(FuseLog::Memory), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) return static_cast<FuseLog::Memory*>(memory);
  LogError("out of memory");
  std::abort();
}

}  // namespace

PrivateKeeper::PrivateKeeper() : log_memory_(MapMemory()) {
  Lifeline::Prepare(lifeline_memory_);
}

void PrivateKeeper::Unmap::operator()(FuseLog::Memory* memory) const {
  munmap(memory, sizeof(*memory));
}

}  // namespace lacuna
