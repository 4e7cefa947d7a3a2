//===- AllocationTest.cpp - Nothing is allocated after the first run -----===//
//
// Replaces the process's allocation functions to count what goes through them.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/ApiTest.h"
#include "test/unit/runtime/FakeDeviceModel.h"
#include "test/unit/runtime/FakeModel.h"
#ifdef TENON_HAS_ONEDNN
#include "test/unit/runtime/OneDnnCases.h"
#endif

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <malloc.h>
#include <new>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace tenon::test;

/// Allocations, and among them those that libtenon and its parts, or oneDNN,
/// ask for directly (while `isSorting`; looking a caller up takes time).
static std::atomic<long> allocations{0}, ours{0}, oneDnns{0}, oneDnnBytes{0};
static std::atomic<bool> isSorting{false};
/// Bytes that are mapped now and that no file backs, but for what the C library
/// maps by itself.
static std::atomic<long> mappedBytes{0};

static void countCall(void *caller, size_t size) {
  ++allocations;
  Dl_info info;
  if (!isSorting || !dladdr(caller, &info) || !info.dli_fname)
    return;
  if (strstr(info.dli_fname, "libtenon"))
    ++ours;
  if (strstr(info.dli_fname, "libdnnl")) {
    ++oneDnns;
    oneDnnBytes += size;
  }
}
#define COUNT(size) countCall(__builtin_return_address(0), size)

#pragma GCC visibility push(default) // so that the libraries find them
extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

void *malloc(size_t size) {
  COUNT(size);
  return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
  COUNT(count * size);
  return __libc_calloc(count, size);
}
void *realloc(void *block, size_t size) {
  COUNT(size);
  return __libc_realloc(block, size);
}
int posix_memalign(void **block, size_t alignment, size_t size) {
  COUNT(size);
  *block = __libc_memalign(alignment, size);
  return *block ? 0 : ENOMEM;
}
void *aligned_alloc(size_t alignment, size_t size) {
  COUNT(size);
  return __libc_memalign(alignment, size);
}
void *memalign(size_t alignment, size_t size) {
  COUNT(size);
  return __libc_memalign(alignment, size);
}
void *mmap(void *address, size_t size, int access, int flags, int file,
           off_t offset) noexcept {
  auto *block = reinterpret_cast<void *>(
      syscall(SYS_mmap, address, size, access, flags, file, offset));
  if (block != MAP_FAILED && (flags & MAP_ANONYMOUS)) {
    COUNT(size);
    mappedBytes += size;
  }
  return block;
}
int munmap(void *block, size_t size) noexcept {
  mappedBytes -= size;
  return syscall(SYS_munmap, block, size);
}
}
void *operator new(size_t size) {
  COUNT(size);
  if (void *block = __libc_malloc(size ? size : 1))
    return block;
  throw std::bad_alloc();
}
void *operator new[](size_t size) {
  COUNT(size);
  if (void *block = __libc_malloc(size ? size : 1))
    return block;
  throw std::bad_alloc();
}
void operator delete(void *block) noexcept { __libc_free(block); }
void operator delete[](void *block) noexcept { __libc_free(block); }
void operator delete(void *block, size_t) noexcept { __libc_free(block); }
void operator delete[](void *block, size_t) noexcept { __libc_free(block); }
#pragma GCC visibility pop

TEST(Allocation, CounterWorks) {
  long before = allocations;
  tenon_error_free(tenon_error_create(TENON_ERROR_USAGE, "any", nullptr, 0));
  EXPECT_GT(allocations, before);
}

TEST(Allocation, CounterSeesWhatIsMapped) {
  ModelPtr model = makeModel(tenon_model);
  SessionPtr session = makeSession(model.get());
  FakeCall call(50000);
  long bytes = mappedBytes;
  ASSERT_EQ(take(call.run(session.get())), "ok");
  EXPECT_GE(mappedBytes - bytes,
            long(tenon_session_workspace_size(session.get())));
  session.reset();
  EXPECT_EQ(mappedBytes, bytes);
}

TEST(Allocation, NoneAfterTheFirstRun) {
  ModelPtr model = makeModel(tenon_model);
  for (int threads : {1, 2}) {
    SessionPtr session = makeSession(model.get(), threads);
    FakeCall small(10), large(50000), middle(777);
    for (FakeCall *call : {&small, &large, &middle})
      ASSERT_EQ(take(call->run(session.get())), "ok");
    long before = allocations;
    TenonError *error = nullptr;
    for (int i = 0; i < 20; ++i)
      for (FakeCall *call : {&small, &middle, &large, &large})
        if (TenonError *failed = call->run(session.get()))
          error = failed;
    long after = allocations;
    EXPECT_EQ(take(error), "ok");
    EXPECT_EQ(after - before, 0) << threads << " threads";
    EXPECT_TRUE(small.isRight() && middle.isRight() && large.isRight());
  }
}

TEST(Allocation, NoneWithDroppedOutputs) {
  ModelPtr model = makeModel(tenon_model);
  SessionPtr session = makeSession(model.get(), 1);
  FakeCall call(100);
  ASSERT_EQ(take(tenon_session_run(session.get(), call.inputs, 3, nullptr, 0)),
            "ok");
  long before = allocations;
  TenonError *error =
      tenon_session_run(session.get(), call.inputs, 3, nullptr, 0);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(take(error), "ok");
}

TEST(Allocation, ShapesAreBounded) {
  ModelPtr model = makeModel(tenon_model);
  SessionPtr session = makeSession(model.get(), 1, false, /*maxShapes=*/2);
  FakeCall a(10), b(20), c(30);
  for (FakeCall *call : {&a, &b, &c, &a, &b, &c})
    ASSERT_EQ(take(call->run(session.get())), "ok");
  // A plan that makes room for another hands over its memory.
  long before = allocations;
  for (FakeCall *call : {&a, &b, &c, &a, &b, &c})
    call->run(session.get());
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(a.isRight() && b.isRight() && c.isRight());
}

// The driver may allocate what it likes.
TEST(Allocation, NoneOfOursOnADevice) {
  setenv("TENON_CUDA_DRIVER", FAKE_CUDA_LIBRARY, 1);
  ModelPtr model = makeModel(getDeviceModel());
  SessionPtr session = makeSession(model.get());
  constexpr int64_t n = 100;
  float x[4 * n] = {1, 2, 3};
  int64_t index[n] = {}, xDims[] = {n, 4}, indexDims[] = {n};
  TenonTensor inputs[] = {{"x", x, TENON_F32, 2, xDims},
                          {"index", index, TENON_I64, 1, indexDims}};
  ASSERT_EQ(take(tenon_session_run(session.get(), inputs, 2, nullptr, 0)),
            "ok");
  ours = 0;
  isSorting = true;
  TenonError *error = tenon_session_run(session.get(), inputs, 2, nullptr, 0);
  isSorting = false;
  EXPECT_EQ(take(error), "ok");
  EXPECT_EQ(ours, 0);
}

/// Bytes that are allocated now.
static size_t countBytes() {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd + mappedBytes;
}

TEST(Allocation, AHundredShapesLeaveMemoryWhereItWas) {
  ModelPtr model = makeModel(tenon_model);
  std::vector<std::unique_ptr<FakeCall>> calls;
  // Of 8 KB to 800 KB: larger blocks are mapped.
  for (int64_t n = 1; n <= 100; ++n)
    calls.push_back(std::make_unique<FakeCall>(n * 500));
  for (int threads : {1, 2}) {
    SessionPtr session = makeSession(model.get(), threads);
    size_t bytes[3];
    uint64_t workspace = 0;
    for (size_t round = 0; round < 3; ++round) {
      for (const auto &call : calls) {
        ASSERT_EQ(take(call->run(session.get())), "ok");
        EXPECT_TRUE(call->isRight());
      }
      bytes[round] = countBytes();
      if (round)
        EXPECT_EQ(tenon_session_workspace_size(session.get()), workspace);
      workspace = tenon_session_workspace_size(session.get());
    }
    EXPECT_EQ(bytes[1], bytes[0]);
    EXPECT_EQ(bytes[2], bytes[0]);
  }
}

#ifdef TENON_HAS_ONEDNN
/// Bytes of the process's memory that no file backs: code that oneDNN makes is
/// there, too, which it does not allocate by malloc.
static size_t countAnonymousBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (size_t kilobytes; word == "RssAnon:" && status >> kilobytes)
      return kilobytes << 10;
  ADD_FAILURE() << "no RssAnon in /proc/self/status";
  return 0;
}

/// Runs a model of one kernel at many sizes, again and again.
static void checkHundredSizes(std::vector<TestKernel> &kernels) {
  KernelModel holder(kernels[0]);
  ModelPtr model = makeModel(holder.getDesc());
  for (int threads : {1, 2}) {
    SessionPtr session = makeSession(model.get(), threads);
    size_t few = 0, fewAnonymous = 0, bytes[3];
    for (size_t round = 0; round < 3; ++round) {
      for (TestKernel &kernel : kernels) {
        ASSERT_EQ(take(holder.run(session.get(), kernel)), "ok");
        if (!few && &kernel == &kernels[50]) {
          few = countBytes();
          fewAnonymous = countAnonymousBytes();
        }
      }
      bytes[round] = countBytes();
    }
    EXPECT_LT(bytes[2], bytes[1] + 10000);
    // A primitive's code alone takes some ten thousand.
    EXPECT_LT(bytes[2], few + 300000);
    EXPECT_LT(countAnonymousBytes(), fewAnonymous + 1000000);
  }
}

// Primitives, and copies of the weights in the order that they ask for, are
// dropped with the shapes that they are for.
TEST(Allocation, AHundredShapesOfOneDnn) {
  std::vector<TestKernel> products, convolutions;
  for (int64_t i = 0; i < 100; ++i) {
    // Large and small ones in turns.
    int64_t rows = 1 + i * 37 % 100;
    products.push_back(matmul({rows, 96}, {96, 200}, {rows, 200}));
    products.back().fill();
    ConvCase conv;
    conv.in = 64, conv.out = 512, conv.height = rows;
    conv.kernel = {1, 1}, conv.pads = {0, 0, 0, 0};
    convolutions.push_back(conv.make());
    convolutions.back().fill();
  }
  checkHundredSizes(products);
  // With weights that the compiler has packed for one of the sizes.
  TestKernel packed = convolutions[50].pack(convolutions[50].allDims());
  ASSERT_FALSE(packed.args.empty());
  for (TestKernel &convolution : convolutions) {
    convolution.args[1] = packed.args[1];
    convolution.descriptor = packed.descriptor;
  }
  checkHundredSizes(convolutions);
}

// Tenon itself allocates nothing for a oneDNN kernel either. oneDNN keeps a
// small table of the arguments of each call, which it gives no way to avoid:
// some hundred bytes, freed when the call is over.
TEST(Allocation, NoneOfOursWithOneDnn) {
  TestKernel kernel{TENON_ONEDNN_ATTENTION, {}, -1, {bitsOf(0.5), -1}, {}};
  kernel.args = {{{1, 2, 8, 16}, {}},
                 {{1, 2, 9, 16}, {}},
                 {{1, 2, 9, 8}, {}},
                 {{1, 2, 8, 8}, {}}};
  kernel.fill();
  KernelModel holder(kernel);
  ModelPtr model = makeModel(holder.getDesc());
  for (int threads : {1, 2}) {
    SessionPtr session = makeSession(model.get(), threads);
    constexpr int runs = 10;
    // Not even in the first run, if the shape is bound before it.
    ASSERT_EQ(take(holder.bind(session.get(), kernel)), "ok");
    ours = oneDnns = oneDnnBytes = 0;
    isSorting = true;
    for (int i = 0; i < runs; ++i)
      EXPECT_EQ(holder.run(session.get(), kernel), nullptr);
    isSorting = false;
    EXPECT_EQ(ours, 0);
    EXPECT_LE(oneDnns, runs * 2 * 16);
    EXPECT_LE(oneDnnBytes, runs * 2 * 1024);
  }
  // The counter sees libtenon's allocations.
  isSorting = true;
  SessionPtr another = makeSession(model.get());
  isSorting = false;
  EXPECT_GT(ours, 0);
}
#endif
