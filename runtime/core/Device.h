/*===- Device.h - What the library of a device gives the runtime ------------===
 *
 * A model whose kernels run on a device names it (TenonModelDesc::device).
 * libtenon then loads the library of that device, which exports one function,
 * tenon_device_<name>, that returns a TenonDevice. Plain C; no function throws.
 * Addresses of the device's memory are written as pointers, and never
 * dereferenced by the host. All of them may meet an error of what is in the
 * queue: getFault() tells.
 *
 *===----------------------------------------------------------------------===*/

#ifndef TENON_RUNTIME_CORE_DEVICE_H
#define TENON_RUNTIME_CORE_DEVICE_H

#include "runtime/core/Provider.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TENON_DEVICE_VERSION (TENON_ABI_VERSION << 16 | 5u)

typedef struct TenonDevice {
  uint32_t version; /* TENON_DEVICE_VERSION */
  uint32_t structSize;
  const char *name;

  /** How many such devices the machine has: 0 also where there is no driver;
   * the message tells then which is missing. One that is there and fails is an
   * error. */
  int32_t (*countDevices)(int32_t *count, TenonProviderError *error);

  /** What all sessions of a model share: device number `ordinal`, the best of
   * the model's images for it, and memory with TenonModelDesc::deviceRanges,
   * whose address `weights` gets. It must be usable from several threads.
   * TENON_ERROR_SYSTEM where the machine has no such device, or no driver: the
   * message says which is missing. */
  int32_t (*createModel)(const TenonModelDesc *desc, int32_t ordinal,
                         void **model, const uint8_t **weights,
                         TenonProviderError *error);
  void (*destroyModel)(void *model);

  /** A session's queue of work. The model outlives it. */
  int32_t (*createSession)(void *model, void **session,
                           TenonProviderError *error);
  void (*destroySession)(void *session);

  /** Memory of the device, or memory of the host that a graph may have copies
   * of, aligned to TENON_BUFFER_ALIGNMENT. An error (TENON_ERROR_SYSTEM) leaves
   * everything usable. */
  int32_t (*allocate)(void *session, int32_t space, uint64_t bytes,
                      void **memory, TenonProviderError *error);
  /** `memory` may be null. Waits until the session's work is done. */
  void (*release)(void *session, int32_t space, void *memory);

  /** Puts a kernel of the model into the queue. `args` and `dims` are as of
   * TenonKernel; `units` > 0. An error is of this kernel; finish() or a copy
   * tells what went wrong in those before it. */
  int32_t (*launch)(void *session, const TenonKernel *kernel, void *const *args,
                    const int64_t *dims, int64_t units,
                    TenonProviderError *error);

  /** Puts a copy to the TenonSpace `space` into the queue, from the other one
   * or from there, where memory of allocate() may stand for the host's;
   * `bytes` > 0. What leaves the host may be written again when
   * this returns, or, with `isStable`, when the queue is empty, as what comes
   * to it is there then. */
  int32_t (*transfer)(void *session, int32_t space, int32_t isStable,
                      void *target, const void *source, uint64_t bytes,
                      TenonProviderError *error);

  /* Memory that is not of allocate(): a caller's, on the device. */
  /** The number of the model's device, as others count them. */
  int32_t (*getNumber)(void *model);
  /** TENON_ERROR_INVALID, and what it is, unless `bytes` from `memory` on are
   * one block's in the device's memory. */
  int32_t (*checkMemory)(void *session, const void *memory, uint64_t bytes,
                         TenonProviderError *error);
  /** Makes what is put into the queue from now on wait for what others have
   * given the device. */
  int32_t (*joinOthers)(void *session, TenonProviderError *error);
  /** Puts a copy into the queue. The space of such memory is the device's; the
   * host's is that of allocate(). */
  int32_t (*copy)(void *session, int32_t targetSpace, void *target,
                  int32_t sourceSpace, const void *source, uint64_t bytes,
                  TenonProviderError *error);

  /** Waits until the queue is empty: at the end of a run, and when the host is
   * to read what was copied to it. `*failed` becomes the first of the model's
   * kernels, in their order, that has left a status since the last time, and
   * `*status` what it left; or null. */
  int32_t (*finish)(void *session, const TenonKernel **failed, int64_t *status,
                    TenonProviderError *error);

  /** How a kernel of the model was last run, for profiles: "" if by its own
   * code. Lives until the next run. */
  const char *(*implementation)(void *session, const TenonKernel *kernel);
  /** What the device has that the session can't use, and why, a line each; ""
   * if there is nothing. Lives as long as the session. */
  const char *(*notes)(void *session);
  /** Bytes of the device's memory that the session took by itself. */
  uint64_t (*scratchSize)(void *session);

  /** The last error was of the queue if this gives kernels: it was one of those
   * of the model's table from the first to the last. Else they become null. */
  void (*getFault)(void *session, const TenonKernel **first,
                   const TenonKernel **last);

  /* A graph is work that is put into the queue as a whole, any number of times.
   * While one is recorded, launch() and transfer() record, and nothing else may
   * be called but endGraph(), which gives the graph, or, where that can't be
   * made, an error; with a null `graph` it is dropped. The queue is empty
   * before, and after. The host's memory in it is that of allocate(). */
  int32_t (*beginGraph)(void *session, TenonProviderError *error);
  int32_t (*endGraph)(void *session, void **graph, TenonProviderError *error);
  int32_t (*launchGraph)(void *session, void *graph, TenonProviderError *error);
  /** Not while it is in the queue. `graph` may be null. */
  void (*releaseGraph)(void *session, void *graph);

  /** Puts a mark into the queue, which takes the time. Numbers begin at 0 when
   * the queue is empty, and go up by one. */
  int32_t (*mark)(void *session, uint32_t number, TenonProviderError *error);
  /** From one mark to a later one, after finish(). */
  int32_t (*getTime)(void *session, uint32_t from, uint32_t to,
                     uint64_t *nanoseconds, TenonProviderError *error);
} TenonDevice;

typedef const TenonDevice *(*TenonDeviceEntry)(void);

#ifdef __cplusplus
} // extern "C"
#endif

#endif /* TENON_RUNTIME_CORE_DEVICE_H */
