//===- TenonElementwise.cpp -===//
