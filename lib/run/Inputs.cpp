//===- Inputs.cpp - Inputs from files and random ones --------------------===//

#include "lib/run/RunCommand.h"
#include "lib/run/Text.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <set>

using namespace tenon::run;

static int64_t parseNumber(const std::string &text, const std::string &option) {
  char *end;
  errno = 0;
  long long value = strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end || errno || value < 0)
    fail(TENON_ERROR_USAGE, "%s: '%s' is no size", option.c_str(),
         text.c_str());
  return value;
}

/// Whether an input is a sequence or an optional.
static bool isSequence(const Runner &runner, const std::string &name) {
  return runner.getModel().input(runner.findInput(name)).kind != TENON_TENSOR;
}

/// The arrays of a file are the next elements; without a file there are none.
static void readElements(Runner &runner, const std::string &name,
                         const std::string &path) {
  size_t index = runner.findInput(name);
  if (!path.empty()) {
    for (Array &array : readArrays(path))
      runner.addElement(index, std::move(array));
    return;
  }
  Array none = Array::makeSequence({});
  if (runner.getModel().input(index).kind != TENON_SEQUENCE)
    none.dims.clear();
  runner.setInput(index, std::move(none));
}

void RunCommand::readInputs(Runner &runner) const {
  std::set<std::string> named;
  std::vector<TenonTensorInfo> infos = listInputs(runner.getModel());
  for (const std::string &text : inputs) {
    auto [name, path] = splitNamed(text, infos);
    if (!name.empty() && isSequence(runner, name)) {
      readElements(runner, name, path);
      continue;
    }
    if (!name.empty() && !named.insert(name).second)
      fail(TENON_ERROR_USAGE, "--input %s: '%s' has one already", text.c_str(),
           name.c_str());
    if (path.empty())
      fail(TENON_ERROR_USAGE, "--input %s: expected a file behind '='",
           text.c_str());
    std::vector<Array> arrays = readArrays(path);
    if (name.empty()) {
      for (Array &array : arrays) {
        if (array.name.empty())
          fail(TENON_ERROR_USAGE,
               "--input %s: its array has no name; write NAME=%s", path.c_str(),
               path.c_str());
        size_t index = runner.findInput(array.name);
        runner.setInput(index, std::move(array));
      }
      continue;
    }
    Array *chosen = arrays.size() == 1 ? &arrays[0] : nullptr;
    for (Array &array : arrays)
      if (array.name == name)
        chosen = &array;
    if (!chosen)
      fail(TENON_ERROR_INVALID, "'%s' has no array '%s'", path.c_str(),
           name.c_str());
    runner.setInput(runner.findInput(name), std::move(*chosen));
  }
}

/// "2x3" of `option`.
static std::vector<int64_t> parseDims(const std::string &text,
                                      const std::string &option) {
  std::vector<int64_t> dims;
  for (const std::string &dim : split(text, 'x'))
    dims.push_back(parseNumber(dim, option));
  return dims;
}

/// "-1:1" of `option`.
static std::pair<double, double> parseRange(const std::string &text,
                                            const std::string &option) {
  double low = 0, high = 0;
  int length = -1;
  sscanf(text.c_str(), "%lf:%lf%n", &low, &high, &length);
  if (length != static_cast<int>(text.size()) || !std::isfinite(high - low))
    fail(TENON_ERROR_USAGE, "%s: expected NAME=LOW:HIGH", option.c_str());
  if (low > high)
    fail(TENON_ERROR_USAGE, "%s: LOW is above HIGH", option.c_str());
  return {low, high};
}

/// Takes each "name=value" of an option apart; a name may come once.
template <typename Value>
static std::map<std::string, Value> parseValues(
    const std::vector<std::string> &texts, const std::string &option,
    Value (*parse)(const std::string &text, const std::string &option)) {
  std::map<std::string, Value> values;
  for (const std::string &text : texts) {
    std::string whole = option + " " + text;
    size_t at = text.find('=');
    if (at == std::string::npos || at == 0)
      fail(TENON_ERROR_USAGE, "%s: expected NAME=VALUE", whole.c_str());
    std::string name = text.substr(0, at);
    if (!values.emplace(name, parse(text.substr(at + 1), whole)).second)
      fail(TENON_ERROR_USAGE, "%s: '%s' has one already", whole.c_str(),
           name.c_str());
  }
  return values;
}

/// The terms of a dimension's name: exporters call some "past + new" and
/// "past + 1".
static std::vector<std::string> splitSum(const std::string &name) {
  std::vector<std::string> terms;
  for (const std::string &term : split(name, '+')) {
    size_t first = std::min(term.find_first_not_of(' '), term.size());
    terms.push_back(term.substr(first, term.find_last_not_of(' ') + 1 - first));
  }
  return terms;
}

static bool isNumber(const std::string &text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

namespace {
/// What the options say about random inputs.
class RandomOptions {
public:
  /// Throws USAGE if what they say makes no sense.
  RandomOptions(const RunCommand &command)
      : shapes(parseValues(command.shapes, "--shape", parseDims)),
        symbols(parseValues(command.symbols, "--dim", parseNumber)),
        ranges(parseValues(command.ranges, "--range", parseRange)),
        stepped(command.steps.stepped.begin(), command.steps.stepped.end()) {}

  /// Throws USAGE if an option names what the model does not have, or an input
  /// that is given.
  void checkNames(const Runner &runner) const;
  /// Throws USAGE if an input has another size than its dimension's name.
  void checkSizes(const Runner &runner) const;
  std::vector<int64_t> chooseDims(const TenonTensorInfo &info) const;
  std::pair<double, double> chooseRange(const TenonTensorInfo &info) const;

private:
  std::optional<int64_t> findDim(const std::string &name) const;
  /// Throws USAGE if an input does not take what --shape says.
  void checkShape(const TenonTensorInfo &info,
                  const std::vector<int64_t> &dims) const;

  std::map<std::string, std::vector<int64_t>> shapes;
  std::map<std::string, int64_t> symbols;
  std::map<std::string, std::pair<double, double>> ranges;
  std::set<std::string> stepped;
};
} // namespace

void RandomOptions::checkNames(const Runner &runner) const {
  auto checkInput = [&](const std::string &name, const char *option) {
    if (runner.getInput(runner.findInput(name)))
      fail(TENON_ERROR_USAGE,
           "%s %s=...: this input is given by --input, it is not random",
           option, name.c_str());
  };
  for (const auto &[name, value] : shapes)
    checkInput(name, "--shape");
  for (const auto &[name, value] : ranges)
    checkInput(name, "--range");
  std::set<std::string> known;
  for (size_t i = 0; i < runner.getModel().numInputs(); ++i) {
    const TenonTensorInfo &info = runner.getModel().input(i);
    for (int32_t d = 0; d < info.rank; ++d)
      if (info.dims[d] < 0 && *info.dim_names[d])
        known.insert(info.dim_names[d]);
  }
  std::string list;
  for (const std::string &symbol : known)
    list += (list.empty() ? "'" : ", '") + symbol + "'";
  for (const std::string &symbol : std::set<std::string>(known))
    for (const std::string &term : splitSum(symbol))
      if (!isNumber(term))
        known.insert(term);
  for (const auto &[symbol, value] : symbols)
    if (!known.count(symbol))
      fail(TENON_ERROR_USAGE,
           "the model's inputs have no dimension '%s', only %s", symbol.c_str(),
           list.empty() ? "fixed ones" : list.c_str());
}

void RandomOptions::checkSizes(const Runner &runner) const {
  // Of each symbol the first size, and whether --shape says it.
  std::map<std::string, std::pair<int64_t, bool>> sizes;
  for (size_t i = 0; i < runner.getModel().numInputs(); ++i) {
    const TenonTensorInfo &info = runner.getModel().input(i);
    const std::optional<Array> &array = runner.getInput(i);
    size_t numSlices = stepped.count(info.name);
    // Another rank is told when the session takes them.
    if (!array || !array->isTensor() ||
        array->dims.size() != numSlices + std::max(info.rank, 0))
      continue;
    for (int32_t d = 0; d < info.rank; ++d) {
      std::optional<int64_t> wanted;
      if (info.dims[d] < 0)
        wanted = findDim(info.dim_names[d]);
      int64_t size = array->dims[numSlices + d];
      bool isGiven = shapes.count(info.name);
      if (info.dims[d] < 0 && *info.dim_names[d] && !wanted) {
        auto [known, isNew] =
            sizes.try_emplace(info.dim_names[d], size, isGiven);
        // Of two files the session tells.
        if (known->second.first != size && (isGiven || known->second.second))
          fail(TENON_ERROR_USAGE,
               "input '%s' gives the dimension '%s' the size %lld, expected "
               "%lld as elsewhere",
               info.name, info.dim_names[d], static_cast<long long>(size),
               static_cast<long long>(known->second.first));
      }
      if (!wanted || *wanted == size)
        continue;
      std::string source = "--input";
      if (shapes.count(info.name))
        source =
            std::string("--shape ") + info.name + "=" + array->formatDims();
      auto expected = static_cast<long long>(*wanted);
      fail(TENON_ERROR_USAGE,
           "input '%s': dimension %d is %lld by %s, but %lld by --dim %s=%lld",
           info.name, d, static_cast<long long>(size), source.c_str(), expected,
           info.dim_names[d], expected);
    }
  }
}

/// What --dim says of a dimension, or of all terms of a sum.
std::optional<int64_t> RandomOptions::findDim(const std::string &name) const {
  auto find = [&](const std::string &symbol) -> std::optional<int64_t> {
    auto found = symbols.find(symbol);
    if (found == symbols.end())
      return std::nullopt;
    return found->second;
  };
  if (std::optional<int64_t> size = find(name))
    return size;
  int64_t sum = 0;
  for (const std::string &term : splitSum(name)) {
    std::optional<int64_t> size =
        isNumber(term) ? parseNumber(term, "dimension '" + name + "'")
                       : find(term);
    if (!size || __builtin_add_overflow(sum, *size, &sum))
      return std::nullopt;
  }
  return sum;
}

static std::string formatDims(const int64_t *dims, size_t rank) {
  std::string text;
  for (size_t i = 0; i < rank; ++i)
    text += (i ? "x" : "") + (dims[i] < 0 ? "?" : std::to_string(dims[i]));
  return text;
}

void RandomOptions::checkShape(const TenonTensorInfo &info,
                               const std::vector<int64_t> &dims) const {
  if (info.rank < 0)
    return;
  size_t rank = info.rank, numSlices = stepped.count(info.name);
  bool fits = dims.size() == numSlices + rank;
  for (size_t i = 0; fits && i < rank; ++i)
    fits = info.dims[i] < 0 || info.dims[i] == dims[numSlices + i];
  if (!fits)
    fail(TENON_ERROR_USAGE,
         "input '%s' is given the shape %s, expected one that fits %s%s",
         info.name, formatDims(dims.data(), dims.size()).c_str(),
         formatDims(info.dims, rank).c_str(),
         numSlices ? " behind the steps" : "");
}

std::vector<int64_t>
RandomOptions::chooseDims(const TenonTensorInfo &info) const {
  if (auto shape = shapes.find(info.name); shape != shapes.end()) {
    checkShape(info, shape->second);
    return shape->second;
  }
  if (info.rank < 0)
    fail(TENON_ERROR_USAGE,
         "input '%s' may have any dimensions; give --shape "
         "%s=...",
         info.name, info.name);
  std::vector<int64_t> dims(info.dims, info.dims + info.rank);
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] >= 0)
      continue;
    const char *symbol = info.dim_names[i];
    if (std::optional<int64_t> found = findDim(symbol))
      dims[i] = *found;
    else
      fail(TENON_ERROR_USAGE,
           "input '%s': dimension %zu%s is not known; give --shape %s=...%s",
           info.name, i,
           *symbol ? (" (" + std::string(symbol) + ")").c_str() : "", info.name,
           *symbol ? (" or --dim '" + std::string(symbol) + "=...'").c_str()
                   : "");
  }
  return dims;
}

std::pair<double, double>
RandomOptions::chooseRange(const TenonTensorInfo &info) const {
  if (auto range = ranges.find(info.name); range != ranges.end())
    return range->second;
  bool isFloat = info.dtype == TENON_F32 || info.dtype == TENON_F64 ||
                 info.dtype == TENON_F16 || info.dtype == TENON_BF16 ||
                 (isNarrow(info.dtype) && info.dtype != TENON_U4 &&
                  info.dtype != TENON_I4 && info.dtype != TENON_U2 &&
                  info.dtype != TENON_I2);
  // Integers are indices mostly: 0 and 1 fit nearly every table.
  return isFloat ? std::pair(-1.0, 1.0) : std::pair(0.0, 2.0);
}

/// The largest number below `high` that elements of a type are.
static double findBelow(TenonDType dtype, double high) {
  Array one = Array::make(dtype, {});
  double least = std::max(std::abs(high) * 0x1p-53, 0x1p-1074);
  for (double step = least; std::isfinite(step); step *= 2) {
    one.set(0, high - step);
    if (one.at(0) < high)
      return one.at(0);
  }
  return -INFINITY;
}

/// How many tensors a random sequence has.
static constexpr int kRandomElements = 3;

void RunCommand::checkRandomOptions() const { RandomOptions options(*this); }

void RunCommand::fillRandomly(Runner &runner) const {
  RandomOptions choices(*this);
  choices.checkNames(runner);
  const Model &model = runner.getModel();
  for (size_t i = 0; i < model.numInputs(); ++i) {
    if (runner.getInput(i))
      continue;
    const TenonTensorInfo &info = model.input(i);
    auto [low, high] = choices.chooseRange(info);
    std::vector<int64_t> dims = choices.chooseDims(info);
    // The standard fixes this generator: equal seeds give equal inputs on every
    // machine. Each input has its own, so that none depends on the others.
    std::mt19937_64 generator(seed * 1000003 + i);
    double below = findBelow(info.dtype, high);
    auto makeArray = [&, low = low, high = high] {
      Array array = Array::make(info.dtype, dims);
      for (int64_t j = 0, count = array.size(); j < count; ++j) {
        double unit = static_cast<double>(generator() >> 11) * 0x1p-53;
        array.set(j, low + unit * (high - low));
        // The nearest number may be the end, which a model need not take.
        if (array.at(j) >= high && below >= low)
          array.set(j, below);
      }
      return array;
    };
    if (info.kind == TENON_TENSOR)
      runner.setInput(i, makeArray());
    for (int n = info.kind == TENON_TENSOR     ? 0
                 : info.kind == TENON_OPTIONAL ? 1
                                               : kRandomElements;
         n > 0; --n)
      runner.addElement(i, makeArray());
  }
  choices.checkSizes(runner);
}
