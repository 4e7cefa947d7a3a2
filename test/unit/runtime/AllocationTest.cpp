//===- AllocationTest.cpp - Nothing is allocated after the first run
//--------===//
//
// Replaces the process's allocation functions to count what goes through them.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/ApiTest.h"
#include "test/unit/runtime/FakeModel.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>

using namespace tenon::test;

static std::atomic<long> allocations{0};

#pragma GCC visibility push(default) // so that the libraries find them
extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void *realloc(void *block, size_t size) {
  ++allocations;
  return __libc_realloc(block, size);
}
int posix_memalign(void **block, size_t alignment, size_t size) {
  ++allocations;
  *block = __libc_memalign(alignment, size);
  return *block ? 0 : ENOMEM;
}
void *aligned_alloc(size_t alignment, size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
void *memalign(size_t alignment, size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
}
#pragma GCC visibility pop

TEST(Allocation, CounterWorks) {
  long before = allocations;
  tenon_error_free(tenon_error_create(TENON_ERROR_USAGE, "any"));
  EXPECT_GT(allocations, before);
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
