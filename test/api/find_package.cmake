# Installs Tenon, moves it, builds the examples as projects of their own against
# it, and runs them.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result
    OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ${result}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
set(components runtime)
set(examples run-c run-cpp)
if(EXISTS "${COMPILER}") # not in a build of the runtime alone
  list(APPEND components compiler)
  list(APPEND examples compile-c)
endif()
foreach(component ${components})
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first
    --component ${component})
endforeach()
# Nothing may depend on where it was installed.
file(RENAME ${WORK}/first ${WORK}/prefix)

foreach(example ${examples})
  run(${CMAKE_COMMAND} -S ${SOURCE}/examples/${example} -B ${WORK}/${example}
    -DCMAKE_PREFIX_PATH=${WORK}/prefix
    -DCMAKE_C_COMPILER=${C_COMPILER} -DCMAKE_CXX_COMPILER=${CXX_COMPILER})
  run(${CMAKE_COMMAND} --build ${WORK}/${example})
  message(STATUS "${example} builds")
endforeach()
foreach(example run-c run-cpp)
  run(${WORK}/${example}/example-${example} ${MODEL})
  if(NOT output MATCHES "y[: ]")
    message(FATAL_ERROR "${example} printed: ${output}")
  endif()
  message(STATUS "${example} runs: ${output}")
endforeach()
run(${WORK}/prefix/bin/tenon-run ${MODEL} --random --dim N=3)
message(STATUS "the installed tenon-run runs: ${output}")

# A program that a model is linked into.
if(EXISTS "${COMPILER}")
  file(MAKE_DIRECTORY ${WORK}/model)
  run(${PYTHON} ${SOURCE}/test/api/make_model.py ${WORK}/model/small.onnx)
  run(${WORK}/prefix/bin/tenon-compile --quiet ${WORK}/model/small.onnx
    -o ${WORK}/model/small.o)
  run(${CMAKE_COMMAND} -S ${SOURCE}/examples/linked-c -B ${WORK}/linked-c
    -DMODEL_FOLDER=${WORK}/model -DCMAKE_PREFIX_PATH=${WORK}/prefix
    -DCMAKE_C_COMPILER=${C_COMPILER})
  run(${CMAKE_COMMAND} --build ${WORK}/linked-c)
  run(${WORK}/linked-c/example-linked-c)
  if(NOT output STREQUAL "y: 24 values, sum 12\n")
    message(FATAL_ERROR "linked-c printed: ${output}")
  endif()
  message(STATUS "linked-c runs: ${output}")
endif()
