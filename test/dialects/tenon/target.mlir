// RUN: tenon-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: ["cuda"], ["sm_80", "sm_90"]>
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 512, ["cuda"], ["sm_80", "sm_90"]>} {}

// -----

// expected-error@+1 {{expected GPUs, or no list of them}}
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 512, ["cuda"], []>} {}

// -----

// expected-error@+1 {{expected a GPU such as "sm_90", but found 7}}
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 512, ["cuda"], [7]>} {}

// -----

// expected-error@+1 {{expected a GPU such as "sm_90", but found "sm_90a"}}
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 512, ["cuda"], ["sm_90a"]>} {}

// -----

// expected-error@+1 {{expected the oldest GPU first and each once, but "sm_80" stands behind "sm_100"}}
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 512, ["cuda"], ["sm_100", "sm_80"]>} {}

// -----

// expected-error@+1 {{expected the oldest GPU first and each once, but "sm_90" stands behind "sm_90"}}
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 512, ["cuda"], ["sm_90", "sm_90"]>} {}

// -----

// expected-error@+1 {{expected vectors of a power of two from 64 to 4096 bits, but found 7}}
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 7, ["codegen"]>} {}

// -----

// expected-error@+1 {{expected the names of providers, but found 7 : i64}}
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64", "", 512, [7]>} {}
