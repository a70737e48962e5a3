# SPDX-License-Identifier: Apache-2.0
# The module's sources against stand-ins for Zephyr's headers: its SMP group and its TLS credentials, on a simulated
# device; and the module's own description, Kconfig and CMake, compiled for the target.
include(${CMAKE_CURRENT_LIST_DIR}/sources.cmake)
set(glue ${pedigree_mgmt_sources} ${pedigree_tls_sources})
list(FILTER glue INCLUDE REGEX "^device/ports/zephyr/")
list(TRANSFORM glue PREPEND "${CMAKE_SOURCE_DIR}/")
pedigree_core_library(pedigree_zephyr_under_test SOURCES ${glue}
                      LINK pedigree_device_server pedigree_device_slot pedigree_device_psa_key)
target_include_directories(pedigree_zephyr_under_test PUBLIC ${CMAKE_CURRENT_LIST_DIR}/include ${CMAKE_CURRENT_LIST_DIR}/stub_headers)
target_compile_definitions(pedigree_zephyr_under_test PUBLIC PEDIGREE_STUB_HANDLE
  CONFIG_MCUMGR_MGMT_CUSTOM_PAYLOAD=1 CONFIG_MCUMGR_TRANSPORT_NETBUF_SIZE=1024 CONFIG_PEDIGREE_SMP_GROUP=80
  CONFIG_PEDIGREE_TLS_CHAIN_SIZE=2048 CONFIG_PEDIGREE_TLS_MAX_CERTIFICATES=3 CONFIG_PEDIGREE_TLS_PSA_KEY=1)
pedigree_test(zephyr_mgmt_test SOURCES mgmt_test.cc
              LINK pedigree_zephyr_under_test pedigree_device_test_unit pedigree_station_flow)
pedigree_test(zephyr_tls_credentials_test SOURCES tls_credentials_test.cc
              LINK pedigree_zephyr_under_test pedigree_device_test_unit)
if(NOT PEDIGREE_FIRMWARE AND NOT PEDIGREE_FUZZ)
  add_test(NAME zephyr_module_test COMMAND /usr/bin/python3 device/ports/zephyr/module_test.py ${CMAKE_CURRENT_BINARY_DIR}/module
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(zephyr_module_test PROPERTIES TIMEOUT 600)
endif()
