//===- CpuFeatures.cpp - Whether this processor can run a model ----------===//

#include "runtime/core/CpuFeatures.h"

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

using namespace tenon::runtime;

namespace {

/// Calls `visit` for each item of a list separated by commas, without a leading
/// '+' and without empty items.
template <typename Visit> void forEachFeature(const char *list, Visit visit) {
  std::string item;
  for (const char *c = list;; ++c) {
    if (*c && *c != ',') {
      if (*c != ' ' && !(*c == '+' && item.empty()))
        item += *c;
      continue;
    }
    if (!item.empty())
      visit(item);
    item.clear();
    if (!*c)
      return;
  }
}

} // namespace

#if defined(__x86_64__)

namespace {

enum Register : uint8_t { EAX, EBX, ECX, EDX };

/// What the operating system must save on a task switch, as bits of XCR0.
enum State : uint32_t { NoState = 0, Avx = 0x6, Avx512 = 0xe6, Amx = 0x60000 };

struct Feature {
  const char *name;
  uint32_t leaf, subleaf;
  Register reg;
  uint8_t bit;
  State state;
};

/// Intel's and AMD's manuals, CPUID. The names are LLVM's.
const Feature featureTable[] = {
    {"cx8", 1, 0, EDX, 8, NoState},
    {"cmov", 1, 0, EDX, 15, NoState},
    {"mmx", 1, 0, EDX, 23, NoState},
    {"fxsr", 1, 0, EDX, 24, NoState},
    {"sse", 1, 0, EDX, 25, NoState},
    {"sse2", 1, 0, EDX, 26, NoState},
    {"sse3", 1, 0, ECX, 0, NoState},
    {"pclmul", 1, 0, ECX, 1, NoState},
    {"ssse3", 1, 0, ECX, 9, NoState},
    {"fma", 1, 0, ECX, 12, Avx},
    {"cx16", 1, 0, ECX, 13, NoState},
    {"sse4.1", 1, 0, ECX, 19, NoState},
    {"sse4.2", 1, 0, ECX, 20, NoState},
    {"crc32", 1, 0, ECX, 20, NoState},
    {"movbe", 1, 0, ECX, 22, NoState},
    {"popcnt", 1, 0, ECX, 23, NoState},
    {"aes", 1, 0, ECX, 25, NoState},
    {"xsave", 1, 0, ECX, 27, NoState},
    {"avx", 1, 0, ECX, 28, Avx},
    {"f16c", 1, 0, ECX, 29, Avx},
    {"rdrnd", 1, 0, ECX, 30, NoState},
    {"fsgsbase", 7, 0, EBX, 0, NoState},
    {"sgx", 7, 0, EBX, 2, NoState},
    {"bmi", 7, 0, EBX, 3, NoState},
    {"avx2", 7, 0, EBX, 5, Avx},
    {"bmi2", 7, 0, EBX, 8, NoState},
    {"invpcid", 7, 0, EBX, 10, NoState},
    {"rtm", 7, 0, EBX, 11, NoState},
    {"avx512f", 7, 0, EBX, 16, Avx512},
    {"evex512", 7, 0, EBX, 16, Avx512},
    {"avx512dq", 7, 0, EBX, 17, Avx512},
    {"rdseed", 7, 0, EBX, 18, NoState},
    {"adx", 7, 0, EBX, 19, NoState},
    {"avx512ifma", 7, 0, EBX, 21, Avx512},
    {"clflushopt", 7, 0, EBX, 23, NoState},
    {"clwb", 7, 0, EBX, 24, NoState},
    {"avx512cd", 7, 0, EBX, 28, Avx512},
    {"sha", 7, 0, EBX, 29, NoState},
    {"avx512bw", 7, 0, EBX, 30, Avx512},
    {"avx512vl", 7, 0, EBX, 31, Avx512},
    {"avx512vbmi", 7, 0, ECX, 1, Avx512},
    {"pku", 7, 0, ECX, 4, NoState},
    {"waitpkg", 7, 0, ECX, 5, NoState},
    {"avx512vbmi2", 7, 0, ECX, 6, Avx512},
    {"shstk", 7, 0, ECX, 7, NoState},
    {"gfni", 7, 0, ECX, 8, NoState},
    {"vaes", 7, 0, ECX, 9, Avx},
    {"vpclmulqdq", 7, 0, ECX, 10, Avx},
    {"avx512vnni", 7, 0, ECX, 11, Avx512},
    {"avx512bitalg", 7, 0, ECX, 12, Avx512},
    {"avx512vpopcntdq", 7, 0, ECX, 14, Avx512},
    {"rdpid", 7, 0, ECX, 22, NoState},
    {"cldemote", 7, 0, ECX, 25, NoState},
    {"movdiri", 7, 0, ECX, 27, NoState},
    {"movdir64b", 7, 0, ECX, 28, NoState},
    {"enqcmd", 7, 0, ECX, 29, NoState},
    {"uintr", 7, 0, EDX, 5, NoState},
    {"avx512vp2intersect", 7, 0, EDX, 8, Avx512},
    {"serialize", 7, 0, EDX, 14, NoState},
    {"tsxldtrk", 7, 0, EDX, 16, NoState},
    {"pconfig", 7, 0, EDX, 18, NoState},
    {"amx-bf16", 7, 0, EDX, 22, Amx},
    {"avx512fp16", 7, 0, EDX, 23, Avx512},
    {"amx-tile", 7, 0, EDX, 24, Amx},
    {"amx-int8", 7, 0, EDX, 25, Amx},
    {"sha512", 7, 1, EAX, 0, Avx},
    {"sm3", 7, 1, EAX, 1, Avx},
    {"sm4", 7, 1, EAX, 2, Avx},
    {"raoint", 7, 1, EAX, 3, NoState},
    {"avxvnni", 7, 1, EAX, 4, Avx},
    {"avx512bf16", 7, 1, EAX, 5, Avx512},
    {"cmpccxadd", 7, 1, EAX, 7, NoState},
    {"amx-fp16", 7, 1, EAX, 21, Amx},
    {"hreset", 7, 1, EAX, 22, NoState},
    {"avxifma", 7, 1, EAX, 23, Avx},
    {"avxvnniint8", 7, 1, EDX, 4, Avx},
    {"avxneconvert", 7, 1, EDX, 5, Avx},
    {"amx-complex", 7, 1, EDX, 8, Amx},
    {"avxvnniint16", 7, 1, EDX, 10, Avx},
    {"prefetchi", 7, 1, EDX, 14, NoState},
    {"xsaveopt", 13, 1, EAX, 0, NoState},
    {"xsavec", 13, 1, EAX, 1, NoState},
    {"xsaves", 13, 1, EAX, 3, NoState},
    {"sahf", 0x80000001, 0, ECX, 0, NoState},
    {"lzcnt", 0x80000001, 0, ECX, 5, NoState},
    {"sse4a", 0x80000001, 0, ECX, 6, NoState},
    {"prfchw", 0x80000001, 0, ECX, 8, NoState},
    {"xop", 0x80000001, 0, ECX, 11, Avx},
    {"fma4", 0x80000001, 0, ECX, 16, Avx},
    {"tbm", 0x80000001, 0, ECX, 21, NoState},
    {"mwaitx", 0x80000001, 0, ECX, 29, NoState},
    {"64bit", 0x80000001, 0, EDX, 29, NoState},
    {"clzero", 0x80000008, 0, EBX, 0, NoState},
    {"rdpru", 0x80000008, 0, EBX, 4, NoState},
    {"wbnoinvd", 0x80000008, 0, EBX, 9, NoState},
};

uint64_t readSavedState() {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || !(c & (1u << 27)))
    return 0; // the system does not use XSAVE
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t(high) << 32) | low;
}

bool hasFeature(const Feature &feature, uint64_t savedState) {
  unsigned regs[4];
  if (!__get_cpuid_count(feature.leaf, feature.subleaf, &regs[EAX], &regs[EBX],
                         &regs[ECX], &regs[EDX]))
    return false;
  return (regs[feature.reg] >> feature.bit & 1) &&
         (savedState & feature.state) == feature.state;
}

} // namespace

const char *tenon::runtime::getHostArchitecture() { return "x86_64"; }

std::vector<std::string>
tenon::runtime::findMissingFeatures(const char *features) {
  std::vector<std::string> missing;
  uint64_t savedState = readSavedState();
  forEachFeature(features, [&](const std::string &name) {
    for (const Feature &feature : featureTable)
      if (name == feature.name && hasFeature(feature, savedState))
        return;
    missing.push_back(name);
  });
  return missing;
}

#elif defined(__aarch64__)

namespace {
struct Feature {
  const char *name;
  unsigned long auxiliary, mask; // a bit of AT_HWCAP or AT_HWCAP2
};
/// Linux, arch/arm64/include/uapi/asm/hwcap.h.
const Feature featureTable[] = {
    {"fp-armv8", AT_HWCAP, 1ul << 0},  {"neon", AT_HWCAP, 1ul << 1},
    {"aes", AT_HWCAP, 1ul << 3},       {"sha2", AT_HWCAP, 1ul << 6},
    {"crc", AT_HWCAP, 1ul << 7},       {"lse", AT_HWCAP, 1ul << 8},
    {"fullfp16", AT_HWCAP, 1ul << 10}, {"rdm", AT_HWCAP, 1ul << 12},
    {"dotprod", AT_HWCAP, 1ul << 20},  {"sve", AT_HWCAP, 1ul << 22},
    {"fp16fml", AT_HWCAP, 1ul << 23},  {"sve2", AT_HWCAP2, 1ul << 1},
    {"i8mm", AT_HWCAP2, 1ul << 13},    {"bf16", AT_HWCAP2, 1ul << 14},
};
} // namespace

const char *tenon::runtime::getHostArchitecture() { return "aarch64"; }

std::vector<std::string>
tenon::runtime::findMissingFeatures(const char *features) {
  std::vector<std::string> missing;
  forEachFeature(features, [&](const std::string &name) {
    for (const Feature &feature : featureTable)
      if (name == feature.name && (getauxval(feature.auxiliary) & feature.mask))
        return;
    missing.push_back(name);
  });
  return missing;
}

#else
#error "libtenon does not know this processor: see CpuFeatures.cpp"
#endif
