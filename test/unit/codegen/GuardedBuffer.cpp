//===- GuardedBuffer.cpp - Memory that notices who leaves it --------------===//

#include "GuardedBuffer.h"

#include "llvm/ADT/APFloat.h"
#include <cassert>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;

namespace tenon::test {

static constexpr char kPattern = 0x5A;

GuardedBuffer::GuardedBuffer(int64_t size) : numBytes(size) {
  int64_t page = sysconf(_SC_PAGESIZE);
  mappingSize = (size + 64 + page - 1) / page * page + page;
  mapping =
      static_cast<char *>(mmap(nullptr, mappingSize, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  assert(mapping != MAP_FAILED);
  std::memset(mapping, kPattern, mappingSize - page);
  mprotect(mapping + mappingSize - page, page, PROT_NONE);
  begin = mapping + mappingSize - page - size;
}

GuardedBuffer::~GuardedBuffer() { munmap(mapping, mappingSize); }

bool GuardedBuffer::isIntact() const {
  for (const char *byte = mapping; byte != begin; ++byte)
    if (*byte != kPattern)
      return false;
  return true;
}

int64_t getBytesOf(Type elementType) {
  return (elementType.getIntOrFloatBitWidth() + 7) / 8;
}

void writeElements(const Tensor &tensor, char *memory) {
  int64_t size = getBytesOf(tensor.elementType);
  for (double element : tensor.elements) {
    uint64_t bits = static_cast<uint64_t>(
        static_cast<int64_t>(isa<FloatType>(tensor.elementType) ? 0 : element));
    if (auto type = dyn_cast<FloatType>(tensor.elementType)) {
      llvm::APFloat value(element);
      bool losesInfo;
      value.convert(type.getFloatSemantics(),
                    llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      bits = value.bitcastToAPInt().getZExtValue();
    }
    std::memcpy(memory, &bits, size);
    memory += size;
  }
}

void readElements(Tensor &tensor, const char *memory) {
  int64_t size = getBytesOf(tensor.elementType);
  unsigned width = size * 8;
  for (double &element : tensor.elements) {
    uint64_t bits = 0;
    std::memcpy(&bits, memory, size);
    memory += size;
    llvm::APInt value(width, bits);
    if (auto type = dyn_cast<FloatType>(tensor.elementType))
      element =
          llvm::APFloat(type.getFloatSemantics(), value).convertToDouble();
    else if (tensor.elementType.isUnsignedInteger() ||
             tensor.elementType.isInteger(1))
      element = value.getZExtValue();
    else
      element = value.getSExtValue();
  }
}

} // namespace tenon::test
