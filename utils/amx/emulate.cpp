//===- emulate.cpp - Intel's AMX on processors without it -----------------===//
//
// An audit library of the dynamic linker (rtld-audit(7)). The processor knows
// none of AMX's instructions, and raises SIGILL, whose handler does what they
// do. CPUID and XGETBV are instructions that it does know, and their answers
// are what libraries go by: where they stand in the files that are loaded is
// known beforehand (EMULATE_AMX_PLACES), and there they are overwritten by an
// instruction that nobody knows. What of an instruction is computed is as in
// the Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
//
//===----------------------------------------------------------------------===//

#include <cpuid.h>
#include <fcntl.h>
#include <immintrin.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

namespace {

//===----------------------------------------------------------------------===//
// What is counted
//===----------------------------------------------------------------------===//

/// Of all threads, in the file EMULATE_AMX_COUNTS: utils/emulate_amx reads it.
struct Counts {
  /// Products of tiles, and the multiply-adds in them that the tiles' sizes
  /// ask for.
  uint64_t products, multiplyAdds;
  uint64_t loads, stores, configurations;
};
Counts noFile;
Counts *counts = &noFile;

void count(uint64_t Counts::*what, uint64_t number = 1) {
  __atomic_fetch_add(&(counts->*what), number, __ATOMIC_RELAXED);
}

//===----------------------------------------------------------------------===//
// The tiles of a thread
//===----------------------------------------------------------------------===//

constexpr int kNumTiles = 8, kMaxRows = 16, kRowBytes = 64;

/// The operand of LDTILECFG and STTILECFG.
struct Configuration {
  uint8_t palette, startRow, reserved[14];
  uint16_t rowBytes[16];
  uint8_t rows[16];
};
static_assert(sizeof(Configuration) == 64);

struct Tile {
  alignas(64) uint8_t rows[kMaxRows][kRowBytes];
};

struct State {
  Configuration configuration;
  Tile tiles[kNumTiles];
};
/// Allocated at a thread's first instruction: no thread is inside malloc then.
thread_local State state;

[[noreturn]] void fail(const char *what, const uint8_t *place) {
  char text[256];
  int length = snprintf(text, sizeof(text), "emulate_amx: %s:", what);
  for (int i = 0; i < 8; ++i)
    length += snprintf(text + length, sizeof(text) - length, " %02x", place[i]);
  text[length++] = '\n';
  (void)!write(2, text, length);
  abort();
}

/// The processor's answer to what no configuration allows is #UD or #GP.
void check(bool holds, const char *what, const uint8_t *place) {
  if (!holds)
    fail(what, place);
}

bool isConfigured(int tile) {
  return state.configuration.palette == 1 && tile < kNumTiles &&
         state.configuration.rows[tile] != 0 &&
         state.configuration.rowBytes[tile] != 0;
}

void loadConfiguration(const uint8_t *from, const uint8_t *place) {
  Configuration loaded;
  memcpy(&loaded, from, sizeof(loaded));
  check(loaded.palette <= 1, "unknown palette", place);
  memset(&state, 0, sizeof(state));
  count(&Counts::configurations);
  if (loaded.palette == 0)
    return;
  for (uint8_t byte : loaded.reserved)
    check(byte == 0, "reserved bytes of a configuration are not 0", place);
  for (int tile = 0; tile != 16; ++tile) {
    int rows = loaded.rows[tile], bytes = loaded.rowBytes[tile];
    check(tile < kNumTiles ? rows <= kMaxRows && bytes <= kRowBytes
                           : rows == 0 && bytes == 0,
          "a tile is larger than the palette's", place);
    check((rows == 0) == (bytes == 0), "a tile has rows or columns alone",
          place);
  }
  state.configuration = loaded;
}

void loadTile(int tile, const uint8_t *base, int64_t stride,
              const uint8_t *place) {
  check(isConfigured(tile), "load of a tile without a configuration", place);
  int rows = state.configuration.rows[tile],
      bytes = state.configuration.rowBytes[tile];
  memset(&state.tiles[tile], 0, sizeof(Tile));
  for (int row = 0; row != rows; ++row)
    memcpy(state.tiles[tile].rows[row], base + row * stride, bytes);
  count(&Counts::loads);
}

void storeTile(int tile, uint8_t *base, int64_t stride, const uint8_t *place) {
  check(isConfigured(tile), "store of a tile without a configuration", place);
  int rows = state.configuration.rows[tile],
      bytes = state.configuration.rowBytes[tile];
  for (int row = 0; row != rows; ++row)
    memcpy(base + row * stride, state.tiles[tile].rows[row], bytes);
  count(&Counts::stores);
}

/// TDPBF16PS: sums of even and of odd places on their own, denormals are zero.
__attribute__((target("avx512f,avx512bw,fma"))) void
multiply(int sum, int left, int right, const uint8_t *place) {
  check(isConfigured(sum) && isConfigured(left) && isConfigured(right),
        "product of a tile without a configuration", place);
  check(sum != left && sum != right && left != right,
        "product of a tile with itself", place);
  const Configuration &configuration = state.configuration;
  int rows = configuration.rows[sum], pairs = configuration.rowBytes[left] / 4,
      columns = configuration.rowBytes[sum] / 4;
  check(configuration.rows[left] == rows &&
            configuration.rows[right] == pairs &&
            configuration.rowBytes[right] == configuration.rowBytes[sum] &&
            configuration.rowBytes[left] % 4 == 0 &&
            configuration.rowBytes[sum] % 4 == 0,
        "product of tiles whose sizes don't fit", place);
  count(&Counts::products);
  count(&Counts::multiplyAdds, uint64_t(rows) * pairs * 2 * columns);

  constexpr unsigned kDenormalsAreZero = 0x8040, kAllMasked = 0x1f80;
  unsigned saved = _mm_getcsr();
  _mm_setcsr(kDenormalsAreZero | kAllMasked);
  __mmask16 inColumns = (1u << columns) - 1;
  __m512i high = _mm512_set1_epi32(int(0xffff0000));
  for (int row = 0; row != rows; ++row) {
    const uint8_t *factors = state.tiles[left].rows[row];
    __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
    for (int pair = 0; pair != pairs; ++pair) {
      uint32_t two;
      memcpy(&two, factors + 4 * pair, sizeof(two));
      __m512i others = _mm512_load_si512(state.tiles[right].rows[pair]);
      even = _mm512_fmadd_ps(
          _mm512_castsi512_ps(_mm512_set1_epi32(int(two << 16))),
          _mm512_castsi512_ps(_mm512_slli_epi32(others, 16)), even);
      odd = _mm512_fmadd_ps(
          _mm512_castsi512_ps(_mm512_set1_epi32(int(two & 0xffff0000))),
          _mm512_castsi512_ps(_mm512_and_si512(others, high)), odd);
    }
    uint8_t *sums = state.tiles[sum].rows[row];
    __m512 added =
        _mm512_add_ps(_mm512_load_ps(sums), _mm512_add_ps(even, odd));
    _mm512_store_ps(sums, _mm512_maskz_mov_ps(inColumns, added));
  }
  for (int row = rows; row != kMaxRows; ++row)
    memset(state.tiles[sum].rows[row], 0, kRowBytes);
  _mm_setcsr(saved);
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

int64_t readRegister(const greg_t *registers, int number) {
  constexpr int kRegisters[] = {
      REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
      REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  return registers[kRegisters[number]];
}

/// An instruction of AMX: all have a VEX prefix of three bytes and a ModRM
/// byte.
struct Instruction {
  const uint8_t *place;
  uint8_t prefix, opcode, mod, reg, rm, vvvv;
  int length = 5;
  /// Of an operand in memory: its address, or the base of its rows and their
  /// distance, which is the index of the SIB byte.
  uint8_t *base = nullptr;
  int64_t stride = 0;
};

bool decode(const greg_t *registers, Instruction &found) {
  const uint8_t *code = found.place;
  bool isVex = code[0] == 0xc4, isMap0F38 = (code[1] & 0x1f) == 2,
       isW0L0 = (code[2] & 0x84) == 0;
  if (!isVex || !isMap0F38 || !isW0L0)
    return false;
  bool r = !(code[1] & 0x80), x = !(code[1] & 0x40), b = !(code[1] & 0x20);
  found.vvvv = ~(code[2] >> 3) & 15;
  found.prefix = code[2] & 3;
  found.opcode = code[3];
  found.mod = code[4] >> 6;
  found.reg = (code[4] >> 3 & 7) | r << 3;
  found.rm = (code[4] & 7) | b << 3;
  if (found.mod == 3)
    return true;

  int64_t address = 0;
  bool hasBase = true;
  if ((code[4] & 7) == 4) {
    uint8_t sib = code[found.length++];
    int index = (sib >> 3 & 7) | x << 3;
    if (index != 4)
      found.stride = readRegister(registers, index) * (1 << (sib >> 6));
    hasBase = (sib & 7) != 5 || found.mod != 0;
    if (hasBase)
      address = readRegister(registers, (sib & 7) | b << 3);
  } else {
    if ((code[4] & 7) == 5 && found.mod == 0)
      fail("an address by the instruction's own place", code);
    address = readRegister(registers, found.rm);
  }
  if (found.mod == 1) {
    address += int8_t(code[found.length++]);
  } else if (found.mod == 2 || !hasBase) {
    int32_t offset;
    memcpy(&offset, code + found.length, sizeof(offset));
    address += offset;
    found.length += 4;
  }
  found.base = reinterpret_cast<uint8_t *>(address);
  return true;
}

enum Prefix : uint8_t { None, P66, PF3, PF2 };

/// Whether it was one of AMX's.
bool execute(const Instruction &i) {
  bool isInMemory = i.mod != 3;
  switch (i.opcode) {
  case 0x49:
    if (isInMemory && i.reg == 0 && i.prefix == None) {
      // Without rows, an index is a part of the address.
      loadConfiguration(i.base + i.stride, i.place);
      return true;
    }
    if (isInMemory && i.reg == 0 && i.prefix == P66) {
      memcpy(i.base + i.stride, &state.configuration, sizeof(Configuration));
      return true;
    }
    if (!isInMemory && i.prefix == None && i.reg == 0 && i.rm == 0) {
      memset(&state, 0, sizeof(state));
      return true;
    }
    if (!isInMemory && i.prefix == PF2 && i.rm == 0) {
      check(isConfigured(i.reg), "a tile without a configuration", i.place);
      memset(&state.tiles[i.reg], 0, sizeof(Tile));
      return true;
    }
    return false;
  case 0x4b:
    if (!isInMemory || i.prefix == None)
      return false;
    if (i.prefix == PF3)
      storeTile(i.reg, i.base, i.stride, i.place);
    else // with and without a hint that the rows are read once
      loadTile(i.reg, i.base, i.stride, i.place);
    return true;
  case 0x5c:
    if (isInMemory || i.prefix != PF3)
      return false;
    multiply(i.reg, i.rm, i.vvvv, i.place);
    return true;
  default:
    return false;
  }
}

//===----------------------------------------------------------------------===//
// What the processor says of itself
//===----------------------------------------------------------------------===//

/// This processor with AMX, and with the maker and the caches of a Xeon of the
/// fourth generation, by which libraries choose the sizes of their blocks.
void answerCpuid(greg_t *registers) {
  uint32_t leaf = registers[REG_RAX], subleaf = registers[REG_RCX];
  uint32_t a, b, c, d;
  __cpuid_count(leaf, subleaf, a, b, c, d);
  switch (leaf) {
  case 0:
    a = a < 0x1e ? 0x1e : a;
    memcpy(&b, "Genu", 4);
    memcpy(&d, "ineI", 4);
    memcpy(&c, "ntel", 4);
    break;
  case 4: {
    // Data of 48 KB in 12 ways, instructions of 32 KB in 8, 2 MB in 16 and, of
    // two cores, 3.75 MB in 15, all with lines of 64 bytes.
    constexpr struct {
      uint32_t type, level, ways, sets;
    } kCaches[] = {
        {1, 1, 12, 64}, {2, 1, 8, 64}, {3, 2, 16, 2048}, {3, 3, 15, 4096}};
    a = b = c = d = 0;
    if (subleaf < 4) {
      auto [type, level, ways, sets] = kCaches[subleaf];
      a = type | level << 5 | 1u << 8 | (level == 3 ? 1u << 14 : 0) | 1u << 26;
      b = 63 | (ways - 1) << 22;
      c = sets - 1;
    }
    break;
  }
  case 7:
    if (subleaf == 0) {
      constexpr uint32_t kBf16 = 1u << 22, kTile = 1u << 24;
      d |= kBf16 | kTile;
    }
    break;
  case 0x1d: // palette 1
    a = subleaf == 0 ? 1 : 1024u << 16 | 8192;
    b = subleaf == 0 ? 0 : unsigned(kNumTiles) << 16 | kRowBytes;
    c = subleaf == 0 ? 0 : kMaxRows;
    d = 0;
    break;
  case 0x1e:
    a = c = d = 0;
    b = 64u << 8 | 16;
    break;
  }
  registers[REG_RAX] = a;
  registers[REG_RBX] = b;
  registers[REG_RCX] = c;
  registers[REG_RDX] = d;
}

void answerXgetbv(greg_t *registers) {
  uint32_t low, high;
  __asm__ volatile("xgetbv"
                   : "=a"(low), "=d"(high)
                   : "c"(uint32_t(registers[REG_RCX])));
  constexpr uint32_t kTileConfig = 1u << 17, kTileData = 1u << 18;
  registers[REG_RAX] = low | kTileConfig | kTileData;
  registers[REG_RDX] = high;
}

/// An instruction that was overwritten.
struct Patch {
  const uint8_t *place;
  bool isCpuid;
};
constexpr int kMaxPatches = 4096;
Patch patches[kMaxPatches];
int numPatches = 0;

const Patch *findPatch(const uint8_t *place) {
  for (int i = 0, end = __atomic_load_n(&numPatches, __ATOMIC_ACQUIRE);
       i != end; ++i)
    if (patches[i].place == place)
      return &patches[i];
  return nullptr;
}

void handle(int, siginfo_t *, void *context) {
  greg_t *registers = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
  Instruction instruction;
  instruction.place = reinterpret_cast<const uint8_t *>(registers[REG_RIP]);
  if (const Patch *patch = findPatch(instruction.place)) {
    patch->isCpuid ? answerCpuid(registers) : answerXgetbv(registers);
    registers[REG_RIP] += patch->isCpuid ? 2 : 3;
    return;
  }
  if (!decode(registers, instruction) || !execute(instruction))
    fail("an instruction that is not emulated", instruction.place);
  registers[REG_RIP] += instruction.length;
}

//===----------------------------------------------------------------------===//
// The dynamic linker's calls
//===----------------------------------------------------------------------===//

/// Overwrites the places of the file `path` that is loaded at `base`.
void patchFile(const char *path, uintptr_t base) {
  char *real = realpath(path, nullptr);
  const char *list = getenv("EMULATE_AMX_PLACES");
  FILE *places = list ? fopen(list, "r") : nullptr;
  if (!real || !places) {
    free(real);
    if (places)
      fclose(places);
    return;
  }
  // Lines "ADDRESS cpuid PATH" and "ADDRESS xgetbv PATH".
  char line[5000], kind[16], file[4097];
  unsigned long address;
  while (fgets(line, sizeof(line), places)) {
    if (sscanf(line, "%lx %15s %4096[^\n]", &address, kind, file) != 3 ||
        strcmp(file, real) != 0)
      continue;
    bool isCpuid = strcmp(kind, "cpuid") == 0;
    auto *place = reinterpret_cast<uint8_t *>(base + address);
    auto page = reinterpret_cast<uintptr_t>(place) & ~uintptr_t(4095);
    constexpr uint8_t kCpuid[] = {0x0f, 0xa2}, kXgetbv[] = {0x0f, 0x01, 0xd0};
    check(numPatches != kMaxPatches, "too many places", place);
    check(isCpuid ? memcmp(place, kCpuid, sizeof(kCpuid)) == 0
                  : memcmp(place, kXgetbv, sizeof(kXgetbv)) == 0,
          "no such instruction at a place", place);
    check(mprotect(reinterpret_cast<void *>(page), 8192,
                   PROT_READ | PROT_WRITE | PROT_EXEC) == 0,
          "code can't be changed", place);
    patches[numPatches] = {place, isCpuid};
    __atomic_store_n(&numPatches, numPatches + 1, __ATOMIC_RELEASE);
    constexpr uint8_t kUndefined[] = {0x0f, 0x0b};
    memcpy(place, kUndefined, sizeof(kUndefined));
  }
  fclose(places);
  free(real);
}

/// sigaction(2): LLVM has a handler for all signals that end a program, which
/// would be told of AMX's instructions.
int callSetAction(int signal, const struct sigaction *action,
                  struct sigaction *previous) {
  if (signal != SIGILL)
    return sigaction(signal, action, previous);
  if (previous)
    memset(previous, 0, sizeof(*previous));
  return 0;
}

long (*systemCall)(long, ...) = nullptr;

/// syscall(2): the system allows what it can't, to use AMX's registers.
long callSystem(long number, ...) {
  va_list list;
  va_start(list, number);
  long args[6];
  for (long &arg : args)
    arg = va_arg(list, long);
  va_end(list);
  constexpr long kGetSupported = 0x1021, kGetPermission = 0x1022,
                 kRequestPermission = 0x1023, kTileState = 3l << 17;
  if (number == SYS_arch_prctl) {
    if (args[0] == kRequestPermission)
      return 0;
    if (args[0] == kGetPermission || args[0] == kGetSupported) {
      long result = systemCall(number, args[0], args[1]);
      *reinterpret_cast<uint64_t *>(args[1]) |= kTileState;
      return result;
    }
  }
  return systemCall(number, args[0], args[1], args[2], args[3], args[4],
                    args[5]);
}

} // namespace

extern "C" {

unsigned la_version(unsigned) {
  if (!__builtin_cpu_supports("avx512bf16"))
    return 0; // this library is not wanted then
  struct sigaction action = {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGILL, &action, nullptr);
  if (const char *path = getenv("EMULATE_AMX_COUNTS")) {
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *mapped = mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE,
                        MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
      counts = static_cast<Counts *>(mapped);
    close(file);
  }
  return LAV_CURRENT;
}

unsigned la_objopen(struct link_map *map, Lmid_t, uintptr_t *) {
  // The program itself has no name here.
  patchFile(map->l_name && *map->l_name ? map->l_name : "/proc/self/exe",
            map->l_addr);
  return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64(Elf64_Sym *symbol, unsigned, uintptr_t *, uintptr_t *,
                       unsigned *, const char *name) {
  if (strcmp(name, "sigaction") == 0)
    return reinterpret_cast<uintptr_t>(&callSetAction);
  if (strcmp(name, "syscall") == 0) {
    systemCall = reinterpret_cast<decltype(systemCall)>(symbol->st_value);
    return reinterpret_cast<uintptr_t>(&callSystem);
  }
  return symbol->st_value;
}

} // extern "C"
