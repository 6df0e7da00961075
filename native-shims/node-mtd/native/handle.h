/*
 * An open descriptor, as JavaScript holds it. All fields but `fd` and `window` are touched on the JavaScript thread
 * alone; those two by the one call that runs. That is why there is no mutex: a call is started only while no other
 * one runs, and the pool's queue orders what one thread wrote before what the next one reads.
 */
#ifndef NODE_MTD_HANDLE_H
#define NODE_MTD_HANDLE_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>

struct call;

enum handle_state { HANDLE_OPEN, HANDLE_CLOSING, HANDLE_CLOSED };

struct handle {
  int fd;
  enum handle_state state;
  bool busy;
  unsigned references;   /* the JavaScript object, and each call that runs */
  struct call *closers;  /* closes that wait */
  uint8_t *window;       /* what `compare` reads into; made when first wanted */
};

/* A handle with one reference; NULL without memory. */
struct handle *handle_new(int fd);
/* Gives a reference back; with the last one a descriptor that is still open is closed. */
void handle_release(struct handle *handle);
/* The object for JavaScript, which takes over one reference. NULL with a pending exception. */
napi_value handle_to_object(napi_env env, struct handle *handle);
/* The handle in an object; NULL when it is none of ours. */
struct handle *handle_of_object(napi_env env, napi_value object);

#endif
