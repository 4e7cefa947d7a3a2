//===- FunctionSizes.h - Compares what functions take --------------------===//

#ifndef TENON_TEST_UNIT_RUNTIME_FUNCTIONSIZES_H
#define TENON_TEST_UNIT_RUNTIME_FUNCTIONSIZES_H

#include <array>
#include <cstddef>

namespace tenon::test {

/// The sizes of what a function returns and takes.
template <typename Result, typename... Parameters>
std::array<size_t, sizeof...(Parameters) + 1>
getSizes(Result (*)(Parameters...)) {
  return {sizeof(Result), sizeof(Parameters)...};
}

} // namespace tenon::test

/// Of the function that `Owner` declares as `member`, and the global `symbol`.
#define COMPARE_FUNCTION(member, symbol, ...)                                  \
  EXPECT_EQ(                                                                   \
      tenon::test::getSizes(static_cast<decltype(Owner::member)>(nullptr)),    \
      tenon::test::getSizes(static_cast<decltype(&::symbol)>(nullptr)))        \
      << #symbol;

#endif // TENON_TEST_UNIT_RUNTIME_FUNCTIONSIZES_H
