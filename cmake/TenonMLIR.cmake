# The one place that knows how Tenon uses the packaged LLVM and MLIR.
#
# Everything links the two shared libraries, libMLIR and libLLVM, and nothing
# else of them: the exported MLIR* targets are static archives, and a process
# that holds an archive and the shared library has two MLIRs in it.

find_program(LLVM_CONFIG NAMES llvm-config-22 REQUIRED)
execute_process(COMMAND ${LLVM_CONFIG} --prefix
                OUTPUT_VARIABLE LLVM_PREFIX OUTPUT_STRIP_TRAILING_WHITESPACE)
list(PREPEND CMAKE_PREFIX_PATH ${LLVM_PREFIX})
find_package(MLIR 22.1 REQUIRED CONFIG)
set(MLIR_LINK_MLIR_DYLIB ON)
set(LLVM_LINK_LLVM_DYLIB ON)

list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# The compiler's own code; see tenon_add_library.
add_library(TenonMLIRHeaders INTERFACE)
target_include_directories(TenonMLIRHeaders SYSTEM INTERFACE
                           ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_link_libraries(TenonMLIRHeaders INTERFACE MLIR LLVM)
target_compile_definitions(TenonMLIRHeaders INTERFACE ${LLVM_DEFINITIONS_LIST})
# Classes of LLVM differ with NDEBUG: it has to be as in the libraries.
if(NOT LLVM_ENABLE_ASSERTIONS)
  target_compile_definitions(TenonMLIRHeaders INTERFACE
    $<$<NOT:$<CONFIG:Release,RelWithDebInfo,MinSizeRel>>:NDEBUG>)
endif()

# tenon_tablegen(<public target> <file.td> <output> <flag> [<output> <flag>]...)
# runs mlir-tblgen; the outputs stand in the build tree where the .td stands in
# the source tree.
function(tenon_tablegen target td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(rest ${ARGN})
  while(rest)
    list(POP_FRONT rest out flags)
    separate_arguments(flags)
    mlir_tablegen(${out} ${flags}
      EXTRA_INCLUDES ${MLIR_INCLUDE_DIRS} ${CMAKE_SOURCE_DIR})
  endwhile()
  add_public_tablegen_target(${target})
endfunction()

# MLIR's headers are most of a compilation: they are parsed once, for all
# libraries. A source still includes what it uses.
add_library(TenonPrecompiled STATIC ${CMAKE_CURRENT_LIST_DIR}/Precompiled.cpp)
target_link_libraries(TenonPrecompiled PUBLIC TenonMLIRHeaders)
target_precompile_headers(TenonPrecompiled PRIVATE
  <mlir/Dialect/Arith/IR/Arith.h>
  <mlir/Dialect/Func/IR/FuncOps.h>
  <mlir/Dialect/Tensor/IR/Tensor.h>
  <mlir/IR/BuiltinOps.h>
  <mlir/IR/PatternMatch.h>
  <mlir/Pass/Pass.h>
  <mlir/Pass/PassManager.h>
  <mlir/Transforms/GreedyPatternRewriteDriver.h>)
# So that ccache can tell that the header is the same one.
target_compile_options(TenonPrecompiled PRIVATE
  "SHELL:-Xclang -fno-pch-timestamp")

# tenon_add_library(<name> <sources>... [DEPENDS <targets>...] [LINK <targets>...])
# makes one static library of the compiler.
function(tenon_add_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC TenonMLIRHeaders ${ARG_LINK})
  target_precompile_headers(${name} REUSE_FROM TenonPrecompiled)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# tenon_add_reference(<name> <file.td> <flag>...) makes the page <name> of the
# reference from definitions: `ninja tenon-docs` writes all pages to docs/reference
# in the source tree, where they are committed.
add_custom_target(tenon-docs)
function(tenon_add_reference name td)
  set(page ${CMAKE_SOURCE_DIR}/docs/reference/${name}.md)
  add_custom_target(tenon-docs-${name}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_SOURCE_DIR}/docs/reference
    COMMAND ${MLIR_TABLEGEN_EXE} ${ARGN} -I ${LLVM_PREFIX}/include
            -I ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${td} -o ${page}
    VERBATIM)
  add_dependencies(tenon-docs tenon-docs-${name})
endfunction()
