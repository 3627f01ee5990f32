# Finds the headers of ONNX Runtime, and gives the target OnnxRuntime::Headers. The library itself is opened at run time and never linked,
# so that any recent ONNX Runtime serves. Searched in this order:
#   ONNXRUNTIME_ROOT             CMake or environment variable: an unpacked release archive, or any folder with include/ in it
#   build/onnxruntime-headers    what scripts/onnxruntime-headers has fetched
#   the system                   Debian's libonnxruntime-dev, Homebrew, vcpkg, ...
set(_suffixes include include/onnxruntime include/onnxruntime/core/session onnxruntime onnxruntime/core/session)
set(_fetched ${CMAKE_CURRENT_LIST_DIR}/../build/onnxruntime-headers)
cmake_path(NORMAL_PATH _fetched)

# Found again at each configuring: headers may have been fetched, or another root given, since the last one.
unset(OnnxRuntimeHeaders_INCLUDE_DIR CACHE)
set(_root ${ONNXRUNTIME_ROOT})
if(NOT _root AND DEFINED ENV{ONNXRUNTIME_ROOT})
  set(_root $ENV{ONNXRUNTIME_ROOT})
endif()
if(_root)
  find_path(OnnxRuntimeHeaders_INCLUDE_DIR onnxruntime_cxx_api.h PATHS ${_root} PATH_SUFFIXES ${_suffixes} NO_DEFAULT_PATH NO_CACHE)
  set(_missing "No onnxruntime_cxx_api.h under ONNXRUNTIME_ROOT=${_root}: expected it in include/ or include/onnxruntime/, as in the "
               "archives of https://github.com/microsoft/onnxruntime/releases.")
else()
  find_path(OnnxRuntimeHeaders_INCLUDE_DIR onnxruntime_cxx_api.h PATHS ${_fetched} PATH_SUFFIXES ${_suffixes} NO_DEFAULT_PATH NO_CACHE)
  find_path(OnnxRuntimeHeaders_INCLUDE_DIR onnxruntime_cxx_api.h PATH_SUFFIXES onnxruntime onnxruntime/core/session NO_CACHE)
  set(_missing "The headers of ONNX Runtime are missing (onnxruntime_cxx_api.h). Do one of these, then configure again:\n"
               "  Debian, Ubuntu:  bash scripts/onnxruntime-headers    (fills ${_fetched}, installs nothing)\n"
               "  where the system has a package:  apt-get install libonnxruntime-dev, brew install onnxruntime\n"
               "  elsewhere: unpack an archive of https://github.com/microsoft/onnxruntime/releases and name its folder:"
               " cmake -DONNXRUNTIME_ROOT=/path/to/onnxruntime-linux-x64-1.23.2 ...")
endif()
string(CONCAT _missing ${_missing})

if(OnnxRuntimeHeaders_INCLUDE_DIR)
  file(STRINGS ${OnnxRuntimeHeaders_INCLUDE_DIR}/onnxruntime_c_api.h _api REGEX "^#define ORT_API_VERSION [0-9]+")
  if(_api MATCHES "([0-9]+)$")
    set(OnnxRuntimeHeaders_VERSION 1.${CMAKE_MATCH_1})
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  OnnxRuntimeHeaders
  REQUIRED_VARS OnnxRuntimeHeaders_INCLUDE_DIR
  VERSION_VAR OnnxRuntimeHeaders_VERSION
  REASON_FAILURE_MESSAGE "\n${_missing}\n")

if(OnnxRuntimeHeaders_FOUND AND NOT TARGET OnnxRuntime::Headers)
  add_library(OnnxRuntime::Headers INTERFACE IMPORTED)
  target_include_directories(OnnxRuntime::Headers SYSTEM INTERFACE ${OnnxRuntimeHeaders_INCLUDE_DIR})
endif()
foreach(_name _api _fetched _missing _root _suffixes)
  unset(${_name})
endforeach()
