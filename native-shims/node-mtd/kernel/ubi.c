#include "linux-features.h"

#include "ubi.h"

#include <linux/ioctl.h>
#include <mtd/ubi-user.h>
#include <string.h>

#include "io.h"
#include "retry.h"

/* Kernels before 3.7 refuse a data type other than 1 to 3, and 3 was "unknown". Newer ones ignore the field. */
#define DATA_TYPE_UNKNOWN 3

struct sys_result ubi_start_update(int fd, uint64_t length) {
  int64_t bytes = (int64_t)length;
  return retry_ioctl(fd, "UBI_IOCVOLUP", UBI_IOCVOLUP, &bytes, NULL);
}

struct sys_result ubi_change_leb(int fd, int32_t leb, const uint8_t *bytes, size_t length) {
  /* The kernel copies all 16 bytes of the request, although the number of the ioctl says 4. */
  struct ubi_leb_change_req request;
  if (length > INT32_MAX) return sys_failure("UBI_IOCEBCH", EOVERFLOW);
  memset(&request, 0, sizeof request);
  request.lnum = leb;
  request.bytes = (int32_t)length;
  request.dtype = DATA_TYPE_UNKNOWN;
  struct sys_result result = retry_ioctl(fd, "UBI_IOCEBCH", UBI_IOCEBCH, &request, NULL);
  return result.error == 0 ? device_append(fd, bytes, length) : result;
}

struct sys_result ubi_erase_leb(int fd, int32_t leb) {
  return retry_ioctl(fd, "UBI_IOCEBER", UBI_IOCEBER, &leb, NULL);
}

struct sys_result ubi_unmap_leb(int fd, int32_t leb) {
  return retry_ioctl(fd, "UBI_IOCEBUNMAP", UBI_IOCEBUNMAP, &leb, NULL);
}

struct sys_result ubi_is_mapped(int fd, int32_t leb, bool *mapped) {
  return retry_ioctl(fd, "UBI_IOCEBISMAP", UBI_IOCEBISMAP, &leb, mapped);
}

struct sys_result ubi_set_direct_write(int fd, bool allowed) {
  struct ubi_set_vol_prop_req request;
  memset(&request, 0, sizeof request);
  request.property = UBI_VOL_PROP_DIRECT_WRITE;
  request.value = allowed ? 1 : 0;
  return retry_ioctl(fd, "UBI_IOCSETVOLPROP", UBI_IOCSETVOLPROP, &request, NULL);
}
