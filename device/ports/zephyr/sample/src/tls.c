/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <zephyr/kernel.h>
#include <zephyr/net/socket.h>

#include "pedigree/zephyr.h"
#include "sample.h"

enum { kFirstTag = 100 };

/* Certificates are used where they lie, the CA comes behind them. */
static int set_options(int socket, const sec_tag_t* tags, size_t count) {
  const int nocopy = TLS_CERT_NOCOPY_OPTIONAL;
  if (zsock_setsockopt(socket, SOL_TLS, TLS_CERT_NOCOPY, &nocopy, sizeof nocopy) != 0) return -errno;
  if (zsock_setsockopt(socket, SOL_TLS, TLS_SEC_TAG_LIST, tags, count * sizeof *tags) != 0) return -errno;
  if (zsock_setsockopt(socket, SOL_TLS, TLS_HOSTNAME, CONFIG_SAMPLE_TLS_HOST,
                       sizeof CONFIG_SAMPLE_TLS_HOST) != 0) {
    return -errno;
  }
  return 0;
}

static int talk(int socket, const struct zsock_addrinfo* server, const sec_tag_t* tags, size_t count) {
  static const char line[] = "pedigree\n";
  char answer[sizeof line];
  const int code = set_options(socket, tags, count);
  if (code != 0) return code;
  if (zsock_connect(socket, server->ai_addr, server->ai_addrlen) != 0) return -errno;
  if (zsock_send(socket, line, sizeof line - 1, 0) < 0) return -errno;
  return zsock_recv(socket, answer, sizeof answer, 0) > 0 ? 0 : -errno;
}

int sample_tls_connect(psa_handle_t service) {
  sec_tag_t tags[CONFIG_PEDIGREE_TLS_MAX_CERTIFICATES + 1];
  size_t count = CONFIG_PEDIGREE_TLS_MAX_CERTIFICATES;
  uint32_t slot = 0;
  int code = pedigree_find_tls_slot(service, &slot);
  if (code == 0) code = pedigree_tls_credentials_add(service, slot, kFirstTag, tags, &count);
  if (code != 0) return code;
  tags[count++] = CONFIG_SAMPLE_TLS_CA_TAG;
  const struct zsock_addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
  struct zsock_addrinfo* server = NULL;
  code =
      zsock_getaddrinfo(CONFIG_SAMPLE_TLS_HOST, CONFIG_SAMPLE_TLS_PORT, &hints, &server) == 0 ? 0 : -ENOENT;
  const int socket = code == 0 ? zsock_socket(AF_INET, SOCK_STREAM, IPPROTO_TLS_1_2) : -1;
  if (code == 0) code = socket < 0 ? -errno : talk(socket, server, tags, count);
  if (socket >= 0) (void)zsock_close(socket);
  if (server != NULL) zsock_freeaddrinfo(server);
  pedigree_tls_credentials_delete();
  return code;
}
