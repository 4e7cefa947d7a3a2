//===- Sidecar.cpp - The weights beside printed IR ------------------------===//
//
// The file: the magic number, the number of entries, then for each entry the
// length of its key, the key, the offset and the size of its bytes, all numbers
// as 64-bit little-endian. Contents are aligned to 64 bytes.
//
//===----------------------------------------------------------------------===//

#include "lib/driver/Sidecar.h"

#include "dialects/tenon/TenonOps.h"
#include "lib/driver/TemporaryFile.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

namespace tenon {
namespace {

constexpr uint64_t kMagic = 0x3153544857544e54; // "TNTWHTS1"
constexpr uint64_t kAlignment = 64;

using Blobs = llvm::MapVector<StringRef, ArrayRef<char>>;

Blobs collectBlobs(ModuleOp module) {
  Blobs blobs;
  auto add = [&](Attribute attribute) {
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute))
      if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
        blobs.insert({resource.getRawHandle().getKey(), blob->getData()});
  };
  module.walk([&](Operation *op) { op->getAttrDictionary().walk(add); });
  return blobs;
}

llvm::Error writeBlobs(const Blobs &blobs, raw_ostream &os) {
  uint64_t offset = 16;
  for (const auto &[key, data] : blobs)
    offset += 24 + key.size();
  auto write = [&](uint64_t number) {
    char bytes[8];
    llvm::support::endian::write64le(bytes, number);
    os.write(bytes, 8);
  };
  write(kMagic);
  write(blobs.size());
  for (const auto &[key, data] : blobs) {
    offset = llvm::alignTo(offset, kAlignment);
    write(key.size());
    os << key;
    write(offset);
    write(data.size());
    offset += data.size();
  }
  for (const auto &[key, data] : blobs) {
    os.write_zeros(llvm::offsetToAlignment(os.tell(), llvm::Align(kAlignment)));
    os.write(data.data(), data.size());
  }
  return llvm::Error::success();
}

} // namespace

std::string getSidecarPath(StringRef path) { return (path + ".weights").str(); }

Status writeModule(ModuleOp module, StringRef path) {
  OpPrintingFlags flags;
  flags.enableDebugInfo(/*enable=*/true, /*prettyForm=*/false);
  if (path == "-") {
    llvm::raw_fd_ostream &os = llvm::outs();
    module.print(os, flags);
    os.flush();
    if (!os.has_error())
      return Status::ok();
    std::error_code error = os.error();
    os.clear_error();
    return Status::error(TENON_ERROR_SYSTEM,
                         "can't write the standard output: " + error.message());
  }
  flags.elideLargeResourceString(0);
  TemporaryFile text, weights;
  if (Status status = TemporaryFile::createNear(path, "tmp", text);
      !status.isOk())
    return status;
  if (Status status = text.write([&](raw_ostream &os) {
        module.print(os, flags);
        return llvm::Error::success();
      });
      !status.isOk())
    return status;
  std::string sidecar = getSidecarPath(path);
  Blobs blobs = collectBlobs(module);
  if (blobs.empty()) {
    llvm::sys::fs::remove(sidecar);
    return text.renameTo(path);
  }
  if (Status status = TemporaryFile::createNear(sidecar, "tmp", weights);
      !status.isOk())
    return status;
  if (Status status =
          weights.write([&](raw_ostream &os) { return writeBlobs(blobs, os); });
      !status.isOk())
    return status;
  if (Status status = weights.renameTo(sidecar); !status.isOk())
    return status;
  return text.renameTo(path);
}

Status readSidecar(MLIRContext &context, StringRef path) {
  std::string sidecar = getSidecarPath(path);
  if (!llvm::sys::fs::exists(sidecar))
    return Status::ok();
  auto file = llvm::MemoryBuffer::getFile(sidecar, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return Status::error(TENON_ERROR_SYSTEM, "can't read '" + sidecar + "': " +
                                                 file.getError().message());
  std::shared_ptr<llvm::MemoryBuffer> buffer = std::move(*file);
  StringRef rest = buffer->getBuffer();
  auto damaged = [&] {
    return Status::error(TENON_ERROR_INVALID,
                         "'" + sidecar +
                             "' is damaged or not a file of "
                             "weights that Tenon wrote");
  };
  auto read = [&](uint64_t &number) {
    if (rest.size() < 8)
      return false;
    number = llvm::support::endian::read64le(rest.data());
    rest = rest.drop_front(8);
    return true;
  };
  uint64_t magic, count;
  if (!read(magic) || magic != kMagic || !read(count))
    return damaged();
  auto &manager = DenseResourceElementsHandle::getManagerInterface(&context)
                      .getBlobManager();
  for (uint64_t i = 0; i != count; ++i) {
    uint64_t length, offset, size;
    if (!read(length) || length > rest.size())
      return damaged();
    StringRef key = rest.take_front(length);
    rest = rest.drop_front(length);
    if (!read(offset) || !read(size) || offset % kAlignment != 0 ||
        offset > buffer->getBufferSize() ||
        size > buffer->getBufferSize() - offset)
      return damaged();
    if (!manager.lookup(key))
      continue;
    ArrayRef<char> data(buffer->getBufferStart() + offset, size);
    // The mapping lives as long as the last blob in it.
    manager.update(key,
                   AsmResourceBlob(
                       data, kAlignment, [buffer](void *, size_t, size_t) {},
                       /*dataIsMutable=*/false));
  }
  return Status::ok();
}

} // namespace tenon
