//===- Precompiled.cpp - Carries the precompiled header -------------------===//
//
// A library has to have a source; the header is all that matters here.
//
//===----------------------------------------------------------------------===//
