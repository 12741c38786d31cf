/* MD5 against the test suite of RFC 1321, and around the ends of blocks. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/digest.h"

static void check(const char *text, const char *expected)
{
    char path[] = "/tmp/apical-md5-XXXXXX", hex[SIM_HASH_TEXT];
    const int file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    cr_expect_eq(cli_digest_file(SIM_MD5, path, hex), SIM_OK);
    cr_expect_str_eq(hex, expected);
    unlink(path);
}

Test(digest, rfc_1321)
{
    check("", "d41d8cd98f00b204e9800998ecf8427e");
    check("abc", "900150983cd24fb0d6963f7d28e17f72");
    check("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
          "d174ab98d277d9f5a5611c2c9f419d9f");
    check(
        "1234567890123456789012345678901234567890123456789012345678901234567890123456789"
        "0",
        "57edf4a22be3c955ac49da2e2107b67a");
}

Test(digest, a_missing_file_is_named)
{
    char hex[SIM_HASH_TEXT];
    cr_assert_eq(cli_digest_file(SIM_MD5, "/nowhere/at-all.zip", hex), SIM_ERR_IO);
    cr_assert_not_null(strstr(sim_message(), "at-all.zip"));
}
