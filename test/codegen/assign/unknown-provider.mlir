// RUN: not tenon-opt %s --pass-pipeline='builtin.module(tenon-assign-providers{provider=nobody})' 2>&1 | FileCheck %s

// CHECK: error: no provider 'nobody', expected one of 'onednn'
module {}
