//===- WeightsFile.cpp - The bytes of a model's constants -----------------===//

#include "lib/driver/WeightsFile.h"

#include "codegen/common/ModelAttributes.h"
#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "runtime/core/ModelAbi.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon {
namespace {

/// Writes a constant that has no raw bytes: a splat, or packed booleans.
void writeElements(DenseElementsAttr value, raw_ostream &os) {
  unsigned bytes =
      llvm::divideCeil(value.getElementType().getIntOrFloatBitWidth(), 8);
  auto writeOne = [&](const APInt &bits) {
    uint64_t word = bits.getZExtValue();
    os.write(reinterpret_cast<const char *>(&word), bytes);
  };
  if (isa<FloatType>(value.getElementType())) {
    for (const APFloat &element : value.getValues<APFloat>())
      writeOne(element.bitcastToAPInt());
    return;
  }
  for (const APInt &element : value.getValues<APInt>())
    writeOne(element);
}

/// Whether all bytes are there: those of a resource may be in a file beside the
/// IR that was not found.
bool hasContents(rt::WeightOp weight) {
  return isa<DenseElementsAttr>(weight.getValue()) ||
         getRawBytes(weight.getValue()).size() == weight.getBytes();
}

} // namespace

std::optional<StringRef> findMissingWeight(ModuleOp module) {
  for (auto weight : module.getOps<rt::WeightOp>())
    if (!hasContents(weight))
      return weight.getSymName();
  return std::nullopt;
}

/// Writes the weights one after another at their offsets. Reads each from where
/// it is mapped; nothing is held in memory.
static llvm::Error writeWeights(ModuleOp module, raw_ostream &os) {
  uint64_t position = 0;
  for (rt::WeightOp weight : rt::getWeights(module)) {
    ElementsAttr value = weight.getValue();
    os.write_zeros(weight.getOffset() - position);
    position = weight.getOffset() + weight.getBytes();
    ArrayRef<char> bytes = getRawBytes(value);
    if (bytes.size() == weight.getBytes())
      os.write(bytes.data(), bytes.size());
    else
      writeElements(cast<DenseElementsAttr>(value), os);
  }
  return llvm::Error::success();
}

WeightsSource getWeights(ModuleOp module) {
  return {rt::getWeightsSize(module),
          [module](raw_ostream &os) { return writeWeights(module, os); }};
}

llvm::Error writeWeightsObject(WeightsSource &weights, uint16_t machine,
                               StringRef symbol, raw_ostream &os) {
  using namespace llvm::ELF;
  // Section names and symbol names share one string table.
  const std::string strings =
      std::string("\0.rodata\0.symtab\0.strtab\0.note.GNU-stack\0", 41) +
      symbol.str() + '\0';
  const unsigned rodataName = 1, symtabName = 9, strtabName = 17, noteName = 25;
  const unsigned symbolName = 41;

  uint64_t size = weights.size;
  uint64_t dataAt = llvm::alignTo(sizeof(Elf64_Ehdr), TENON_BUFFER_ALIGNMENT);
  uint64_t symbolsAt = llvm::alignTo(dataAt + size, 8);
  Elf64_Sym symbols[2] = {};
  uint64_t stringsAt = symbolsAt + sizeof(symbols);
  uint64_t headersAt = llvm::alignTo(stringsAt + strings.size(), 8);

  Elf64_Ehdr header = {};
  std::copy_n(ElfMagic, 4, header.e_ident);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_REL;
  header.e_machine = machine;
  header.e_version = EV_CURRENT;
  header.e_shoff = headersAt;
  header.e_ehsize = sizeof(Elf64_Ehdr);
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 5;
  header.e_shstrndx = 3;

  Elf64_Shdr sections[5] = {};
  Elf64_Shdr &rodata = sections[1], &symtab = sections[2],
             &strtab = sections[3], &note = sections[4];
  rodata.sh_name = rodataName;
  rodata.sh_type = SHT_PROGBITS;
  rodata.sh_flags = SHF_ALLOC;
  rodata.sh_offset = dataAt;
  rodata.sh_size = size;
  rodata.sh_addralign = TENON_BUFFER_ALIGNMENT;
  symtab.sh_name = symtabName;
  symtab.sh_type = SHT_SYMTAB;
  symtab.sh_offset = symbolsAt;
  symtab.sh_size = sizeof(symbols);
  symtab.sh_link = 3;
  symtab.sh_info = 1;
  symtab.sh_addralign = 8;
  symtab.sh_entsize = sizeof(Elf64_Sym);
  strtab.sh_name = strtabName;
  strtab.sh_type = SHT_STRTAB;
  strtab.sh_offset = stringsAt;
  strtab.sh_size = strings.size();
  strtab.sh_addralign = 1;
  // Without this note a linker makes the stack executable.
  note.sh_name = noteName;
  note.sh_type = SHT_PROGBITS;
  note.sh_offset = stringsAt;
  note.sh_addralign = 1;

  symbols[1].st_name = symbolName;
  symbols[1].setBindingAndType(STB_GLOBAL, STT_OBJECT);
  symbols[1].st_other = STV_HIDDEN;
  symbols[1].st_shndx = 1;
  symbols[1].st_size = size;

  auto write = [&](const auto &value) {
    os.write(reinterpret_cast<const char *>(&value), sizeof(value));
  };
  write(header);
  os.write_zeros(dataAt - sizeof(header));
  if (llvm::Error error = weights.write(os))
    return error;
  os.write_zeros(symbolsAt - dataAt - size);
  write(symbols);
  os << strings;
  os.write_zeros(headersAt - stringsAt - strings.size());
  write(sections);
  return llvm::Error::success();
}

} // namespace tenon
