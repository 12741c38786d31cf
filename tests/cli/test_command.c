/* Commands are found by name; a wrong use ends with 2 and one sentence. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static int given;

static int run(int argc, char **argv)
{
    given = argc;
    cr_expect_str_eq(argv[0], "apical paint");
    return 7;
}

static const CliCommand paint = {"paint", "WALL", "paints", run};
static const CliCommand *const commands[] = {&paint, NULL};

static int dispatch(const char *word, const char *more)
{
    char first[] = "apical", second[32], third[32];
    snprintf(second, sizeof second, "%s", word);
    snprintf(third, sizeof third, "%s", more);
    char *argv[] = {first, second, third, NULL};
    return cli_dispatch("apical", "about", commands, 3, argv);
}

Test(command, arguments_and_exit_code_pass_through)
{
    cr_assert_eq(dispatch("paint", "red"), 7);
    cr_assert_eq(given, 2);
}

Test(command, a_misspelt_name_gets_the_nearest, .init = cr_redirect_stderr)
{
    cr_assert_eq(dispatch("piant", ""), CLI_USAGE);
    fflush(stderr);
    cr_assert_stderr_eq_str("apical: unknown command \"piant\": did you mean \"paint\"?\n");
}

Test(command, help_lists_all, .init = cr_redirect_stdout)
{
    cr_assert_eq(dispatch("--help", ""), CLI_OK);
    fflush(stdout);
    char text[512] = {0};
    FILE *const out = cr_get_redirected_stdout();
    cr_assert_gt(fread(text, 1, sizeof text - 1, out), 0);
    cr_assert_not_null(strstr(text, "apical paint WALL"));
}
