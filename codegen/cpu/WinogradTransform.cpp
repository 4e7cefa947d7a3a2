//===- WinogradTransform.cpp - The transforms of Winograd's algorithm -----===//

#include "codegen/cpu/WinogradTransform.h"

#include "codegen/cpu/TileEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;

namespace tenon::cpu {

WinogradTransform::WinogradTransform(int64_t outputs) {
  // Points near 1 keep numbers of one size, and points that are each other's
  // inverse keep the rows alike.
  if (outputs == 2)
    points = {1};
  else
    points = {std::sqrt(0.5), std::sqrt(2.0)};
}

SmallVector<double> WinogradTransform::getPolynomial(size_t skipped) const {
  SmallVector<double> polynomial{1};
  for (size_t i = 0; i != points.size(); ++i) {
    if (i == skipped)
      continue;
    double square = points[i] * points[i];
    polynomial.push_back(0);
    for (size_t power = polynomial.size() - 1; power != 0; --power)
      polynomial[power] = polynomial[power - 1] - square * polynomial[power];
    polynomial[0] *= -square;
  }
  // So that what is meant to be a whole number is one.
  for (double &coefficient : polynomial)
    coefficient = std::round(coefficient * 0x1p40) * 0x1p-40;
  return polynomial;
}

SmallVector<double> WinogradTransform::getWeightMatrix() const {
  SmallVector<double> matrix;
  auto appendRow = [&](double point, double divisor) {
    for (double power : {1.0, point, point * point})
      matrix.push_back(power / divisor);
  };
  appendRow(0, getPolynomial(points.size())[0]);
  for (auto [i, point] : llvm::enumerate(points)) {
    double square = point * point, value = 0;
    for (double coefficient : llvm::reverse(getPolynomial(i)))
      value = value * square + coefficient;
    appendRow(point, 2 * square * value);
    appendRow(-point, 2 * square * value);
  }
  matrix.append({0, 0, 1});
  return matrix;
}

/// The sum of `values`, `step` apart, times `coefficients`.
static Value emitSum(OpBuilder &builder, Location loc,
                     ArrayRef<double> coefficients, ArrayRef<Value> values,
                     int64_t step, Value sum = {}) {
  // What is only added comes first: the rest is then multiply-adds.
  SmallVector<std::pair<double, Value>> terms;
  for (bool isOne : {true, false})
    for (auto [i, coefficient] : llvm::enumerate(coefficients))
      if ((coefficient == 1) == isOne)
        terms.push_back({coefficient, values[i * step]});
  for (auto [coefficient, value] : terms) {
    if (coefficient == 1) {
      sum = sum ? arith::AddFOp::create(builder, loc, sum, value) : value;
    } else if (sum && coefficient == -1) {
      sum = arith::SubFOp::create(builder, loc, sum, value);
    } else {
      Value factor = buildConstant(builder, loc, value.getType(), coefficient);
      sum = sum ? emitMultiplyAdd(builder, loc, factor, value, sum)
                : arith::MulFOp::create(builder, loc, factor, value);
    }
  }
  return sum;
}

SmallVector<Value>
WinogradTransform::emitInputLine(OpBuilder &builder, Location loc,
                                 ArrayRef<Value> line) const {
  SmallVector<double> all = getPolynomial(points.size());
  Values result{emitSum(builder, loc, all, line, 2)};
  for (auto [i, point] : llvm::enumerate(points)) {
    // The even and the odd powers of either sign.
    SmallVector<double> others = getPolynomial(i);
    Value even = emitSum(builder, loc, others, line.drop_front(2), 2);
    Value odd = emitSum(builder, loc, others, line.drop_front(1), 2);
    result.push_back(emitSum(builder, loc, {point}, odd, 1, even));
    result.push_back(emitSum(builder, loc, {-point}, odd, 1, even));
  }
  result.push_back(emitSum(builder, loc, all, line.drop_front(1), 2));
  return result;
}

SmallVector<Value>
WinogradTransform::emitOutputLine(OpBuilder &builder, Location loc,
                                  ArrayRef<Value> line) const {
  Values sums, differences;
  for (size_t i = 0; i != points.size(); ++i) {
    Value plus = line[1 + 2 * i], minus = line[2 + 2 * i];
    sums.push_back(arith::AddFOp::create(builder, loc, plus, minus));
    differences.push_back(arith::SubFOp::create(builder, loc, plus, minus));
  }
  Values result;
  for (int64_t power = 0; power != getOutputs(); ++power) {
    SmallVector<double> powers;
    for (double point : points) {
      double value = std::pow(point, power);
      powers.push_back(std::round(value * 0x1p40) * 0x1p-40);
    }
    Value end = power == 0                  ? line.front()
                : power == getOutputs() - 1 ? line.back()
                                            : Value();
    result.push_back(
        emitSum(builder, loc, powers, power % 2 ? differences : sums, 1, end));
  }
  return result;
}

/// Applies `emitLine` to each row of a square matrix, then to each column.
template <typename EmitLine>
static SmallVector<Value> emitBoth(int64_t size, WinogradTransform::Load load,
                                   EmitLine emitLine) {
  SmallVector<SmallVector<Value>> rows;
  for (int64_t row = 0; row != size; ++row) {
    SmallVector<Value> line;
    for (int64_t column = 0; column != size; ++column)
      line.push_back(load(row, column));
    rows.push_back(emitLine(line));
  }
  SmallVector<SmallVector<Value>> columns;
  for (size_t column = 0; column != rows.front().size(); ++column) {
    SmallVector<Value> line;
    for (const SmallVector<Value> &row : rows)
      line.push_back(row[column]);
    columns.push_back(emitLine(line));
  }
  SmallVector<Value> result;
  for (size_t row = 0; row != columns.front().size(); ++row)
    for (const SmallVector<Value> &column : columns)
      result.push_back(column[row]);
  return result;
}

SmallVector<Value> WinogradTransform::emitInput(OpBuilder &builder,
                                                Location loc, Load load) const {
  return emitBoth(getInputs(), load, [&](ArrayRef<Value> line) {
    return emitInputLine(builder, loc, line);
  });
}

SmallVector<Value> WinogradTransform::emitOutput(OpBuilder &builder,
                                                 Location loc,
                                                 Load load) const {
  return emitBoth(getInputs(), load, [&](ArrayRef<Value> line) {
    return emitOutputLine(builder, loc, line);
  });
}

} // namespace tenon::cpu
