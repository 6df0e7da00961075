#include "results.h"

struct number {
  const char *key;
  uint64_t value;
};

/* An object of `count` numbers; NULL with a pending exception. */
static napi_value to_object(napi_env env, const struct number *numbers, size_t count) {
  napi_value object, value;
  if (napi_create_object(env, &object) != napi_ok) return NULL;
  for (size_t i = 0; i < count; i++) {
    if (napi_create_int64(env, (int64_t)numbers[i].value, &value) != napi_ok ||
        napi_set_named_property(env, object, numbers[i].key, value) != napi_ok) {
      return NULL;
    }
  }
  return object;
}

#define TO_OBJECT(env, numbers) to_object(env, numbers, sizeof numbers / sizeof numbers[0])

napi_value result_handle(napi_env env, const struct call *call) { return handle_to_object(env, call->handle); }

napi_value result_yes(napi_env env, const struct call *call) {
  napi_value value;
  return napi_get_boolean(env, call->out.yes, &value) == napi_ok ? value : NULL;
}

napi_value result_match(napi_env env, const struct call *call) {
  napi_value value;
  return napi_create_uint32(env, call->out.match, &value) == napi_ok ? value : NULL;
}

napi_value result_identity(napi_env env, const struct call *call) {
  static const char *const KINDS[] = {
      [DEVICE_CHAR] = "char", [DEVICE_BLOCK] = "block", [DEVICE_FILE] = "file", [DEVICE_OTHER] = "other"};
  const struct device_identity *found = &call->out.identity;
  const struct number numbers[] = {{"major", found->major}, {"minor", found->minor}, {"size", found->size}};
  napi_value kind, object = TO_OBJECT(env, numbers);
  if (object == NULL || napi_create_string_utf8(env, KINDS[found->kind], NAPI_AUTO_LENGTH, &kind) != napi_ok ||
      napi_set_named_property(env, object, "kind", kind) != napi_ok) {
    return NULL;
  }
  return object;
}

napi_value result_mtd_info(napi_env env, const struct call *call) {
  const struct mtd_info_user *info = &call->out.mtd;
  const struct number numbers[] = {
      {"type", info->type},           {"flags", info->flags},         {"size", info->size},
      {"eraseSize", info->erasesize}, {"writeSize", info->writesize}, {"oobSize", info->oobsize},
  };
  return TO_OBJECT(env, numbers);
}

napi_value result_ecc_stats(napi_env env, const struct call *call) {
  const struct mtd_ecc_stats *stats = &call->out.ecc;
  const struct number numbers[] = {
      {"corrected", stats->corrected}, {"failed", stats->failed}, {"bad", stats->badblocks}, {"bbt", stats->bbtblocks}};
  return TO_OBJECT(env, numbers);
}

napi_value result_block_info(napi_env env, const struct call *call) {
  const struct block_info *info = &call->out.block;
  const struct number numbers[] = {
      {"size", info->size}, {"logicalBlock", info->logical_block}, {"physicalBlock", info->physical_block}};
  napi_value read_only, object = TO_OBJECT(env, numbers);
  if (object == NULL || napi_get_boolean(env, info->read_only, &read_only) != napi_ok ||
      napi_set_named_property(env, object, "readOnly", read_only) != napi_ok) {
    return NULL;
  }
  return object;
}
