//===- ModelSymbols.cpp - The names in a compiled model -------------------===//

#include "lib/driver/ModelSymbols.h"

#include "codegen/common/ModelAttributes.h"
#include "runtime/core/ModelAbi.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

namespace tenon {

/// Words that can't name a variable in C or C++.
static constexpr llvm::StringLiteral kReservedWords[] = {
    "alignas",     "alignof",      "and",       "and_eq",
    "asm",         "auto",         "bitand",    "bitor",
    "bool",        "break",        "case",      "catch",
    "char",        "char16_t",     "char32_t",  "char8_t",
    "class",       "co_await",     "co_return", "co_yield",
    "compl",       "concept",      "const",     "const_cast",
    "consteval",   "constexpr",    "constinit", "continue",
    "decltype",    "default",      "delete",    "do",
    "double",      "dynamic_cast", "else",      "enum",
    "explicit",    "export",       "extern",    "false",
    "float",       "for",          "friend",    "goto",
    "if",          "inline",       "int",       "long",
    "main",        "mutable",      "namespace", "new",
    "noexcept",    "not",          "not_eq",    "nullptr",
    "operator",    "or",           "or_eq",     "private",
    "protected",   "public",       "register",  "reinterpret_cast",
    "requires",    "restrict",     "return",    "short",
    "signed",      "sizeof",       "static",    "static_assert",
    "static_cast", "struct",       "switch",    "template",
    "this",        "thread_local", "throw",     "true",
    "try",         "typedef",      "typeid",    "typename",
    "typeof",      "union",        "unsigned",  "using",
    "virtual",     "void",         "volatile",  "wchar_t",
    "while",       "xor",          "xor_eq"};

/// A C identifier made of the name of a file.
static std::string makeSymbol(llvm::StringRef path) {
  std::string symbol;
  for (char c : llvm::sys::path::stem(path))
    symbol += llvm::isAlnum(c) ? c : '_';
  if (symbol.empty() || llvm::isDigit(symbol.front()) ||
      llvm::is_contained(kReservedWords, symbol))
    symbol = "model_" + symbol;
  return symbol;
}

ModelSymbols::ModelSymbols()
    : description(TENON_MODEL_SYMBOL), weights(codegen::kWeightsSymbol),
      deviceModel(codegen::kDeviceModelSymbol) {}

ModelSymbols ModelSymbols::ofObject(llvm::StringRef path) {
  ModelSymbols symbols;
  symbols.description = makeSymbol(path);
  symbols.weights = symbols.description + "_weights";
  symbols.deviceModel = symbols.description + "_on_device";
  return symbols;
}

ModelSymbols ModelSymbols::ofDeviceModel() const {
  ModelSymbols symbols = *this;
  symbols.description = deviceModel;
  symbols.isHidden = true;
  return symbols;
}

} // namespace tenon
