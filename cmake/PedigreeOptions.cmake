# SPDX-License-Identifier: Apache-2.0
# What every target is compiled with.
option(PEDIGREE_FIRMWARE "Build only what runs in the secure world, for the target" OFF)
option(PEDIGREE_FUZZ "Build libFuzzer executables (Clang)" OFF)
set(PEDIGREE_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Werror)
include_directories(${CMAKE_SOURCE_DIR})

if(NOT PEDIGREE_FIRMWARE)
  add_compile_options(-fstack-protector-strong)
  find_program(CCACHE ccache)
  if(CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  endif()
endif()
if(PEDIGREE_SANITIZE)
  add_compile_options(-fsanitize=${PEDIGREE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PEDIGREE_SANITIZE})
endif()
