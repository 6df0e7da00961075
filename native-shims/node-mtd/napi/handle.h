/*
 * An open descriptor as JavaScript holds it. There is no mutex: a call starts only while no other call runs on the
 * handle, and the queue of the thread pool orders what one thread wrote before what the next thread reads. The running
 * call uses `fd` and `window`; the JavaScript thread uses all other fields.
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
  int fd; /* -1: not open */
  enum handle_state state;
  bool busy;
  unsigned references;  /* the JavaScript object, and each call in progress */
  struct call *closers; /* calls of `close` that wait */
  uint8_t *window;      /* buffer of `compare`; allocated by its first call */
};

/** A handle without a descriptor and with one reference; NULL without memory. */
struct handle *handle_new(void);
/** Drops a reference. The last one closes the descriptor if it is still open. */
void handle_release(struct handle *handle);
/** The object for JavaScript, which takes over one reference. NULL with a pending exception. */
napi_value handle_to_object(napi_env env, struct handle *handle);
/** The handle of an object; NULL if the object is not one of this addon. */
struct handle *handle_of_object(napi_env env, napi_value object);

#endif
