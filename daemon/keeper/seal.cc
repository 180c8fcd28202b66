#include "daemon/keeper/seal.h"

#include <seccomp.h>

#include <cerrno>

namespace lacuna {
namespace {

constexpr int kAllowed[] = {
    // to answer
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(ioctl), SCMP_SYS(close),
    // to wait and to look at the clock
    SCMP_SYS(futex), SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_gettime), SCMP_SYS(restart_syscall),
    // to die: of a signal, or with the process
    SCMP_SYS(rt_sigreturn), SCMP_SYS(exit), SCMP_SYS(exit_group)};

}  // namespace

bool SealThread() {
  const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (filter == nullptr) return false;
  bool sealed = true;
  for (const int call : kAllowed) sealed = sealed && seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) == 0;
  sealed = sealed && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return sealed;
}

}  // namespace lacuna
