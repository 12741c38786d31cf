/* cli/digest.h: check sums of files: MD5 (RFC 1321), as published beside old data sets
 * and good against broken downloads only, and SHA-256. */
#pragma once

#include "sim/status.h"

SimStatus cli_md5_file(const char *path, char hex[33]);
SimStatus cli_sha256_file(const char *path, char hex[65]);
