//===- TenonOpShapes.cpp -===//
