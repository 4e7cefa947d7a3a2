//===- TenonLayout.cpp -===//
