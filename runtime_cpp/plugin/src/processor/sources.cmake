target_sources(
  GenerativeDelay
  PRIVATE ${CMAKE_CURRENT_LIST_DIR}/conductor.cpp
          ${CMAKE_CURRENT_LIST_DIR}/entry.cpp
          ${CMAKE_CURRENT_LIST_DIR}/journal.cpp
          ${CMAKE_CURRENT_LIST_DIR}/knobs.cpp
          ${CMAKE_CURRENT_LIST_DIR}/mixer.cpp
          ${CMAKE_CURRENT_LIST_DIR}/pictures.cpp
          ${CMAKE_CURRENT_LIST_DIR}/plugin_processor.cpp
          ${CMAKE_CURRENT_LIST_DIR}/processor_view.cpp
          ${CMAKE_CURRENT_LIST_DIR}/rack.cpp
          ${CMAKE_CURRENT_LIST_DIR}/session_state.cpp)
