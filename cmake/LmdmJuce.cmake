# JUCE for the plugin: the source tree at JUCE_PATH (7 or 8), or else the installed package.
set(JUCE_PATH "" CACHE PATH "Source tree of JUCE; empty: the installed one")
if(JUCE_PATH)
  if(NOT EXISTS ${JUCE_PATH}/extras/Build/CMake)
    message(FATAL_ERROR "JUCE_PATH=${JUCE_PATH} is no source tree of JUCE: it has no extras/Build/CMake; name the folder of an unpacked "
                        "archive of https://github.com/juce-framework/JUCE/releases.")
  endif()
  add_subdirectory(${JUCE_PATH} ${CMAKE_BINARY_DIR}/juce EXCLUDE_FROM_ALL)
else()
  find_package(JUCE CONFIG QUIET) # its package states that it is compatible with its own version alone
  if(NOT JUCE_FOUND OR JUCE_VERSION VERSION_LESS 7)
    message(FATAL_ERROR "LMDM_BUILD_PLUGIN needs JUCE 7 or 8, and none is installed. Do one of these, then configure again:\n"
                        "  Debian, Ubuntu:  apt-get install juce-modules-source\n"
                        "  elsewhere: unpack an archive of https://github.com/juce-framework/JUCE/releases and name its folder:"
                        " cmake -DJUCE_PATH=/path/to/JUCE ...")
  endif()
endif()
