//===- FakeCuda.h - A CUDA driver without a device -----------------------===//
//
// A library with the functions of the CUDA driver that the runtime calls. Its
// device memory is memory of the host, at addresses where the host can read
// nothing. What is put into a stream happens when the stream is waited for, and
// no sooner, so that nobody relies on more than the driver promises. Graphs are
// captured and launched likewise. Each operation takes a microsecond of the
// device's clock. Each call is checked; what is wrong is written down and
// refused.
//
// The environment says what it pretends, so that other programs can use it too.
// A name that begins with FAKE_ and is none of these, or of those of the tests'
// cuBLASLt and cuDNN, ends the process, and so does a failure of a function
// that there is not:
//
//   FAKE_CUDA_FAIL=cuMemAlloc_v2:3:2  the third call of this function since the
//                                     begin, or the last reset(), returns 2;
//                                     several with commas. What gives
//                                     something back does so all the same
//   FAKE_CUDA_FAULTS_STAY=1           what is no error of the call itself is
//                                     returned by all later ones, too, but
//                                     those that give back or name an error,
//                                     until reset()
//   FAKE_CUDA_VERSION=11040           the version of the driver, else 13000
//   FAKE_CUDA_DEVICES=0               the number of devices, else 1
//   FAKE_CUDA_CAPABILITY=75           of the device, else 90, or 121, for which
//                                     models have PTX only, if that is emulated
//   FAKE_CUDA_POINTER_DEVICE=1        the device of all memory, else 0
//   FAKE_CUDA_MACHINE_CODE=0          machine code is refused
//   FAKE_CUDA_MEMORY=1000000          its memory in bytes, else 1 GiB
//   FAKE_CUDA_TRANSLATOR=program      kernels are emulated: `program in.ptx
//                                     out.so` makes a library of them, as
//                                     utils/emulate_ptx does
//   FAKE_CUDA_CACHE=folder            keeps these libraries
//   FAKE_CUDA_DESCENDING=1            the last thread and block run first
//   FAKE_CUDA_LOG=1                   calls are told on the standard error
//
// TENON_CUDA_DRIVER names the library. A kernel does what a test registers for
// its name, or what its PTX says if that is emulated, else nothing. The image
// of a module is machine code, in which it has any function, or PTX.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TEST_UNIT_RUNTIME_FAKECUDA_H
#define TENON_TEST_UNIT_RUNTIME_FAKECUDA_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#define FAKE_CUDA_API __attribute__((visibility("default")))

namespace tenon::test::cuda {

/// A kernel that runs: the values of its parameters, and its grid.
struct Launch {
  const uint64_t *parameters;
  unsigned numBlocks, blockSize;
};
using Body = std::function<void(const Launch &)>;

/// Says what the kernel `symbol` does. Its parameters are `numPointers`
/// addresses, `numValues` values, the number of units and the address of its
/// status.
FAKE_CUDA_API void registerKernel(const std::string &symbol,
                                  unsigned numPointers, unsigned numValues,
                                  Body body);

/// What stands at an address of the device, `bytes` of one block of its memory.
/// For bodies. Null, and a problem, if it is no such memory.
FAKE_CUDA_API void *getMemory(uint64_t address, uint64_t bytes);
template <typename T> T *getMemory(uint64_t address, uint64_t count) {
  return static_cast<T *>(getMemory(address, count * sizeof(T)));
}

/// Puts into a stream what a library does, with the addresses of the device
/// that it uses. False, and a problem, if one of these is wrong.
FAKE_CUDA_API bool enqueue(void *stream, std::vector<uint64_t> addresses,
                           std::function<void()> run);

/// Memory of the device that is a caller's: its address, 0 if there is none. It
/// is filled with, or copied to, `bytes` of the host's memory. These are of C,
/// for programs in other languages.
extern "C" {
FAKE_CUDA_API uint64_t fakeCudaAllocate(uint64_t bytes);
FAKE_CUDA_API void fakeCudaFree(uint64_t address);
FAKE_CUDA_API int fakeCudaWrite(uint64_t address, const void *source,
                                uint64_t bytes);
FAKE_CUDA_API int fakeCudaRead(void *target, uint64_t address, uint64_t bytes);
/// See countCalls().
FAKE_CUDA_API long fakeCudaCountCalls(const char *function);
}

/// What was used wrongly since the last time, a line each.
FAKE_CUDA_API std::string takeProblems();
/// How often a function was called since the last reset().
FAKE_CUDA_API long countCalls(const std::string &function);
FAKE_CUDA_API void reset();
/// Contexts, modules, streams and blocks of memory that are there.
FAKE_CUDA_API size_t countHandles();
/// The image that was loaded last, "" if it was machine code.
FAKE_CUDA_API std::string getLoadedImage();
/// How many contexts this thread has pushed and not popped.
FAKE_CUDA_API size_t countPushedContexts();

} // namespace tenon::test::cuda

#endif // TENON_TEST_UNIT_RUNTIME_FAKECUDA_H
