/* cli/human.h: numbers as people read them. Each returns `buffer`, for use in printf. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { CLI_HUMAN_SIZE = 40 };
typedef char CliHuman[CLI_HUMAN_SIZE];

const char *cli_human_bytes(CliHuman buffer, double bytes);     /* "1.4 GiB" */
const char *cli_human_count(CliHuman buffer, double count);     /* "13.1 M" */
const char *cli_human_digits(CliHuman buffer, uint64_t number); /* "392,586" */
const char *cli_human_seconds(CliHuman buffer, double seconds); /* "2.21 s", "3m05s" */
