# Library, headers and CMake package: `cmake --install`, then find_package(lmdm CONFIG) anywhere. No path of this tree is in what is installed.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lmdm)

install(TARGETS lmdm EXPORT lmdmTargets COMPONENT lmdm)
install(DIRECTORY include/lmdm ${CMAKE_CURRENT_BINARY_DIR}/include/lmdm TYPE INCLUDE COMPONENT lmdm FILES_MATCHING PATTERN "*.h")
install(EXPORT lmdmTargets NAMESPACE lmdm:: DESTINATION ${package_dir} COMPONENT lmdm)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lmdmConfig.cmake.in lmdmConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(lmdmConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lmdmConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/lmdmConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/LmdmDependencies.cmake DESTINATION ${package_dir} COMPONENT lmdm)
