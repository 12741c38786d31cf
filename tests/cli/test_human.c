/* Numbers as people read them. */
#include <criterion/criterion.h>

#include "cli/human.h"

Test(human, bytes_change_unit_before_four_digits)
{
    CliHuman text;
    cr_assert_str_eq(cli_human_bytes(text, 0), "0 B");
    cr_assert_str_eq(cli_human_bytes(text, 1023), "1023 B");
    cr_assert_str_eq(cli_human_bytes(text, 1536), "1.50 KiB");
    cr_assert_str_eq(cli_human_bytes(text, 1024.0 * 1023.9), "1.00 MiB");
    cr_assert_str_eq(cli_human_bytes(text, 3.25 * (1 << 30)), "3.25 GiB");
}

Test(human, counts)
{
    CliHuman text;
    cr_assert_str_eq(cli_human_count(text, 999), "999");
    cr_assert_str_eq(cli_human_count(text, 999999), "1.00 M");
    cr_assert_str_eq(cli_human_count(text, 13.1e6), "13.1 M");
}

Test(human, digits_in_groups)
{
    CliHuman text;
    cr_assert_str_eq(cli_human_digits(text, 0), "0");
    cr_assert_str_eq(cli_human_digits(text, 999), "999");
    cr_assert_str_eq(cli_human_digits(text, 1000), "1,000");
    cr_assert_str_eq(cli_human_digits(text, UINT64_MAX), "18,446,744,073,709,551,615");
}

Test(human, seconds)
{
    CliHuman text;
    cr_assert_str_eq(cli_human_seconds(text, 0.0412), "41.2 ms");
    cr_assert_str_eq(cli_human_seconds(text, 2.21), "2.21 s");
    cr_assert_str_eq(cli_human_seconds(text, 185), "3m05s");
    cr_assert_str_eq(cli_human_seconds(text, 7260), "2h01m");
}
