//===- together.h - Threads of a block that work together -----------------===//
//
// Each thread of a block has a stack of its own and runs on it until it waits
// for others. What would go wrong on a GPU ends the launch here: threads that
// wait for others which do not come, lanes of a warp that stand at different
// instructions, shared memory that is not there, and races on it, which are
// found in any order of the threads: each byte of it knows who used it since
// the last barrier.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_UTILS_PTX_TOGETHER_H
#define TENON_UTILS_PTX_TOGETHER_H

#include "threads.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

enum {
  WarpSize = 32,
  MaxThreads = 1024,
  StackBytes = 1 << 17,
  /// No variable of shared memory has the address 0.
  SharedBegin = 1024,
  Many = 0xffff
};

enum state { Ready, AtBarrier, AtWarp, Ended };

/// A copy to shared memory that goes on while its thread does.
struct copy {
  u64 source;
  u32 target, bytes, taken, group;
};

/// A thread, what it waits for, and what it gives to and gets from the others
/// of its warp there.
struct member {
  struct place at; // the first: a thread's code has its address
  enum state state;
  const char *site;
  u32 lanes;    // of its warp, for which it waits
  bool anySite; // they may stand elsewhere in the code
  void (*work)(struct member *warp, u32 lanes);
  u64 in[12], out[4];
  struct copy *copies;
  u32 numCopies, maxCopies, group;
  jmp_buf here;
  bool isMade;
};

/// Who used a byte of shared memory last, between which barriers of the block
/// and of the warp.
struct mark {
  u32 written, read;
  u32 writtenInWarp, readInWarp;
  u16 writer, reader, readerWarp; // Many if there are several
};

static struct {
  void (*code)(struct place *at, const u64 *parameters);
  struct member members[MaxThreads];
  char *stacks;
  u32 sharedBytes;
  u8 *shared;
  struct mark *marks;
  u32 sharedRoom;
  u32 time, warpTimes[MaxThreads / WarpSize];
  jmp_buf scheduler;
  struct member *starting;
} block;

static inline struct member *member(const struct place *at) {
  return (struct member *)at;
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

__attribute__((noinline, noreturn)) static void
failRace(const struct place *at, const char *does, u32 offset, u32 other,
         const char *did, const char *site) {
  char whom[32] = "other threads";
  if (other != Many)
    snprintf(whom, sizeof whom, "thread %u", other);
  fail(&current,
       "thread %u of block %u %s byte %u of shared memory that %s %s with no "
       "barrier between, '%s'",
       at->thread, at->block, does, offset, whom, did, site);
}

/// Finds races at `bytes` of shared memory.
__attribute__((noinline)) static void mark(const struct place *at, u32 offset,
                                           u32 bytes, enum access access,
                                           const char *site) {
  u32 warp = at->thread / WarpSize;
  u32 now = block.time, inWarp = block.warpTimes[warp];
  for (u32 i = offset; i < offset + bytes; ++i) {
    struct mark *mark = &block.marks[i];
    if (mark->written == now && mark->writer != at->thread &&
        (mark->writer / WarpSize != warp || mark->writtenInWarp == inWarp))
      failRace(at, access == Read ? "reads" : "writes", i, mark->writer,
               "wrote", site);
    if (access == Read) {
      bool isNew = mark->read != now;
      bool isSame = !isNew && mark->readerWarp == warp;
      if (isNew || (isSame && mark->readInWarp != inWarp)) {
        mark->reader = at->thread;
        mark->readerWarp = warp;
      } else if (mark->reader != at->thread) {
        mark->reader = Many;
        if (!isSame)
          mark->readerWarp = Many;
      }
      mark->read = now;
      mark->readInWarp = inWarp;
      continue;
    }
    if (mark->read == now &&
        (mark->readerWarp != warp ||
         (mark->readInWarp == inWarp && mark->reader != at->thread)))
      failRace(at, "writes", i, mark->reader, "read", site);
    mark->written = now;
    mark->writtenInWarp = inWarp;
    mark->writer = at->thread;
  }
}

/// The place of `bytes` that an instruction uses at once.
static inline u64 shared(const struct place *at, u64 address, u32 bytes,
                         enum access access, const char *site) {
  aligned(at, address, bytes, site);
  u64 offset = address - SharedBegin;
  if (offset >= block.sharedBytes || bytes > block.sharedBytes - offset)
    fail(&current,
         "thread %u of block %u at byte %lld of %u bytes of shared memory, "
         "'%s'",
         at->thread, at->block, (long long)offset, block.sharedBytes, site);
  if (access != Atomic)
    mark(at, offset, bytes, access, site);
  return (u64)(block.shared + offset);
}

// A generic address of shared memory is its place.
static inline u64 toGeneric(u64 address) {
  return (u64)block.shared + (address - SharedBegin);
}
static inline u64 fromGeneric(u64 address) {
  return address - (u64)block.shared + SharedBegin;
}
static inline bool isShared(u64 address) {
  return address - (u64)block.shared < block.sharedRoom;
}
static inline u64 generic(const struct place *at, u64 address, u32 bytes,
                          enum access access, const char *site) {
  return isShared(address)
             ? shared(at, fromGeneric(address), bytes, access, site)
             : aligned(at, address, bytes, site);
}

//===----------------------------------------------------------------------===//
// Copies that go on behind their thread
//===----------------------------------------------------------------------===//

/// Begins one. Nobody can know when it writes: what was there is lost now, and
/// what it brings comes when it is waited for. Beyond `taken` bytes it brings
/// zeros.
static void copyAsync(struct place *at, u64 target, u64 source, u32 bytes,
                      u32 taken, const char *site) {
  struct member *self = member(at);
  memset((void *)shared(at, target, bytes, Write, site), 0xff, bytes);
  aligned(at, source, bytes, site);
  if (self->numCopies == self->maxCopies) {
    self->maxCopies = self->maxCopies ? 2 * self->maxCopies : 16;
    self->copies =
        realloc(self->copies, self->maxCopies * sizeof *self->copies);
  }
  struct copy copy = {source, target, bytes, taken < bytes ? taken : bytes,
                      self->group};
  self->copies[self->numCopies++] = copy;
}

static void commitCopies(struct place *at) { ++member(at)->group; }

/// Waits for all groups but the last `rest`.
static void waitForCopies(struct place *at, u32 rest, const char *site) {
  struct member *self = member(at);
  u32 left = 0;
  for (u32 i = 0; i < self->numCopies; ++i) {
    struct copy copy = self->copies[i];
    if (copy.group + rest >= self->group) {
      self->copies[left++] = copy;
      continue;
    }
    u8 *target = (u8 *)shared(at, copy.target, copy.bytes, Write, site);
    memcpy(target, (const void *)copy.source, copy.taken);
    memset(target + copy.taken, 0, copy.bytes - copy.taken);
  }
  self->numCopies = left;
}

//===----------------------------------------------------------------------===//
// Waiting
//===----------------------------------------------------------------------===//

/// Lets the others run until this thread is ready again.
__attribute__((noinline)) static void leave(struct member *self) {
  if (!_setjmp(self->here))
    _longjmp(block.scheduler, 1);
}

/// Waits for all threads of the block. Those of a warp have to stand at the
/// same instruction.
static void barrier(struct place *at, const char *site) {
  struct member *self = member(at);
  self->state = AtBarrier;
  self->site = site;
  leave(self);
}

/// The lanes that the thread's warp has.
static u32 allLanes(const struct place *at) {
  u32 rest = at->threads - at->thread / WarpSize * WarpSize;
  return rest >= WarpSize ? ~0u : (1u << rest) - 1;
}

/// Waits for the `lanes` of the warp, which then do `work` together.
static void meet(struct place *at, u32 lanes, bool anySite,
                 void (*work)(struct member *, u32), const char *site) {
  struct member *self = member(at);
  if (!(lanes >> at->thread % WarpSize & 1))
    fail(&current, "thread %u is not among the lanes %#x that it names, '%s'",
         at->thread, lanes, site);
  self->state = AtWarp;
  self->site = site;
  self->anySite = anySite;
  self->lanes = lanes;
  self->work = work;
  leave(self);
}

//===----------------------------------------------------------------------===//
// What the lanes of a warp do together
//===----------------------------------------------------------------------===//

#define FOR_LANES(lane)                                                        \
  for (u32 lane = 0; lane < WarpSize; ++lane)                                  \
    if (lanes >> lane & 1)

static void syncWarp(struct member *warp, u32 lanes) {
  ++block.warpTimes[warp->at.thread / WarpSize];
}

/// A lane gives a value and two numbers, and gets another lane's value and
/// whether there is such a lane.
#define SHUFFLE(name, from, isThere)                                           \
  static void shuffle_##name(struct member *warp, u32 lanes) {                 \
    FOR_LANES(lane) {                                                          \
      s32 b = warp[lane].in[1] & 31, c = warp[lane].in[2] & 31;                \
      s32 segments = warp[lane].in[2] >> 8 & 31;                               \
      s32 least = lane & segments, most = least | (c & ~segments);             \
      s32 source = (from);                                                     \
      warp[lane].out[1] = (isThere);                                           \
      if (!(isThere))                                                          \
        source = lane;                                                         \
      warp[lane].out[0] =                                                      \
          lanes >> source & 1 ? warp[source].in[0] : 0xffffffff;               \
    }                                                                          \
  }
SHUFFLE(up, (s32)lane - b, source >= most)
SHUFFLE(down, (s32)lane + b, source <= most)
SHUFFLE(bfly, (s32)lane ^ b, source <= most)
SHUFFLE(idx, least | (b & ~segments), source <= most)
#undef SHUFFLE

//===----------------------------------------------------------------------===//
// The block
//===----------------------------------------------------------------------===//

/// What a thread's stack begins with: one run of the code a block.
static void enterThread(void) {
  struct member *self = block.starting;
  for (;;) {
    block.code(&self->at, current.parameters);
    self->state = Ended;
    leave(self);
  }
}

/// Runs a thread until it waits or ends.
static void resume(struct member *self) {
  if (_setjmp(block.scheduler))
    return;
  if (self->isMade)
    _longjmp(self->here, 1);
  self->isMade = true;
  block.starting = self;
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp =
      block.stacks + (size_t)(self - block.members) * StackBytes;
  context.uc_stack.ss_size = StackBytes;
  context.uc_link = 0;
  makecontext(&context, enterThread, 0);
  setcontext(&context);
}

/// Whether all the lanes that `self` waits for have come.
static bool haveMet(const struct member *warp, const struct member *self) {
  if (self->lanes & ~allLanes(&self->at))
    return false;
  for (u32 lane = 0; lane < WarpSize; ++lane) {
    const struct member *other = &warp[lane];
    if (self->lanes >> lane & 1 &&
        (other->state != AtWarp || other->lanes != self->lanes ||
         other->work != self->work ||
         (other->site != self->site && !self->anySite)))
      return false;
  }
  return true;
}

/// Lets the lanes that have met do what they met for. Returns whether any have.
static bool workInWarp(struct member *warp, u32 numLanes) {
  bool any = false;
  for (u32 i = 0; i < numLanes; ++i) {
    if (warp[i].state != AtWarp || !haveMet(warp, &warp[i]))
      continue;
    u32 lanes = warp[i].lanes;
    warp[i].work(warp, lanes);
    FOR_LANES(lane) warp[lane].state = Ready;
    any = true;
  }
  return any;
}

/// Lets the threads go on if all have come to the barrier.
static bool openBarrier(void) {
  for (u32 i = 0; i < current.threads; ++i)
    if (block.members[i].state != AtBarrier)
      return false;
  for (u32 i = 0; i < current.threads; ++i) {
    struct member *self = &block.members[i];
    const struct member *first = &block.members[i / WarpSize * WarpSize];
    if (first->site != self->site)
      fail(&current,
           "thread %u stands at '%s' and thread %u of its warp at '%s'", i,
           self->site, first->at.thread, first->site);
    self->state = Ready;
  }
  ++block.time;
  return true;
}

__attribute__((noreturn)) static void failStuck(void) {
  const struct member *waiting = 0, *other = 0;
  // Who waits for lanes of its warp tells more than who waits for all.
  for (u32 i = 0; i < current.threads; ++i)
    if (block.members[i].state == AtWarp ||
        (block.members[i].state == AtBarrier && !waiting)) {
      waiting = &block.members[i];
      if (waiting->state == AtWarp)
        break;
    }
  if (waiting->state == AtWarp && waiting->lanes & ~allLanes(&waiting->at))
    fail(&current, "lanes %#x wait, and the warp has fewer, '%s'",
         waiting->lanes, waiting->site);
  for (u32 i = 0; i < current.threads && !other; ++i) {
    const struct member *member = &block.members[i];
    bool isInWarp = i / WarpSize == waiting->at.thread / WarpSize &&
                    waiting->lanes >> i % WarpSize & 1;
    if (waiting->state == AtBarrier
            ? member->state != AtBarrier
            : isInWarp &&
                  (member->state != AtWarp || member->site != waiting->site ||
                   member->lanes != waiting->lanes))
      other = member;
  }
  if (other->state == Ended)
    fail(&current, "thread %u waits for thread %u, which has ended, '%s'",
         waiting->at.thread, other->at.thread, waiting->site);
  fail(&current, "thread %u waits at '%s' and thread %u at '%s'",
       waiting->at.thread, waiting->site, other->at.thread, other->site);
}

static void runBlock(u32 number) {
  u32 threads = current.threads;
  memset(block.shared, 0xff, block.sharedBytes); // NaN, as all types of floats
  ++block.time;
  for (u32 i = 0; i < threads; ++i) {
    struct member *self = &block.members[i];
    struct place at = {i, threads, number, current.blocks};
    self->at = at;
    self->state = Ready;
    self->numCopies = self->group = 0;
  }
  u32 numWarps = (threads + WarpSize - 1) / WarpSize;
  for (;;) {
    for (u32 i = 0; i < numWarps; ++i) {
      u32 first = order(i, numWarps) * WarpSize;
      u32 numLanes = threads - first < WarpSize ? threads - first : WarpSize;
      do {
        for (u32 lane = 0; lane < numLanes; ++lane) {
          struct member *self = &block.members[first + order(lane, numLanes)];
          if (self->state == Ready)
            resume(self);
        }
      } while (workInWarp(&block.members[first], numLanes));
    }
    u32 ended = 0;
    for (u32 i = 0; i < threads; ++i)
      ended += block.members[i].state == Ended;
    if (ended == threads)
      break;
    if (!openBarrier())
      failStuck();
  }
  for (u32 i = 0; i < threads; ++i)
    if (block.members[i].numCopies)
      fail(&current, "thread %u ends and has not waited for its copies", i);
}

/// Gives all back when the library is unloaded.
__attribute__((destructor)) static void release(void) {
  for (u32 i = 0; i < MaxThreads; ++i)
    free(block.members[i].copies);
  free(block.shared);
  free(block.marks);
  if (block.stacks)
    munmap(block.stacks, (size_t)MaxThreads * StackBytes);
}

/// Runs a kernel whose blocks have `sharedBytes` of shared memory.
static const char *runTogether(struct launch launch,
                               void (*code)(struct place *at,
                                            const u64 *parameters),
                               u32 sharedBytes) {
  current = launch;
  if (_setjmp(launchEnd)) {
    // The threads stand anywhere.
    for (u32 i = 0; i < MaxThreads; ++i)
      block.members[i].isMade = false;
    return launchError;
  }
  if (launch.threads > MaxThreads)
    fail(&current, "a block of %u threads", launch.threads);
  block.code = code;
  block.sharedBytes = sharedBytes;
  if (!block.stacks) {
    block.stacks =
        mmap(0, (size_t)MaxThreads * StackBytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block.stacks == MAP_FAILED) {
      block.stacks = 0;
      fail(&current, "no memory for stacks");
    }
  }
  if (block.sharedRoom <= block.sharedBytes) {
    // One byte more, so that there is a place behind the last one.
    block.sharedRoom = block.sharedBytes + 1;
    free(block.shared);
    free(block.marks);
    block.shared = aligned_alloc(1024, (block.sharedRoom + 1023) / 1024 * 1024);
    block.marks = calloc(block.sharedRoom, sizeof *block.marks);
  }
  for (u32 i = 0; i < launch.blocks; ++i)
    runBlock(order(i, launch.blocks));
  return 0;
}

#endif // TENON_UTILS_PTX_TOGETHER_H
