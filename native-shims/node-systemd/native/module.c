/*
 * send(path, text): sends one datagram to a unix socket, which Node itself cannot do. `path` is a file, or `@` and a
 * name in the abstract namespace, as in NOTIFY_SOCKET (sd_notify(3)).
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../node-mtd/napi/errors.h"

/* Bytes of a message; those of sd_notify are much shorter. */
#define TEXT_LIMIT 4096

/* Node finds these by name: see module.c of node-mtd. */
NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports);
NAPI_MODULE_EXPORT int32_t node_api_module_get_api_version_v1(void);

/* Copies a string argument with its NUL into `size` bytes; `length` is without the NUL. False if it does not fit. */
static bool string_of(napi_env env, napi_value value, char *into, size_t size, size_t *length) {
  napi_valuetype type;
  size_t needed;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_string &&
         napi_get_value_string_utf8(env, value, NULL, 0, &needed) == napi_ok && needed < size &&
         napi_get_value_string_utf8(env, value, into, size, length) == napi_ok;
}

static napi_value fail(napi_env env, const char *syscall, int error, const char *path) {
  napi_value object = system_error(env, sys_failure(syscall, error), path);
  if (object != NULL) napi_throw(env, object);
  return NULL;
}

static napi_value send_datagram(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  size_t argc = 2, path_length, text_length;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  /* One byte more than the address has: there the path of a file needs its NUL, and an abstract name does not. */
  char path[sizeof address.sun_path + 1];
  char text[TEXT_LIMIT + 1];
  socklen_t address_length;
  ssize_t sent;
  int fd, error;

  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  if (!string_of(env, argv[0], path, sizeof path, &path_length) || path_length < 2 ||
      memchr(path, '\0', path_length) != NULL || (path[0] != '/' && path[0] != '@') ||
      (path[0] == '/' && path_length >= sizeof address.sun_path)) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE",
                          "argument 1 must be an absolute path, or @ and a name, of at most 107 bytes");
    return NULL;
  }
  if (!string_of(env, argv[1], text, sizeof text, &text_length)) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "argument 2 must be a text of at most 4096 bytes");
    return NULL;
  }
  memcpy(address.sun_path, path, path_length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  /* The length ends an abstract name: a NUL after it would be part of the name. */
  address_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_length + (path[0] == '/' ? 1 : 0));

  fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(env, "socket", errno, path);
  do {
    /* Must not wait: this is the thread of the event loop. EAGAIN if the queue of the receiver is full. */
    sent = sendto(fd, text, text_length, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, address_length);
  } while (sent < 0 && errno == EINTR);
  error = errno;
  close(fd);
  return sent < 0 ? fail(env, "sendto", error, path) : NULL;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  static const napi_property_descriptor SEND = {"send", NULL, send_datagram, NULL, NULL, NULL, napi_enumerable, NULL};
  if (napi_define_properties(env, exports, 1, &SEND) != napi_ok) return NULL;
  return exports;
}

int32_t node_api_module_get_api_version_v1(void) { return NAPI_VERSION; }
