#include "handle.h"

#include <stdlib.h>

#include "../kernel/device.h"

/* Random: distinguishes a handle from every other object, those of other addons included. */
static const napi_type_tag HANDLE_TAG = {0x6b8e3d51c2f74a09ULL, 0x9d20f6a7e4b1385cULL};

struct handle *handle_new(void) {
  struct handle *handle = calloc(1, sizeof *handle);
  if (handle == NULL) return NULL;
  handle->fd = -1;
  handle->state = HANDLE_OPEN;
  handle->references = 1;
  return handle;
}

void handle_release(struct handle *handle) {
  if (--handle->references > 0) return;
  if (handle->fd >= 0) device_close(handle->fd);
  free(handle->window);
  free(handle);
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  handle_release(data);
}

napi_value handle_to_object(napi_env env, struct handle *handle) {
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok || napi_type_tag_object(env, object, &HANDLE_TAG) != napi_ok ||
      napi_object_freeze(env, object) != napi_ok ||
      napi_wrap(env, object, handle, finalize, NULL, NULL) != napi_ok) {
    handle_release(handle);
    return NULL;
  }
  return object;
}

struct handle *handle_of_object(napi_env env, napi_value object) {
  napi_valuetype type;
  bool ours = false;
  void *data = NULL;
  if (napi_typeof(env, object, &type) != napi_ok || type != napi_object) return NULL;
  if (napi_check_object_type_tag(env, object, &HANDLE_TAG, &ours) != napi_ok || !ours) return NULL;
  return napi_unwrap(env, object, &data) == napi_ok ? data : NULL;
}
