// Takes all from a thread but the system calls that an answer takes.
//
// Source: seccomp(2), libseccomp. A filter passes to what is forked and executed, so only a thread that
// starts nobody can have one.
#pragma once

namespace lacuna {

// For the calling thread, for good: everything else fails with EPERM. False when the kernel cannot.
bool SealThread();

}  // namespace lacuna
