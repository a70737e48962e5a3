# SPDX-License-Identifier: Apache-2.0
# Cortex-M33 with Debian's gcc-arm-none-eabi.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
# -fcallgraph-info: frames and calls for the stack's depth (tools/size_table.py).
set(pedigree_flags
    "-mcpu=cortex-m33+nofp -mthumb -Os -ffreestanding -ffunction-sections -fdata-sections -fcallgraph-info=su")
set(CMAKE_C_FLAGS_INIT "${pedigree_flags}")
# -fno-inline-small-functions: what the compiler takes for too small to be called is larger inlined, in code full of checks.
set(CMAKE_CXX_FLAGS_INIT
    "${pedigree_flags} -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-inline-small-functions")
