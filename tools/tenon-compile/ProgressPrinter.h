//===- ProgressPrinter.h - What a long compilation is doing ---------------===//

#ifndef TENON_TOOLS_TENON_COMPILE_PROGRESSPRINTER_H
#define TENON_TOOLS_TENON_COMPILE_PROGRESSPRINTER_H

#include "lib/driver/Phases.h"

#include <condition_variable>
#include <mutex>
#include <thread>

/// Prints the phase to the standard error once a compilation has taken longer
/// than a second, and each phase that begins after that.
class ProgressPrinter {
public:
  ProgressPrinter();
  ~ProgressPrinter();

  void begin(tenon::Phase phase);

private:
  void print();

  std::mutex mutex;
  std::condition_variable finished;
  tenon::Phase current = tenon::Phase::Import;
  bool isLong = false;
  bool isFinished = false;
  std::thread timer;
};

#endif // TENON_TOOLS_TENON_COMPILE_PROGRESSPRINTER_H
