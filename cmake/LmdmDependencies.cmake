# The libraries that lmdm links, found in the build, and by lmdmConfig.cmake where a program links the static library.
# Soxr, libzip and SentencePiece come without CMake packages of their own on Debian: pkg-config finds them.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(OpenSSL COMPONENTS Crypto)
find_dependency(PkgConfig)
foreach(_library soxr libzip sentencepiece)
  if(NOT TARGET PkgConfig::${_library})
    pkg_check_modules(${_library} REQUIRED QUIET IMPORTED_TARGET GLOBAL ${_library})
  endif()
endforeach()
unset(_library)
