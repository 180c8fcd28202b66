// Fills the kernel's file of an object that is complete on the local disk (a bootstrap): the cachefiles
// door's own little engine.
//
// Caller: CachefilesRequests. Everything happens on the worker pool, in steps of at most 1 MiB. Thread-safe.
#pragma once

#include "cachefiles/cachefiles_objects.h"
#include "cachefiles/pending_read.h"
#include "daemon/base/worker_pool.h"

namespace lacuna {

// Copies what the kernel has not kept from an earlier mount, front to back. An error ends it with a warning;
// reads then fetch what they need.
void FillLocally(CachefilesObjectRef object, WorkerPool& pool);

// Copies the read's own range ahead of that, and answers it.
void AnswerLocally(CachefilesObjectRef object, PendingRead read, WorkerPool& pool);

}  // namespace lacuna
