/* cli/digest.h: digests of files. */
#pragma once

#include "sim/hash.h"
#include "sim/status.h"

SimStatus cli_digest_file(SimHashKind kind, const char *path, char hex[SIM_HASH_TEXT]);
