#include "linux-features.h"

#include "retry.h"

#include <sys/ioctl.h>

struct sys_result retry_ioctl(int fd, const char *name, unsigned long request, void *argument, bool *yes) {
  int got;
  RETRY(got, ioctl(fd, request, argument));
  if (got < 0) return sys_failure(name, errno);
  if (yes != NULL) *yes = got > 0;
  return sys_success();
}
