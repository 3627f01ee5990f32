# cmake -DBUILD= -DSOURCE= -DWORK= -DGENERATOR= -DBUILD_TYPE= -DC_COMPILER= -DCXX_COMPILER= -P check.cmake
# Installs lmdm, moves it somewhere else, and builds and runs the consumer with nothing but that folder.
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed --component lmdm)
file(RENAME ${WORK}/installed ${WORK}/moved)

file(GLOB_RECURSE texts ${WORK}/moved/*.cmake ${WORK}/moved/*.h ${WORK}/moved/*.pc)
foreach(text IN LISTS texts)
  file(READ ${text} content)
  foreach(path ${SOURCE} ${BUILD} ${WORK}/installed)
    string(FIND "${content}" "${path}" found)
    if(NOT found EQUAL -1)
      message(FATAL_ERROR "${text} names ${path}; an installed package must not need the folder that it was built in")
    endif()
  endforeach()
endforeach()

run(${CMAKE_COMMAND} -S ${SOURCE}/runtime_cpp/tests/consumer -B ${WORK}/build -G ${GENERATOR} -DCMAKE_PREFIX_PATH=${WORK}/moved
    -DCMAKE_BUILD_TYPE=${BUILD_TYPE} -DCMAKE_C_COMPILER=${C_COMPILER} -DCMAKE_CXX_COMPILER=${CXX_COMPILER})
run(${CMAKE_COMMAND} --build ${WORK}/build --config ${BUILD_TYPE})
run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK}/build --output-on-failure -C ${BUILD_TYPE})
