/* cli/digest.h: MD5 (RFC 1321) of a file, as published beside old data sets. Good against
 * broken downloads only; SHA-256 lives in datasets/. */
#pragma once

#include "sim/status.h"

SimStatus cli_md5_file(const char *path, char hex[33]);
