//===- ArenaFormula.cpp - The memory in use, in words ---------------------===//

#include "codegen/common/ArenaFormula.h"

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"
#include <set>

using namespace mlir;

namespace tenon::codegen {

/// A longer text gets a name of its own.
static constexpr size_t kMaxText = 48;
/// How many choices of dimensions are tried at random.
static constexpr size_t kNumRandom = 128;
/// Dimensions from this one on take turns with earlier ones in being tried
/// alone: that bounds how many choices there are.
static constexpr size_t kMaxAlone = 64;

/// What one dimension and all others are when it is tried alone: what is
/// computed of either is then far from what is computed of the other.
static constexpr struct {
  int64_t own, other;
} kAlone[] = {{1 << 24, 1}, {1 << 24, 64}, {1, 4096}, {64, 4096}};

//===----------------------------------------------------------------------===//
// Operations on sizes
//===----------------------------------------------------------------------===//

namespace {

/// How an operation of two operands is written and computed.
struct Operator {
  StringLiteral symbol;
  int binding; // 1 for sums, 2 for products, 3 for what looks like a call
  int64_t (*compute)(int64_t, int64_t);
};

} // namespace

static int64_t wrap(uint64_t value) { return int64_t(value); }

static std::optional<Operator> getOperator(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<Operator>>(op)
      .Case([](arith::AddIOp) {
        return Operator{" + ", 1, [](int64_t a, int64_t b) {
                          return wrap(uint64_t(a) + uint64_t(b));
                        }};
      })
      .Case([](arith::SubIOp) {
        return Operator{" - ", 1, [](int64_t a, int64_t b) {
                          return wrap(uint64_t(a) - uint64_t(b));
                        }};
      })
      .Case([](arith::MulIOp) {
        return Operator{"*", 2, [](int64_t a, int64_t b) {
                          return wrap(uint64_t(a) * uint64_t(b));
                        }};
      })
      .Case<arith::DivUIOp, arith::DivSIOp, arith::FloorDivSIOp>(
          [](Operation *) {
            return Operator{"/", 2, [](int64_t a, int64_t b) {
                              return b > 0 ? llvm::divideFloorSigned(a, b) : 0;
                            }};
          })
      .Case<arith::CeilDivUIOp, arith::CeilDivSIOp>([](Operation *) {
        return Operator{"ceildiv", 3, [](int64_t a, int64_t b) {
                          return b > 0 ? llvm::divideCeilSigned(a, b) : 0;
                        }};
      })
      .Case<arith::RemUIOp, arith::RemSIOp>([](Operation *) {
        return Operator{"mod", 3, [](int64_t a, int64_t b) {
                          return b && b != -1 ? a % b : 0;
                        }};
      })
      .Case<arith::MaxSIOp, arith::MaxUIOp>([](Operation *) {
        return Operator{"max", 3,
                        [](int64_t a, int64_t b) { return std::max(a, b); }};
      })
      .Case<arith::MinSIOp, arith::MinUIOp>([](Operation *) {
        return Operator{"min", 3,
                        [](int64_t a, int64_t b) { return std::min(a, b); }};
      })
      .Default([](Operation *) { return std::nullopt; });
}

//===----------------------------------------------------------------------===//
// Samples
//===----------------------------------------------------------------------===//

ArenaFormula::ArenaFormula(func::FuncOp main, int64_t numInputs) : main(main) {
  for (BlockArgument input : main.getArguments().take_front(numInputs)) {
    auto type = cast<MemRefType>(input.getType());
    for (int64_t i = 0; i != type.getRank(); ++i)
      if (type.isDynamicDim(i))
        addSymbol(getSymbol(input, i));
  }
  size_t numAlone = std::min(sizes.size(), kMaxAlone);
  numSamples = kNumRandom + numAlone * std::size(kAlone);
  for (auto [i, size] : llvm::enumerate(sizes))
    size.samples = makeSamples(i, numAlone);
}

void ArenaFormula::addSymbol(const std::string &name) {
  if (!symbols.try_emplace(name, sizes.size()).second)
    return;
  // Models call dimensions "past + 1", too.
  bool isWord = llvm::all_of(
      name, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
  sizes.push_back({isWord ? name : "(" + name + ")", "", {}});
}

/// Samples of a symbol: first random ones, then those where one of `numAlone`
/// symbols differs from all others.
ArenaFormula::Samples ArenaFormula::makeSamples(size_t symbol,
                                                size_t numAlone) {
  // The same in each compilation, and different for each symbol.
  constexpr int64_t values[] = {1, 2, 3, 7, 64, 100, 513, 1024, 4099, 20000};
  uint64_t random = 12345 + 777 * symbol;
  Samples samples;
  for (size_t i = 0; i < kNumRandom; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    samples.push_back(values[(random >> 33) % std::size(values)]);
  }
  for (size_t i = 0; i < numAlone; ++i)
    for (auto [own, other] : kAlone)
      samples.push_back(symbol % numAlone == i ? own : other);
  return samples;
}

std::string ArenaFormula::getSymbol(BlockArgument input, int64_t index) {
  unsigned number = input.getArgNumber();
  if (auto names = main.getArgAttrOfType<ArrayAttr>(number, kDimsAttr);
      names && index < int64_t(names.size()))
    if (StringRef name = cast<StringAttr>(names[index]).getValue();
        !name.empty())
      return name.str();
  auto name = main.getArgAttrOfType<StringAttr>(number, kNameAttr);
  return (name ? name.str() : "input" + std::to_string(number)) + ".dim" +
         std::to_string(index);
}

std::optional<unsigned> ArenaFormula::findSymbol(Value value) {
  auto dim = value.getDefiningOp<memref::DimOp>();
  std::optional<int64_t> index =
      dim ? dim.getConstantIndex() : std::optional<int64_t>();
  auto input = dim ? dyn_cast<BlockArgument>(dim.getSource()) : BlockArgument();
  if (!index || !input)
    return std::nullopt;
  auto found = symbols.find(getSymbol(input, *index));
  return found == symbols.end() ? std::nullopt
                                : std::optional<unsigned>(found->second);
}

const ArenaFormula::Samples &ArenaFormula::getSamples(Value value) {
  const void *key = value.getAsOpaquePointer();
  if (auto found = known.find(key); found != known.end())
    return found->second;
  Samples samples = computeSamples(value);
  return known[key] = std::move(samples);
}

ArenaFormula::Samples ArenaFormula::computeSamples(Value value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return Samples(numSamples, *constant);
  if (std::optional<unsigned> symbol = findSymbol(value))
    return sizes[*symbol].samples;
  Operation *op = value.getDefiningOp();
  if (!op)
    return {};
  SmallVector<ArrayRef<int64_t>, 3> operands;
  for (Value operand : op->getOperands()) {
    operands.push_back(getSamples(operand));
    if (operands.back().empty())
      return {};
  }
  std::optional<Operator> known = getOperator(op);
  Samples samples(numSamples);
  for (size_t i = 0; i < numSamples; ++i) {
    if (isa<arith::IndexCastOp>(op))
      samples[i] = operands[0][i];
    else if (isa<arith::SelectOp>(op))
      samples[i] = operands[operands[0][i] ? 1 : 2][i];
    else if (auto compare = dyn_cast<arith::CmpIOp>(op))
      samples[i] = arith::applyCmpPredicate(
          compare.getPredicate(), APInt(64, operands[0][i], /*isSigned=*/true),
          APInt(64, operands[1][i], /*isSigned=*/true));
    else if (known)
      samples[i] = known->compute(operands[0][i], operands[1][i]);
    else
      return {};
  }
  return samples;
}

std::optional<unsigned> ArenaFormula::findEqual(const Samples &samples) const {
  for (auto [i, size] : llvm::enumerate(sizes))
    if (!samples.empty() && size.samples == samples)
      return i;
  return std::nullopt;
}

std::optional<int64_t> ArenaFormula::findConstant(Value value) {
  const Samples &samples = getSamples(value);
  if (samples.empty() || !llvm::all_equal(samples))
    return std::nullopt;
  return samples.front();
}

//===----------------------------------------------------------------------===//
// Sizes and their names
//===----------------------------------------------------------------------===//

unsigned ArenaFormula::addSize(const Samples &samples, std::string definition) {
  if (std::optional<unsigned> equal = findEqual(samples))
    return *equal;
  for (auto [i, size] : llvm::enumerate(sizes))
    if (size.samples.empty() && size.definition == definition)
      return i;
  sizes.push_back({"", std::move(definition), samples});
  return sizes.size() - 1;
}

std::string ArenaFormula::getOperand(Value value, int binding) {
  auto [text, own] = getText(value);
  return own < binding ? "(" + text + ")" : text;
}

/// Sizes stand as "\1position\1" until all names are known.
static std::string refer(unsigned position) {
  return "\1" + std::to_string(position) + "\1";
}

std::pair<std::string, int> ArenaFormula::getText(Value value) {
  constexpr int tightest = 4;
  if (std::optional<int64_t> constant = findConstant(value))
    return {std::to_string(*constant), *constant < 0 ? 0 : tightest};
  if (std::optional<unsigned> equal = findEqual(getSamples(value)))
    return {refer(*equal), tightest};
  Operation *op = value.getDefiningOp();
  if (!op)
    return {"?", tightest};
  // A cast, or a maximum of which one side is always the larger one.
  for (Value operand : op->getOperands())
    if (getSamples(operand) == getSamples(value) && !getSamples(value).empty())
      return getText(operand);

  std::string text;
  int binding = 3;
  if (std::optional<Operator> known = getOperator(op)) {
    Value lhs = op->getOperand(0), rhs = op->getOperand(1);
    binding = known->binding;
    std::optional<int64_t> constant = getConstantIntValue(rhs);
    if (isa<arith::AddIOp>(op) && constant && *constant < 0 &&
        *constant != INT64_MIN)
      text = getOperand(lhs, 1) + " - " + std::to_string(-*constant);
    else if (binding < 3)
      text = getOperand(lhs, binding) + known->symbol.str() +
             getOperand(rhs, binding + 1);
    else
      text = known->symbol.str() + "(" + getText(lhs).first + ", " +
             getText(rhs).first + ")";
  } else {
    auto compare = dyn_cast<arith::CmpIOp>(op);
    text = isa<arith::SelectOp>(op) ? "if"
           : compare
               ? arith::stringifyCmpIPredicate(compare.getPredicate()).str()
               : op->getName().stripDialect().str();
    std::string separator = "(";
    for (Value operand : op->getOperands()) {
      text += separator + getText(operand).first;
      separator = ", ";
    }
    text += ")";
  }
  if (text.size() > kMaxText)
    return {refer(addSize(getSamples(value), std::move(text))), tightest};
  return {text, binding};
}

void ArenaFormula::multiply(SizeProduct &product, Value factor) {
  if (auto cast = factor.getDefiningOp<arith::IndexCastOp>())
    return multiply(product, cast.getIn());
  if (std::optional<int64_t> constant = findConstant(factor)) {
    // What is too large, @plan finds.
    if (llvm::MulOverflow(product.constant, *constant, product.constant))
      product.constant = INT64_MAX;
    return;
  }
  if (auto both = factor.getDefiningOp<arith::MulIOp>()) {
    multiply(product, both.getLhs());
    return multiply(product, both.getRhs());
  }
  const Samples &samples = getSamples(factor);
  std::optional<unsigned> size = findEqual(samples);
  // A reshape computes a size from products: it may be one of two dimensions.
  for (unsigned i = 0; !size && !samples.empty() && i < symbols.size(); ++i)
    for (unsigned j = 0; !size && j <= i; ++j)
      if (llvm::all_of(llvm::seq<size_t>(0, numSamples), [&](size_t k) {
            return samples[k] == sizes[i].samples[k] * sizes[j].samples[k];
          })) {
        product.factors.push_back(i);
        size = j;
      }
  if (!size) {
    std::string text = getText(factor).first;
    size = addSize(samples, std::move(text));
  }
  product.factors.push_back(*size);
  llvm::sort(product.factors);
}

SizeProduct ArenaFormula::getBytes(Value value) {
  // What it is if nothing is wrong.
  if (auto select = value.getDefiningOp<arith::SelectOp>())
    value = select.getFalseValue();
  SizeProduct product{1, {}};
  while (auto both = value.getDefiningOp<arith::MulSIExtendedOp>()) {
    multiply(product, both.getRhs());
    value = both.getLhs();
  }
  multiply(product, value);
  return product;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

std::vector<std::string>
ArenaFormula::getSums(ArrayRef<TenonBufferDesc> buffers,
                      ArrayRef<SizeProduct> products) {
  std::set<Sum> distinct;
  for (const TenonBufferDesc &begin : buffers) {
    Sum sum;
    for (auto [buffer, product] : llvm::zip_equal(buffers, products)) {
      if (buffer.firstStep > begin.firstStep ||
          buffer.lastStep < begin.firstStep)
        continue;
      int64_t &term = sum[product.factors];
      if (llvm::AddOverflow(term, product.constant, term))
        term = INT64_MAX;
    }
    distinct.insert(std::move(sum));
  }
  std::vector<Sum> sums = keepLargest({distinct.begin(), distinct.end()});
  nameSizes(sums);
  std::vector<std::string> texts;
  for (const Sum &sum : sums)
    texts.push_back(format(sum));
  return texts;
}

std::vector<ArenaFormula::Sum>
ArenaFormula::keepLargest(std::vector<Sum> sums) const {
  // The model does not run where a size is negative.
  std::vector<bool> runs(numSamples, true);
  std::vector<std::vector<double>> bytes;
  for (const Sum &sum : sums) {
    std::vector<double> &total = bytes.emplace_back(numSamples);
    for (auto &[factors, constant] : sum)
      for (size_t k = 0; k < numSamples; ++k) {
        double term = double(constant);
        for (unsigned factor : factors) {
          if (sizes[factor].samples.empty())
            return sums; // it can't be known which is the largest
          int64_t size = sizes[factor].samples[k];
          runs[k] = runs[k] && size >= 0;
          term *= double(size);
        }
        total[k] += term;
      }
  }
  if (llvm::none_of(runs, [](bool run) { return run; }))
    return sums;
  // What is mostly larger comes first; nothing later is always as large.
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < sums.size(); ++i) {
    double total = 0;
    for (size_t k = 0; k < numSamples; ++k)
      total += runs[k] ? bytes[i][k] : 0;
    order.push_back({-total, i});
  }
  llvm::sort(order);
  // A sum that is never the largest may be so for dimensions that are not
  // tried, unless one and the same other sum is always as large.
  std::vector<size_t> kept;
  for (auto [total, i] : order) {
    const std::vector<double> &own = bytes[i];
    if (llvm::none_of(kept, [&](size_t other) {
          return llvm::all_of(llvm::seq<size_t>(0, numSamples), [&](size_t k) {
            return !runs[k] || bytes[other][k] >= own[k];
          });
        }))
      kept.push_back(i);
  }
  std::vector<Sum> largest;
  for (size_t i : kept)
    largest.push_back(std::move(sums[i]));
  return largest;
}

/// Calls `visit` with the parts of a definition: texts, and positions of sizes.
template <typename Visit>
static void forEachPart(StringRef definition, Visit visit) {
  SmallVector<StringRef> parts;
  definition.split(parts, '\1');
  for (auto [i, part] : llvm::enumerate(parts)) {
    unsigned position = 0;
    bool isSize = i % 2 && !part.getAsInteger(10, position);
    visit(part, isSize ? std::optional<unsigned>(position) : std::nullopt);
  }
}

/// Names the sizes that these sums need, and defines them. What a size is
/// computed from stands before it.
void ArenaFormula::nameSizes(ArrayRef<Sum> sums) {
  std::vector<bool> isUsed(sizes.size());
  for (const Sum &sum : sums)
    for (auto &[factors, constant] : sum)
      for (unsigned factor : factors)
        isUsed[factor] = true;
  for (size_t i = sizes.size(); i-- > 0;)
    if (isUsed[i])
      forEachPart(sizes[i].definition,
                  [&](StringRef, std::optional<unsigned> size) {
                    if (size)
                      isUsed[*size] = true;
                  });
  unsigned next = 0;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    if (!isUsed[i] || size.definition.empty())
      continue;
    do
      size.name = "d" + std::to_string(++next);
    while (symbols.contains(size.name));
    std::string text = size.name + " = ";
    forEachPart(size.definition,
                [&](StringRef part, std::optional<unsigned> other) {
                  text += other ? StringRef(sizes[*other].name) : part;
                });
    definitions.push_back(text);
  }
}

std::string ArenaFormula::format(const Sum &sum) const {
  std::string text;
  for (auto &[factors, constant] : sum) {
    if (constant == 0)
      continue;
    text += (text.empty() ? "" : " + ") + std::to_string(constant);
    for (unsigned factor : factors)
      text += "*" + sizes[factor].name;
  }
  return text.empty() ? "0" : text;
}

} // namespace tenon::codegen
