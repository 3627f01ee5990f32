target_sources(
  GenerativeDelay
  PRIVATE ${CMAKE_CURRENT_LIST_DIR}/builder.cpp
          ${CMAKE_CURRENT_LIST_DIR}/engine.cpp
          ${CMAKE_CURRENT_LIST_DIR}/layouts.cpp
          ${CMAKE_CURRENT_LIST_DIR}/live_music.cpp
          ${CMAKE_CURRENT_LIST_DIR}/loader.cpp
          ${CMAKE_CURRENT_LIST_DIR}/places.cpp
          ${CMAKE_CURRENT_LIST_DIR}/shared_bundle.cpp)
