//===- TenonOps.cpp -===//
