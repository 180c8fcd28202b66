// Counters of what went over the wire, as `lacunactl status` shows them. A value.
#pragma once

#include <cstdint>
#include <map>

namespace lacuna {

struct FetchStats {
  // Body bytes received and kept, by the priority under which the fetch started.
  uint64_t demand_bytes = 0;
  uint64_t prefetch_bytes = 0;
  uint64_t fill_bytes = 0;
  uint64_t wasted_bytes = 0;                 // body bytes of a 200 outside the wanted range
  uint64_t whole_blob_answers = 0;           // 200 where 206 was asked for
  std::map<int, uint64_t> requests_by_code;  // HTTP status; 0 = no answer
};

}  // namespace lacuna
