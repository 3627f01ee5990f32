target_sources(GenerativeDelay PRIVATE ${CMAKE_CURRENT_LIST_DIR}/entry.cpp ${CMAKE_CURRENT_LIST_DIR}/plugin_processor.cpp)
