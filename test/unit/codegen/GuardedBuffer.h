//===- GuardedBuffer.h - Memory that notices who leaves it ----------------===//

#ifndef TENON_TEST_UNIT_CODEGEN_GUARDEDBUFFER_H
#define TENON_TEST_UNIT_CODEGEN_GUARDEDBUFFER_H

#include "Reference.h"

namespace tenon::test {

/// Bytes right before a page that can't be accessed, with a pattern in front
/// that `isIntact` compares.
class GuardedBuffer {
public:
  explicit GuardedBuffer(int64_t size);
  ~GuardedBuffer();
  GuardedBuffer(const GuardedBuffer &) = delete;
  GuardedBuffer &operator=(const GuardedBuffer &) = delete;

  char *data() const { return begin; }
  int64_t size() const { return numBytes; }
  bool isIntact() const;

private:
  char *mapping;
  int64_t mappingSize;
  char *begin;
  int64_t numBytes;
};

/// Bytes of an element in memory.
int64_t getBytesOf(mlir::Type elementType);
/// Between doubles and the elements in memory.
void writeElements(const Tensor &tensor, char *memory);
void readElements(Tensor &tensor, const char *memory);

} // namespace tenon::test

#endif // TENON_TEST_UNIT_CODEGEN_GUARDEDBUFFER_H
