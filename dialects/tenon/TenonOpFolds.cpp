//===- TenonOpFolds.cpp -===//
