# ONNX Runtime for the plugin: a library that lies beside the plugin's binary is found by it wherever the plugin is installed.
if(NOT DEFINED LMDM_PLUGIN_ONNXRUNTIME)
  set(_wheels "")
  foreach(_prefix IN ITEMS $ENV{VIRTUAL_ENV} ${PROJECT_SOURCE_DIR}/.venv)
    file(GLOB _found ${_prefix}/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.*
         ${_prefix}/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.*.dylib
         ${_prefix}/Lib/site-packages/onnxruntime/capi/onnxruntime.dll)
    list(APPEND _wheels ${_found})
  endforeach()
  if(_wheels)
    list(GET _wheels 0 _wheels)
  else()
    set(_wheels OFF)
  endif()
  set(LMDM_PLUGIN_ONNXRUNTIME ${_wheels} CACHE FILEPATH "Library of ONNX Runtime to be put beside the plugin; OFF: none")
endif()
if(LMDM_PLUGIN_ONNXRUNTIME AND NOT EXISTS ${LMDM_PLUGIN_ONNXRUNTIME})
  message(FATAL_ERROR "LMDM_PLUGIN_ONNXRUNTIME=${LMDM_PLUGIN_ONNXRUNTIME} is not there; name a library of ONNX Runtime, or OFF for none.")
endif()

function(lmdm_put_onnxruntime_beside target)
  if(LMDM_PLUGIN_ONNXRUNTIME)
    add_custom_command(
      TARGET ${target}
      POST_BUILD
      COMMAND ${CMAKE_COMMAND} -E copy_if_different ${LMDM_PLUGIN_ONNXRUNTIME} $<TARGET_FILE_DIR:${target}>
      VERBATIM)
  endif()
endfunction()
