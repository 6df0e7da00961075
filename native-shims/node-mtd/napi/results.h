/* JavaScript values for the results of kernel calls, as binding.ts has them. */
#ifndef NODE_MTD_RESULTS_H
#define NODE_MTD_RESULTS_H

#include "call.h"

result_fn result_handle;
result_fn result_yes;
result_fn result_match;
result_fn result_identity;
result_fn result_mtd_info;
result_fn result_ecc_stats;
result_fn result_block_info;

#endif
