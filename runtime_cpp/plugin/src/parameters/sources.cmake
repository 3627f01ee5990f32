target_sources(GenerativeDelay PRIVATE ${CMAKE_CURRENT_LIST_DIR}/layout.cpp ${CMAKE_CURRENT_LIST_DIR}/text.cpp)
