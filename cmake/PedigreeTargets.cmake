# SPDX-License-Identifier: Apache-2.0
# pedigree_library(name SOURCES ... LINK ...): a static library.
# pedigree_core_library(...): the same, without exceptions and RTTI, for code that also runs in the secure world.
# pedigree_test(name SOURCES ... LINK ... [LABELS ...] [ENVIRONMENT ...] [TIMEOUT seconds] [PROGRAM]): a GoogleTest executable
#   and its ctest entry. PROGRAM: it runs `pedigree`, which it finds as PEDIGREE_PROGRAM in its environment. Label `threads`: also run under ThreadSanitizer; `long`: has a long form under PEDIGREE_LONG=1.
# pedigree_fuzz(name SOURCE file LINK ... CORPUS folder): a libFuzzer target under the fuzz preset; everywhere else an
#   executable that replays the corpus, as a ctest entry.
add_custom_target(pedigree_threaded_tests)
add_custom_target(pedigree_fuzzers)

function(pedigree_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
endfunction()

function(pedigree_core_library name)
  pedigree_library(${name} ${ARGN})
  # What core promises (docs/architecture.md): no exceptions, no RTTI, no hidden guards.
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics>)
endfunction()

function(pedigree_test name)
  if(PEDIGREE_FIRMWARE OR PEDIGREE_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "PROGRAM" "TIMEOUT" "SOURCES;LINK;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest_main)
  if(ARG_PROGRAM)
    list(APPEND ARG_ENVIRONMENT "PEDIGREE_PROGRAM=$<TARGET_FILE:pedigree>")
    add_dependencies(${name} pedigree)
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
                                          ENVIRONMENT "${ARG_ENVIRONMENT}")
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(pedigree_threaded_tests ${name})
  endif()
endfunction()

function(pedigree_fuzz name)
  if(PEDIGREE_FIRMWARE)
    return()
  endif()
  cmake_parse_arguments(ARG "" "SOURCE;CORPUS" "LINK" ${ARGN})
  if(PEDIGREE_FUZZ)
    add_executable(${name} ${ARG_SOURCE})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    # tools/fuzz.sh starts from what is committed; targets do not name their folder.
    file(WRITE ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${name}.corpus "${ARG_CORPUS}\n")
  else()
    add_executable(${name} ${ARG_SOURCE} ${CMAKE_SOURCE_DIR}/fuzz/replay_main.cc)
    add_test(NAME ${name}_corpus COMMAND ${name} ${ARG_CORPUS})
    set_tests_properties(${name}_corpus PROPERTIES TIMEOUT 300 LABELS "fuzz")
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  add_dependencies(pedigree_fuzzers ${name})
endfunction()
