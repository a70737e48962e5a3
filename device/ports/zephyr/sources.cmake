# SPDX-License-Identifier: Apache-2.0
# What of Pedigree runs on the non-secure side of Zephyr, from the repository's root. For the module and for its tests.
set(pedigree_client_sources
  device/service/client.c
  device/client/slot.c
  device/client/certificates.c)
set(pedigree_mgmt_sources
  core/bytes/bytes.cc
  core/bytes/error.cc
  core/bytes/utf8.cc
  core/cbor/cbor.cc
  core/enrol/fields.cc
  core/enrol/image_group.cc
  core/enrol/names.cc
  core/enrol/receipt.cc
  core/enrol/slots.cc
  core/enrol/transfer.cc
  core/firmware_image/image.cc
  core/smp/smp.cc
  device/server/image_group.cc
  device/server/pedigree_group.cc
  device/server/server.cc
  device/service/update_client.c
  device/ports/zephyr/smp_answer.cc
  device/ports/zephyr/mgmt_group.c)
set(pedigree_tls_sources device/ports/zephyr/tls_credentials.c)
set(pedigree_psa_key_sources device/client/psa_key.c)
set(pedigree_wrapped psa_get_key_attributes psa_export_public_key psa_sign_hash)
