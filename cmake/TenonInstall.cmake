# What `cmake --install` puts where, and the CMake package.
#
# Components: `runtime` is what a host application ships that runs compiled
# models; `compiler` adds the libraries and tools that compile them, `python`
# the Python package.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Tenon)

# The tree can be moved as a whole.
function(tenon_install_library target component)
  if(NOT TARGET ${target})
    return()
  endif()
  set_target_properties(${target} PROPERTIES
    INSTALL_RPATH "$ORIGIN" INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS ${target} ${ARGN}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component}
    NAMELINK_COMPONENT ${component})
endfunction()

function(tenon_install_tool target component)
  if(NOT TARGET ${target})
    return()
  endif()
  file(RELATIVE_PATH to_libraries
    ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(${target} PROPERTIES
    INSTALL_RPATH "$ORIGIN/${to_libraries}" INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS ${target}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${component})
endfunction()

tenon_install_library(tenon runtime EXPORT TenonTargets)
tenon_install_library(tenon_cpu runtime)
tenon_install_library(tenon_cuda runtime)
tenon_install_library(tenon_image runtime)
foreach(tool tenon-bench tenon-run)
  tenon_install_tool(${tool} runtime)
endforeach()
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/tenon
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT runtime)
install(EXPORT TenonTargets NAMESPACE Tenon::
  DESTINATION ${package_dir} COMPONENT runtime)

if(TARGET tenon_compiler)
  set_target_properties(tenon_compiler PROPERTIES EXPORT_NAME compiler)
  tenon_install_library(tenon_compiler compiler EXPORT TenonCompilerTargets)
  install(EXPORT TenonCompilerTargets NAMESPACE Tenon::
    DESTINATION ${package_dir} COMPONENT compiler)
endif()
foreach(tool tenon-compile tenon-opt tenon-lsp-server)
  tenon_install_tool(${tool} compiler)
endforeach()

# The package finds the libraries three folders above itself.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/lib/python/tenon
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/python3/dist-packages COMPONENT python
  FILES_MATCHING PATTERN "*.py" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)

# In a folder where find_package() does not look: the build tree is no package.
set(config_dir ${CMAKE_BINARY_DIR}/package)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/TenonConfig.cmake.in
  ${config_dir}/TenonConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${config_dir}/TenonConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${config_dir}/TenonConfig.cmake
  ${config_dir}/TenonConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT runtime)
