//===- CudaLaunchTest.cpp - Launches of emulated kernels ------------------===//
//
// What the tests' driver says of shared memory, and of kernels that go wrong.
//
//===----------------------------------------------------------------------===//

#include "runtime/cuda/Driver.h"
#include "test/unit/runtime/CudaFixture.h"

using namespace tenon::cuda;
using namespace tenon::test;

/// The numbers of a block's threads in reverse, by shared memory for 64 of
/// them. They wait for each other if there are units.
static const char *const reverse = R"(.version 8.0
.target sm_90
.address_size 64
.visible .entry reverse(
  .param .u64 words,
  .param .u64 units,
  .param .u64 status
)
{
  .reg .pred %p<2>;
  .reg .b32 %r<8>;
  .reg .b64 %rd<4>;
  .shared .align 4 .b8 memory[256];
  ld.param.u64 %rd1, [words];
  ld.param.u64 %rd3, [units];
  setp.eq.b64 %p1, %rd3, 0;
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, %ntid.x;
  shl.b32 %r3, %r1, 2;
  mov.b32 %r4, memory;
  add.s32 %r5, %r4, %r3;
  st.shared.b32 [%r5], %r1;
  @%p1 bra $L_read;
  bar.sync 0;
$L_read:
  sub.s32 %r6, %r2, %r1;
  sub.s32 %r6, %r6, 1;
  shl.b32 %r6, %r6, 2;
  add.s32 %r6, %r4, %r6;
  ld.shared.b32 %r7, [%r6];
  mul.wide.u32 %rd2, %r1, 4;
  add.s64 %rd2, %rd1, %rd2;
  st.global.b32 [%rd2], %r7;
  ret;
}
)";

namespace {
struct CudaLaunch : Cuda {
  void SetUp() override {
    Cuda::SetUp();
    const Driver &found = Driver::get();
    api = &found;
    found.init(0);
    found.primaryContextRetain(&context, 0);
    found.contextPush(context);
    ASSERT_EQ(found.moduleLoad(&module, reverse, 0, nullptr, nullptr), 0);
    ASSERT_EQ(found.moduleGetFunction(&function, module, "reverse"), 0);
    found.memoryAllocate(&memory, 4096 + 8);
    found.streamCreate(&stream, 0);
  }
  void TearDown() override {
    api->streamDestroy(stream);
    api->memoryFree(memory);
    api->moduleUnload(module);
    api->contextPop(&context);
    api->primaryContextRelease(0);
    Cuda::TearDown();
  }

  Result launch(unsigned threads, uint64_t units = 1) {
    Address words = memory, status = memory + 4096;
    void *parameters[] = {&words, &units, &status};
    return api->launchKernel(function, 1, 1, 1, threads, 1, 1,
                             /*sharedBytes=*/0, stream, parameters, nullptr);
  }

  Setting translator{"FAKE_CUDA_TRANSLATOR",
                     TENON_SOURCE_DIR "/utils/emulate_ptx"};
  const Driver *api = nullptr;
  Context context = nullptr;
  Module module = nullptr;
  Function function = nullptr;
  Stream stream = nullptr;
  Address memory = 0;
};
} // namespace

TEST_F(CudaLaunch, SharedMemory) {
  EXPECT_EQ(launch(64), 0);
  EXPECT_EQ(api->streamSynchronize(stream), 0);
  std::vector<uint32_t> words(64);
  api->copyToHost(words.data(), memory, 256, stream);
  EXPECT_EQ(api->streamSynchronize(stream), 0);
  for (uint32_t i = 0; i < 64; ++i)
    EXPECT_EQ(words[i], 63 - i);
  // A block has 48 KiB.
  for (const char *size : {"49152", "49153"}) {
    std::string text = reverse;
    text.replace(text.find("256"), 3, size);
    Module large;
    Function found;
    ASSERT_EQ(api->moduleLoad(&large, text.c_str(), 0, nullptr, nullptr), 0);
    EXPECT_EQ(api->moduleGetFunction(&found, large, "reverse") == 0,
              size == std::string("49152"));
    api->moduleUnload(large);
  }
  EXPECT_EQ(cuda::takeProblems(),
            "kernel reverse has too much shared memory\n");
}

TEST_F(CudaLaunch, FaultsEndTheStream) {
  EXPECT_EQ(launch(65), 0);
  EXPECT_EQ(api->streamSynchronize(stream), 719);
  EXPECT_NE(cuda::takeProblems().find("kernel reverse: thread 64 of block 0 at "
                                      "byte 256 of 256 bytes of shared"),
            std::string::npos);
  // A race.
  EXPECT_EQ(launch(64, /*units=*/0), 0);
  EXPECT_EQ(api->streamSynchronize(stream), 719);
  EXPECT_NE(cuda::takeProblems().find("with no barrier between"),
            std::string::npos);
  EXPECT_EQ(api->streamSynchronize(stream), 0);
}
