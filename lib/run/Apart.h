//===- Apart.h - Work in a process of its own ---------------------------===//

#ifndef TENON_LIB_RUN_APART_H
#define TENON_LIB_RUN_APART_H

#include <functional>
#include <nlohmann/json.hpp>

namespace tenon::run {

/// Does `work` in a new process and returns what it returns, or throws what it
/// throws. `peakBytes`, if not null, gets the most memory that the process had.
/// To be called before this process has threads.
nlohmann::json runApart(const std::function<nlohmann::json()> &work,
                        int64_t *peakBytes = nullptr);

} // namespace tenon::run

#endif // TENON_LIB_RUN_APART_H
