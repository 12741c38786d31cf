/* The list of functions, as text and as pictures. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/activations_plot.h"
#include "tests/support.h"

static const char *folder;
static char output[1 << 16];

static void make_folder(void)
{
    folder = test_folder();
}

TestSuite(activations, .init = make_folder, .fini = test_folder_remove);

static int apical(const char *arguments)
{
    char command[512];
    const char *root = getenv("APICAL_BUILD_ROOT");
    if (!root)
        cr_skip_test("APICAL_BUILD_ROOT is not set");
    snprintf(command, sizeof command, "'%s/cli/apical' activations %s 2>&1", root,
             arguments);
    FILE *const pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(activations, all_are_listed)
{
    cr_assert_eq(apical(""), 0, "%s", output);
    for (size_t i = 0; neuron_dendrites[i]; i++) {
        char line[96];
        snprintf(line, sizeof line, "\n%s ", neuron_dendrites[i]->name);
        cr_expect_not_null(strstr(output, line), "%s is missing",
                           neuron_dendrites[i]->name);
    }
}

Test(activations, one_is_explained_with_values)
{
    cr_assert_eq(apical("ada+alpha=3"), 0, "%s", output);
    cr_expect_not_null(strstr(output, "max(0, x) exp(-alpha x + c)"), "%s", output);
    cr_expect_not_null(strstr(output, "0.0497871"), "e^-3 at 1: %s", output);
}

Test(activations, what_is_wrong_is_told)
{
    cr_expect_eq(apical("leaky_rleu"), 1);
    cr_expect_not_null(strstr(output, "did you mean \"leaky_relu\"?"), "%s", output);
    cr_expect_eq(apical("ada+beta=3"), 1);
    cr_expect_eq(apical("ada+alpha=many"), 1);
    cr_expect_eq(apical("ada --range 3"), 2);
    cr_expect_eq(apical("ada --range 3,2"), 2);
    cr_expect_eq(apical("--plot somewhere"), 2);
}

/* Every number in the file is one, and a curve has its slope beside it. */
Test(activations, every_function_can_be_drawn)
{
    enum { MOST = 256 };
    static CliActivation functions[MOST];
    size_t n = 0, lines = 0, curves = 0;
    char path[128], line[256];
    bool drawn = false;
    for (; neuron_dendrites[n] && n < MOST; n++) {
        functions[n].function = neuron_dendrites[n];
        snprintf(functions[n].name, sizeof functions[n].name, "%s",
                 neuron_dendrites[n]->name);
        for (size_t k = 0; k < neuron_dendrites[n]->n_params; k++)
            functions[n].params[k] = neuron_dendrites[n]->params[k].initial;
        curves += neuron_dendrites[n]->n_branches == 1;
    }
    /* Without gnuplot in reach: the picture itself takes a while. */
    setenv("PATH", folder, 1);
    cr_assert_eq(cli_activations_plot(folder, functions, n, -4, 4, &drawn), SIM_OK, "%s",
                 sim_message());
    setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    cr_expect_not(drawn);
    snprintf(path, sizeof path, "%s/activations.tsv", folder);
    FILE *const from = fopen(path, "r");
    cr_assert_not_null(from);
    while (fgets(line, sizeof line, from)) {
        char *end = line;
        if (*line == '#' || *line == '\n')
            continue;
        lines++;
        while (*end && *end != '\n') {
            char *const at = end;
            cr_assert(isfinite(strtod(at, &end)) && end > at, "%s", line);
        }
    }
    fclose(from);
    cr_expect_eq(lines, 321 * curves + 61 * 61 * (n - curves));
}
