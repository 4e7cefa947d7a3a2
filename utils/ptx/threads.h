//===- threads.h - The threads of a grid ----------------------------------===//
//
// The blocks of a grid run one behind the other. So do the threads of a kernel
// that have nothing to do with each other. Threads that work together have a
// stack each; one runs until it waits for others, at a barrier or an
// instruction of its warp, and then the next one does, see together.h.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_UTILS_PTX_THREADS_H
#define TENON_UTILS_PTX_THREADS_H

#include "values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/// A thread and its place in the grid.
struct place {
  u32 thread, threads, block, blocks;
};

/// What a kernel was started with.
struct launch {
  const char *kernel;
  u32 blocks, threads;
  bool descending; // the last thread and the last block are first
  const u64 *parameters;
};

static jmp_buf launchEnd;
static char launchError[400];

/// Ends the launch.
__attribute__((noinline, noreturn, format(printf, 2, 3))) static void
fail(const struct launch *launch, const char *format, ...) {
  int length =
      snprintf(launchError, sizeof launchError, "kernel %s: ", launch->kernel);
  va_list values;
  va_start(values, format);
  vsnprintf(launchError + length, sizeof launchError - length, format, values);
  va_end(values);
  _longjmp(launchEnd, 1);
}

static struct launch current;

/// `number` counts from the other end if the order is the other one.
static inline u32 order(u32 number, u32 count) {
  return current.descending ? count - 1 - number : number;
}

/// What an instruction does to memory.
enum access { Read, Write, Atomic };

/// The address of `bytes` that an instruction reads or writes at once.
static inline u64 aligned(const struct place *at, u64 address, u32 bytes,
                          const char *site) {
  if (address & (bytes - 1))
    fail(&current, "thread %u of block %u at an unaligned address, '%s'",
         at->thread, at->block, site);
  return address;
}

/// Runs `thread` for all threads of the grid one behind the other. It is a
/// macro so that the loop has the thread's code in it.
#define RUN_ALONE(launched, thread_function)                                   \
  current = launched;                                                          \
  if (_setjmp(launchEnd))                                                      \
    return launchError;                                                        \
  for (u32 b = 0; b < current.blocks; ++b)                                     \
    for (u32 t = 0; t < current.threads; ++t) {                                \
      struct place at = {order(t, current.threads), current.threads,           \
                         order(b, current.blocks), current.blocks};            \
      thread_function(&at, current.parameters);                                \
    }                                                                          \
  return 0

#endif // TENON_UTILS_PTX_THREADS_H
