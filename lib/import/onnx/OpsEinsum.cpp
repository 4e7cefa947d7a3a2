//===- OpsEinsum.cpp - Sums of products by Einstein's convention ----------===//
//
// Operands are multiplied from left to right. Two of them that share a summed
// label are a matrix product: the labels that both keep are its batch, those of
// one alone its rows and columns.
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {
namespace {

/// Letters are labels; dimension `i` of the ellipsis is label kEllipsis + i,
/// counted in the longest one.
using Labels = SmallVector<int>;
constexpr int kEllipsis = 256;

struct Operand {
  Value value;
  Labels labels;

  int64_t find(int label) const {
    return llvm::find(labels, label) - labels.begin();
  }
  bool has(int label) const { return llvm::is_contained(labels, label); }
};

/// A term of the equation: its letters, with kEllipsis for the ellipsis.
struct Term {
  Labels labels;
  bool hasEllipsis = false;
};

class Einsum {
public:
  explicit Einsum(NodeContext &node) : node(node) {}
  Value convert();

private:
  std::optional<Term> parseTerm(StringRef text);
  /// Gives the operands and the result their labels.
  LogicalResult parse(StringRef equation);
  Labels expandEllipsis(const Term &term, int64_t rank);
  /// Leaves one of the dimensions that have one label.
  void takeDiagonals(Operand &operand);
  /// Drops dimensions of size 1 that others have too, and checks the sizes.
  LogicalResult dropBroadcast();
  /// Sums over labels that nobody asks for any more.
  void sumUnused(Operand &operand, llvm::function_ref<bool(int)> isUsed);
  void permute(Operand &operand, ArrayRef<int> labels);
  Operand multiply(Operand a, Operand b, ArrayRef<int> kept);
  Operand multiplyElements(Operand a, Operand b, const Labels &labels);

  NodeContext &node;
  SmallVector<Operand> operands;
  Labels result;
  int64_t ellipsisRank = 0;
};

} // namespace

//===----------------------------------------------------------------------===//
// The equation
//===----------------------------------------------------------------------===//

std::optional<Term> Einsum::parseTerm(StringRef text) {
  Term term;
  while (!text.empty()) {
    if (text.starts_with("...") && !term.hasEllipsis) {
      term.hasEllipsis = true;
      term.labels.push_back(kEllipsis);
      text = text.drop_front(3);
      continue;
    }
    if (!isAlpha(text.front()))
      break;
    term.labels.push_back(text.front());
    text = text.drop_front();
  }
  if (text.empty())
    return term;
  node.invalid("attribute 'equation' has " + quote(text) +
               ", where a letter or one ellipsis is expected");
  return std::nullopt;
}

Labels Einsum::expandEllipsis(const Term &term, int64_t rank) {
  Labels labels;
  for (int label : term.labels) {
    if (label != kEllipsis) {
      labels.push_back(label);
      continue;
    }
    // The last dimensions are what ellipses have in common.
    for (int64_t i = ellipsisRank - rank; i != ellipsisRank; ++i)
      labels.push_back(kEllipsis + int(i));
  }
  return labels;
}

LogicalResult Einsum::parse(StringRef equation) {
  std::string text;
  for (char c : equation)
    if (c != ' ')
      text.push_back(c);
  auto [left, right] = StringRef(text).split("->");
  bool isExplicit = StringRef(text).contains("->");
  SmallVector<StringRef> parts;
  left.split(parts, ',');
  if (parts.size() != node.getNumInputs())
    return node.invalid("attribute 'equation' has " + Twine(parts.size()) +
                        " operands, but there are " +
                        Twine(node.getNumInputs()) + " inputs");
  SmallVector<Term> terms;
  SmallVector<int64_t> ellipsisRanks;
  for (auto [i, part] : llvm::enumerate(parts)) {
    std::optional<Term> term = parseTerm(part);
    Value input = node.getInput(i);
    if (!term || !input)
      return failure();
    int64_t rank = getType(input).getRank();
    int64_t letters = int64_t(term->labels.size()) - term->hasEllipsis;
    if (term->hasEllipsis ? rank < letters : rank != letters)
      return node.invalid("operand " + quote(part) + " of the equation has " +
                          Twine(letters) + " labels, but input " + Twine(i) +
                          " has rank " + Twine(rank));
    ellipsisRanks.push_back(term->hasEllipsis ? rank - letters : 0);
    ellipsisRank = std::max(ellipsisRank, ellipsisRanks.back());
    operands.push_back({input, {}});
    terms.push_back(std::move(*term));
  }
  MapVector<int, unsigned> counts;
  for (auto [operand, term, rank] :
       llvm::zip_equal(operands, terms, ellipsisRanks)) {
    operand.labels = expandEllipsis(term, rank);
    for (int label : operand.labels)
      ++counts[label];
  }
  if (isExplicit) {
    std::optional<Term> term = parseTerm(right);
    if (!term)
      return failure();
    result = expandEllipsis(*term, ellipsisRank);
  } else {
    // The ellipsis, then what occurs once, in alphabetical order.
    for (int64_t i = 0; i != ellipsisRank; ++i)
      result.push_back(kEllipsis + int(i));
    Labels letters;
    for (auto [label, count] : counts)
      if (label < kEllipsis && count == 1)
        letters.push_back(label);
    llvm::sort(letters);
    llvm::append_range(result, letters);
  }
  for (auto [i, label] : llvm::enumerate(result))
    if (!counts.count(label) ||
        llvm::is_contained(ArrayRef<int>(result).take_front(i), label))
      return node.invalid("the result of the equation has a label that no "
                          "operand has, or has one twice");
  return success();
}

//===----------------------------------------------------------------------===//
// Operands by themselves
//===----------------------------------------------------------------------===//

void Einsum::takeDiagonals(Operand &operand) {
  for (int64_t i = int64_t(operand.labels.size()) - 1; i > 0; --i) {
    int64_t first = operand.find(operand.labels[i]);
    if (first == i || node.failed())
      continue;
    RankedTensorType type = getType(operand.value);
    int64_t a = type.getDimSize(first), b = type.getDimSize(i);
    if (!ShapedType::isDynamic(a) && !ShapedType::isDynamic(b) && a != b) {
      node.invalid("a label stands for the sizes " + Twine(a) + " and " +
                   Twine(b) + " of one input");
      return;
    }
    operand.value =
        node.requireSize(operand.value, i, node.getDim(operand.value, first));
    if (node.failed())
      return;
    Value isDiagonal =
        node.create<EqualOp>(createIndices(node, operand.value, first),
                             createIndices(node, operand.value, i));
    operand.value = reduce(node, whereOrZero(node, isDiagonal, operand.value),
                           ReduceKind::Sum, i, /*drops=*/true);
    operand.labels.erase(operand.labels.begin() + i);
  }
}

LogicalResult Einsum::dropBroadcast() {
  // Of each label, how many operands have it and what size it stands for.
  llvm::DenseMap<int, int64_t> numOperands, sizes;
  for (Operand &operand : operands)
    for (auto [dim, label] : llvm::enumerate(operand.labels)) {
      ++numOperands[label];
      int64_t size = getType(operand.value).getDimSize(dim);
      if (size == 1 || ShapedType::isDynamic(size))
        continue;
      int64_t known = sizes.try_emplace(label, size).first->second;
      if (size != known)
        return node.invalid("a label stands for the sizes " + Twine(known) +
                            " and " + Twine(size));
    }
  for (Operand &operand : operands) {
    for (int64_t dim = int64_t(operand.labels.size()) - 1; dim >= 0; --dim) {
      int label = operand.labels[dim];
      if (getType(operand.value).getDimSize(dim) != 1 ||
          numOperands[label] == 1)
        continue;
      --numOperands[label];
      operand.value = node.squeeze(operand.value, dim);
      operand.labels.erase(operand.labels.begin() + dim);
      if (node.failed())
        return failure();
    }
  }
  return success();
}

void Einsum::sumUnused(Operand &operand, llvm::function_ref<bool(int)> isUsed) {
  SmallVector<int64_t> axes;
  Labels left;
  for (auto [i, label] : llvm::enumerate(operand.labels)) {
    if (isUsed(label))
      left.push_back(label);
    else
      axes.push_back(i);
  }
  operand.value =
      reduce(node, operand.value, ReduceKind::Sum, axes, /*drops=*/true);
  operand.labels = std::move(left);
}

void Einsum::permute(Operand &operand, ArrayRef<int> labels) {
  if (ArrayRef<int>(operand.labels) == labels)
    return;
  SmallVector<int64_t> permutation;
  for (int label : labels)
    permutation.push_back(operand.find(label));
  operand.value = node.transpose(operand.value, permutation);
  operand.labels.assign(labels.begin(), labels.end());
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Operand Einsum::multiplyElements(Operand a, Operand b, const Labels &labels) {
  for (Operand *operand : {&a, &b}) {
    Labels own;
    SmallVector<int64_t> missing;
    for (auto [i, label] : llvm::enumerate(labels)) {
      if (operand->has(label))
        own.push_back(label);
      else
        missing.push_back(i);
    }
    permute(*operand, own);
    operand->value = node.unsqueeze(operand->value, missing);
  }
  return {node.create<MulOp>(a.value, b.value), labels};
}

Operand Einsum::multiply(Operand a, Operand b, ArrayRef<int> kept) {
  auto isKept = [&](int label) { return llvm::is_contained(kept, label); };
  sumUnused(a, [&](int label) { return isKept(label) || b.has(label); });
  sumUnused(b, [&](int label) { return isKept(label) || a.has(label); });
  Labels batch, summed, rows, columns;
  for (int label : a.labels)
    (!b.has(label) ? rows : isKept(label) ? batch : summed).push_back(label);
  for (int label : b.labels)
    if (!a.has(label))
      columns.push_back(label);
  auto join = [](std::initializer_list<ArrayRef<int>> parts) {
    Labels labels;
    for (ArrayRef<int> part : parts)
      llvm::append_range(labels, part);
    return labels;
  };
  Labels all = join({batch, rows, columns});
  if (summed.empty())
    return multiplyElements(a, b, all);

  permute(a, join({batch, rows, summed}));
  permute(b, join({batch, summed, columns}));
  int64_t numBatch = batch.size(), numRows = rows.size();
  // The two groups of labels behind the batch become one dimension each.
  auto makeMatrix = [&](Value value, int64_t numFirst) -> Value {
    if (node.failed())
      return {};
    int64_t rank = getType(value).getRank(), middle = numBatch + numFirst;
    if (middle == numBatch + 1 && rank == middle + 1)
      return value;
    SmallVector<Value> shape;
    for (int64_t i = 0; i != numBatch; ++i)
      shape.push_back(node.getDim(value, i));
    shape.push_back(node.getDimProduct(value, numBatch, middle));
    shape.push_back(node.getDimProduct(value, middle, rank));
    return node.reshape(value, node.joinShape(shape));
  };
  Value product = node.create<MatMulOp>(makeMatrix(a.value, numRows),
                                        makeMatrix(b.value, summed.size()));
  if (node.failed() || (numRows == 1 && columns.size() == 1))
    return {product, all};
  SmallVector<Value> shape;
  for (int64_t i = 0; i != numBatch + numRows; ++i)
    shape.push_back(node.getDim(a.value, i));
  for (size_t i = 0; i != columns.size(); ++i)
    shape.push_back(node.getDim(b.value, numBatch + summed.size() + i));
  return {node.reshape(product, node.joinShape(shape)), all};
}

Value Einsum::convert() {
  if (!node.hasAttribute("equation"))
    node.invalid("attribute 'equation' is missing");
  std::string equation = node.getString("equation", "");
  if (node.failed() || failed(parse(equation)))
    return {};
  for (Operand &operand : operands)
    takeDiagonals(operand);
  if (node.failed() || failed(dropBroadcast()))
    return {};
  // Labels are needed up to the last operand that has them.
  MapVector<int, size_t> lastUses;
  for (auto [i, operand] : llvm::enumerate(operands))
    for (int label : operand.labels)
      lastUses[label] = i;
  Operand product = operands[0];
  for (size_t i = 1; i != operands.size() && !node.failed(); ++i) {
    Labels kept = result;
    for (auto [label, last] : lastUses)
      if (last > i)
        kept.push_back(label);
    product = multiply(product, operands[i], kept);
  }
  if (node.failed())
    return {};
  sumUnused(product,
            [&](int label) { return llvm::is_contained(result, label); });
  permute(product, result);
  return product.value;
}

static LogicalResult convertEinsum(NodeContext &node) {
  return node.setOutput(Einsum(node).convert());
}

ArrayRef<OpEntry> getEinsumOps() {
  static constexpr int64_t v12[] = {12};
  static const OpEntry entries[] = {
      {"Einsum", v12, convertEinsum, 1, kVariadic}};
  return entries;
}

} // namespace tenon::onnx_import
