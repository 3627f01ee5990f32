target_sources(
  GenerativeDelay PRIVATE ${CMAKE_CURRENT_LIST_DIR}/sketch_picture.cpp ${CMAKE_CURRENT_LIST_DIR}/smooth_clock.cpp
                          ${CMAKE_CURRENT_LIST_DIR}/spectrum.cpp)
