//===- ProgressPrinter.cpp - What a long compilation is doing -------------===//

#include "tools/tenon-compile/ProgressPrinter.h"

#include "llvm/Support/raw_ostream.h"

ProgressPrinter::ProgressPrinter()
    : timer([this] {
        std::unique_lock<std::mutex> lock(mutex);
        if (finished.wait_for(lock, std::chrono::seconds(1),
                              [this] { return isFinished; }))
          return;
        isLong = true;
        print();
      }) {}

ProgressPrinter::~ProgressPrinter() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    isFinished = true;
  }
  finished.notify_all();
  timer.join();
}

void ProgressPrinter::begin(tenon::Phase phase) {
  std::lock_guard<std::mutex> lock(mutex);
  current = phase;
  if (isLong)
    print();
}

void ProgressPrinter::print() {
  llvm::errs() << "tenon-compile: phase " << tenon::getPhaseName(current)
               << "\n";
}
