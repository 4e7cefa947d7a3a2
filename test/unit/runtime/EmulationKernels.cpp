//===- EmulationKernels.cpp - Kernels in PTX for EmulationTest.cpp --------===//

#include "test/unit/runtime/EmulationKernels.h"

/// What each kernel begins with. %r1 is the thread and %r2 how many a block
/// has; %rd2 is where the thread's words are, and %rd1 those of the first one
/// of all. %r3 is the thread's first word. %r4 is four times the thread.
static std::string kernel(const std::string &name, const std::string &body) {
  return ".visible .entry " + name + R"((
  .param .u64 words
)
{
  .reg .pred %p<4>;
  .reg .b16 %h<4>;
  .reg .b32 %r<40>;
  .reg .b64 %rd<12>;
  ld.param.u64 %rd1, [words];
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %ctaid.x;
  mad.lo.s32 %r3, %r3, %r2, %r1;
  mul.wide.u32 %rd2, %r3, 64;
  add.s64 %rd2, %rd1, %rd2;
  ld.global.b32 %r3, [%rd2];
  shl.b32 %r4, %r1, 2;
)" + body +
         "  ret;\n}\n";
}

static const char *const shared = "  .shared .align 16 .b8 memory[4096];\n";
static const char *const place =
    "  mov.b32 %r8, memory;\n  add.s32 %r9, %r8, %r4;\n";

/// Words in reverse by shared memory, at addresses in `space`.
static std::string reverse(const std::string &name, const std::string &space) {
  return kernel(
      name, std::string(shared) + R"(  mov.b64 %rd3, memory;
  sub.s32 %r5, %r2, %r1;
  sub.s32 %r5, %r5, 1;
  mul.wide.u32 %rd4, %r1, 4;
  mul.wide.u32 %rd5, %r5, 4;
)" + (space.empty() ? "  cvta.shared.u64 %rd3, %rd3;\n" : "") +
                R"(  add.s64 %rd4, %rd3, %rd4;
  add.s64 %rd5, %rd3, %rd5;
  st)" + space + ".b32 [%rd4], %r3;\n  bar.sync 0;\n  ld" +
                space + ".b32 %r6, [%rd5];\n  st.global.b32 [%rd2+4], %r6;\n");
}

/// A product whose operands are the thread's first words, `numA` of A; its
/// result is behind the first 12.
static std::string product(const std::string &name, const std::string &opcode,
                           int numA) {
  std::string body;
  int count = numA + numA / 2 + 4;
  for (int i = 0; i < count; ++i)
    body += "  ld.global.b32 %r" + std::to_string(10 + i) + ", [%rd2+" +
            std::to_string(4 * i) + "];\n";
  auto list = [](int begin, int count) {
    std::string text = "{";
    for (int i = 0; i < count; ++i)
      text += (i ? ", %r" : "%r") + std::to_string(begin + i);
    return text + "}";
  };
  body += "  mma.sync.aligned." + opcode + " " + list(30, 4) + ", " +
          list(10, numA) + ", " + list(10 + numA, numA / 2) + ", " +
          list(10 + numA + numA / 2, 4) + ";\n";
  return kernel(name,
                body + "  st.global.v4.b32 [%rd2+48], " + list(30, 4) + ";\n");
}

static std::string getMeetings() {
  std::string text;
  text += reverse("reverse", ".shared");
  text += reverse("reverse_generic", "");
  text += kernel("uninitialized", std::string(shared) + place + R"(
  ld.shared.b32 %r12, [%r9];
  st.global.b32 [%rd2+4], %r12;
)");
  text += kernel("atomics", std::string(shared) + place + R"(
  setp.ne.b32 %p1, %r1, 0;
  @%p1 bra $L_begun;
  st.shared.b32 [%r8], 0;
  st.global.b32 [%rd1+8], 5;
$L_begun:
  bar.sync 0;
  atom.shared.cas.b32 %r11, [%r8], 0, %r3;
  st.global.b32 [%rd2+4], %r11;
  atom.relaxed.gpu.global.cas.b32 %r11, [%rd1+8], 6, %r3;
  bar.sync 0;
  @%p1 bra $L_end;
  ld.shared.b32 %r12, [%r8];
  st.global.b32 [%rd1+12], %r12;
$L_end:
)");
  std::string shuffles =
      "  ld.global.b32 %r5, [%rd2+4];\n  ld.global.b32 %r6, [%rd2+8];\n"
      "  ld.global.b32 %r7, [%rd2+12];\n";
  int at = 16;
  for (const char *mode : {"up", "down", "bfly", "idx"}) {
    shuffles += std::string("  shfl.sync.") + mode +
                ".b32 %r8|%p1, %r3, %r5, " + (at == 16 ? "%r7" : "%r6") +
                ", -1;\n";
    shuffles += "  selp.b32 %r9, 1, 0, %p1;\n  st.global.v2.b32 [%rd2+" +
                std::to_string(at) + "], {%r8, %r9};\n";
    at += 8;
  }
  text += kernel("shuffles", shuffles);
  text += kernel("some_lanes", R"(
  and.b32 %r5, %r1, 1;
  setp.eq.b32 %p1, %r5, 1;
  @%p1 bra $L_odd;
  shfl.sync.idx.b32 %r6, %r3, 2, 31, 0x55555555;
  shfl.sync.idx.b32 %r6, %r3, 4, 31, 0x55555555;
  bra $L_all;
$L_odd:
  shfl.sync.idx.b32 %r6, %r3, 5, 31, 0xAAAAAAAA;
$L_all:
  xor.b32 %r7, %r1, 1;
  shfl.sync.idx.b32 %r8, %r6, 2, 31, -1;
  shfl.sync.idx.b32 %r9, %r6, %r7, 31, -1;
  bar.warp.sync -1;
  selp.b32 %r10, 33, %r9, %p1;
  st.global.b32 [%rd2+4], %r10;
)");
  return text;
}

static std::string getMatrices() {
  std::string text;
  text += product("mma_f16_16", "m16n8k16.row.col.f32.f16.f16.f32", 4);
  text += product("mma_bf16_16", "m16n8k16.row.col.f32.bf16.bf16.f32", 4);
  text += product("mma_tf32_8", "m16n8k8.row.col.f32.tf32.tf32.f32", 4);
  text += kernel("load_matrices", std::string(shared) + R"(
  ld.global.v4.b32 {%r10, %r11, %r12, %r13}, [%rd2];
  shl.b32 %r5, %r1, 4;
  mov.b32 %r6, memory;
  add.s32 %r5, %r5, %r6;
  st.shared.v4.b32 [%r5], {%r10, %r11, %r12, %r13};
  bar.sync 0;
  ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r20, %r21, %r22, %r23}, [%r5];
  st.global.v4.b32 [%rd2+16], {%r20, %r21, %r22, %r23};
  ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%r20, %r21, %r22, %r23}, [%r5];
  st.global.v4.b32 [%rd2+32], {%r20, %r21, %r22, %r23};
)");
  // Three groups, of which the last is not waited for before it is read.
  text += kernel("copies", std::string(shared) + R"(
  shl.b32 %r5, %r1, 4;
  mov.b32 %r6, memory;
  add.s32 %r5, %r5, %r6;
  cp.async.cg.shared.global [%r5], [%rd2], 16;
  cp.async.commit_group;
  cp.async.ca.shared.global [%r5+1024], [%rd2], 16, 8;
  cp.async.commit_group;
  cp.async.ca.shared.global [%r5+2048], [%rd2], 4;
  cp.async.commit_group;
  cp.async.wait_group 1;
  bar.sync 0;
  xor.b32 %r7, %r1, 63;
  shl.b32 %r7, %r7, 4;
  add.s32 %r7, %r7, %r6;
  ld.shared.v4.b32 {%r10, %r11, %r12, %r13}, [%r7];
  st.global.v4.b32 [%rd2+16], {%r10, %r11, %r12, %r13};
  ld.shared.v4.b32 {%r10, %r11, %r12, %r13}, [%r7+1024];
  st.global.v4.b32 [%rd2+32], {%r10, %r11, %r12, %r13};
  ld.shared.b32 %r10, [%r5+2048];
  st.global.b32 [%rd2+48], %r10;
  cp.async.wait_group 0;
)");
  std::string packed;
  for (int i = 0; i < 6; ++i)
    packed += "  ld.global.b32 %r" + std::to_string(10 + i) + ", [%rd2+" +
              std::to_string(4 * i) + "];\n";
  for (const char *type : {"f16x2", "bf16x2"})
    for (int i = 0; i < 3; ++i)
      packed += std::string("  cvt.rn.") + type + ".f32 %r" +
                std::to_string((type[0] == 'b' ? 25 : 20) + i) + ", %r" +
                std::to_string(11 + 2 * i) + ", %r" +
                std::to_string(10 + 2 * i) + ";\n";
  packed += R"(
  fma.rn.f16x2 %r30, %r20, %r21, %r22;
  st.global.b32 [%rd2+24], %r30;
  add.rn.f16x2 %r30, %r20, %r21;
  st.global.b32 [%rd2+28], %r30;
  mul.rn.f16x2 %r30, %r20, %r21;
  st.global.b32 [%rd2+32], %r30;
  max.f16x2 %r30, %r20, %r21;
  st.global.b32 [%rd2+36], %r30;
  min.NaN.f16x2 %r30, %r20, %r21;
  st.global.b32 [%rd2+40], %r30;
  fma.rn.bf16x2 %r30, %r25, %r26, %r27;
  st.global.b32 [%rd2+44], %r30;
  max.bf16x2 %r30, %r25, %r26;
  st.global.b32 [%rd2+48], %r30;
  setp.lt.f16x2 %p1|%p2, %r20, %r21;
  selp.b32 %r30, 1, 0, %p1;
  selp.b32 %r31, 2, 0, %p2;
  or.b32 %r30, %r30, %r31;
  st.global.b32 [%rd2+52], %r30;
)";
  text += kernel("packed", packed);
  text += kernel("to_tf32", R"(
  cvt.rna.tf32.f32 %r5, %r3;
  st.global.b32 [%rd2+8], %r5;
  ld.global.b32 %r5, [%rd2+4];
  cvt.rna.tf32.f32 %r6, %r5;
  st.global.b32 [%rd2+12], %r6;
)");
  text += kernel("to_s8", R"(
  cvt.s8.s32 %h1, %r3;
  abs.s16 %h1, %h1;
  cvt.u32.u16 %r5, %h1;
  st.global.b32 [%rd2+4], %r5;
)");
  return text;
}

static std::string getMistakes() {
  std::string text;
  const std::string begin = std::string(shared) + place;
  text += kernel("barrier_of_some", R"(
  setp.eq.b32 %p1, %r1, 40;
  @%p1 bra $L_end;
  bar.sync 0;
$L_end:
)");
  text += kernel("other_barriers", R"(
  setp.lt.u32 %p1, %r1, 16;
  @%p1 bra $L_low;
  bar.sync 0;
  bra $L_end;
$L_low:
  bar.sync 0;
$L_end:
)");
  const std::string shuffle = "  shfl.sync.idx.b32 %r5, %r3, 0, 31, -1;\n";
  text += kernel("shuffle_of_some", R"(
  setp.eq.b32 %p1, %r1, 31;
  @%p1 bra $L_end;
)" + shuffle + "$L_end:\n");
  text += kernel("shuffles_elsewhere", R"(
  setp.eq.b32 %p1, %r1, 31;
  @%p1 bra $L_last;
)" + shuffle + "  bra $L_end;\n$L_last:\n" +
                                           shuffle + "$L_end:\n");
  text += kernel("shuffle_full", shuffle);
  text += kernel("beyond_shared", "  .shared .align 4 .b8 few[128];\n"
                                  "  mov.b32 %r8, few;\n"
                                  "  add.s32 %r9, %r8, %r4;\n"
                                  "  ld.shared.b32 %r5, [%r9+4];\n");
  text += kernel("unaligned", "  st.global.v2.b32 [%rd2+4], {%r1, %r1};\n");
  text += kernel("unaligned_shared",
                 begin + "  ld.shared.v4.b32 {%r5, %r6, %r7, _}, [%r8+8];\n");
  text += kernel("trap", "  trap;\n");
  // Of what stands one warp on.
  text += kernel("read_race", begin + R"(
  st.shared.b32 [%r9], %r1;
  xor.b32 %r10, %r4, 128;
  add.s32 %r10, %r8, %r10;
  ld.shared.b32 %r5, [%r10];
)");
  text += kernel("write_race", begin + "  st.shared.b32 [%r8], %r1;\n");
  text += kernel("write_after_read", begin + R"(
  st.shared.b32 [%r9], %r1;
  bar.sync 0;
  xor.b32 %r10, %r4, 128;
  add.s32 %r10, %r8, %r10;
  ld.shared.b32 %r5, [%r10];
  st.shared.b32 [%r9], %r5;
)");
  const std::string neighbour = R"(
  xor.b32 %r10, %r4, 4;
  add.s32 %r10, %r8, %r10;
  ld.shared.b32 %r5, [%r10];
)";
  text += kernel("race_in_warp",
                 begin + "  st.shared.b32 [%r9], %r1;\n" + neighbour);
  text += kernel("synced_warp", begin +
                                    "  st.shared.b32 [%r9], %r1;\n"
                                    "  bar.warp.sync -1;\n" +
                                    neighbour +
                                    "  bar.warp.sync -1;\n"
                                    "  st.shared.b32 [%r9], %r5;\n");
  text += kernel("read_by_all", begin + R"(
  st.shared.b32 [%r9], %r1;
  bar.sync 0;
  ld.shared.b32 %r5, [%r8];
  ld.shared.b32 %r6, [%r8+128];
  bar.sync 0;
  st.shared.b32 [%r9], %r5;
)");
  // It begins to write before all have read, and ends after the barrier.
  text += kernel("copy_race", begin + R"(
  st.shared.b32 [%r9], %r1;
  bar.sync 0;
  xor.b32 %r10, %r4, 128;
  add.s32 %r10, %r8, %r10;
  ld.shared.b32 %r5, [%r10];
  cp.async.ca.shared.global [%r9], [%rd2], 4;
  cp.async.commit_group;
  cp.async.wait_group 0;
)");
  text += kernel("forgotten_copy", begin + R"(
  cp.async.ca.shared.global [%r9], [%rd2], 4;
  cp.async.wait_group 0;
)");
  text += kernel("copy_not_shared", begin + R"(
  cp.async.ca.shared.global [%r9], [%rd2], 4;
  cp.async.commit_group;
  cp.async.wait_group 0;
  xor.b32 %r10, %r4, 128;
  add.s32 %r10, %r8, %r10;
  ld.shared.b32 %r5, [%r10];
)");
  text += kernel("last_wins", R"(
  mov.u32 %r5, %ctaid.x;
  mad.lo.s32 %r5, %r5, %r2, %r1;
  st.global.b32 [%rd1], %r5;
)");
  return text;
}

std::string tenon::test::cuda::getEmulationKernels() {
  return ".version 8.0\n.target sm_90\n.address_size 64\n" + getMeetings() +
         getMatrices() + getMistakes();
}
