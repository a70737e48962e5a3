/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for Zephyr's header: what the sample uses of sockets. */
#ifndef ZEPHYR_INCLUDE_NET_SOCKET_H_
#define ZEPHYR_INCLUDE_NET_SOCKET_H_

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <zephyr/net/tls_credentials.h>

#define AF_INET 1
#define SOCK_STREAM 1
#define IPPROTO_TLS_1_2 258
#define SOL_TLS 282
#define TLS_SEC_TAG_LIST 1
#define TLS_HOSTNAME 2
#define TLS_CERT_NOCOPY 10
#define TLS_CERT_NOCOPY_OPTIONAL 1

typedef uint16_t sa_family_t;
typedef size_t socklen_t;
struct sockaddr {
  sa_family_t sa_family;
  char data[24];
};
struct zsock_addrinfo {
  int ai_family;
  int ai_socktype;
  int ai_protocol;
  socklen_t ai_addrlen;
  struct sockaddr* ai_addr;
};
int zsock_getaddrinfo(const char* host, const char* service, const struct zsock_addrinfo* hints,
                      struct zsock_addrinfo** result);
void zsock_freeaddrinfo(struct zsock_addrinfo* list);
int zsock_socket(int family, int type, int protocol);
int zsock_setsockopt(int socket, int level, int option, const void* value, socklen_t size);
int zsock_connect(int socket, const struct sockaddr* address, socklen_t size);
ssize_t zsock_send(int socket, const void* data, size_t size, int flags);
ssize_t zsock_recv(int socket, void* data, size_t size, int flags);
int zsock_close(int socket);

#endif
