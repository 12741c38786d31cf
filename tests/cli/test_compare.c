/* What a comparison consists of: words, variants, nets of equal cost. Nothing is trained.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/compare_plan.h"
#include "cli/compare_words.h"

static char file[64];

static void make_file(void)
{
    strcpy(file, "/tmp/apical-compare-XXXXXX");
    const int descriptor = mkstemp(file);
    cr_assert_geq(descriptor, 0);
    close(descriptor);
}

static void remove_file(void)
{
    cr_assert_eq(unlink(file), 0);
}

TestSuite(compare, .init = make_file, .fini = remove_file);

static const char moons[] = "data: {path: \"builtin:moons,samples=64\"}\n"
                            "model: {name: mlp, hidden: \"40\"}\n"
                            "train: {batch: 16, seed: 5}\n";

static void write_file(const char *head, const char *tail)
{
    FILE *const to = fopen(file, "w");
    cr_assert_not_null(to);
    fprintf(to, "%s%s", head, tail);
    cr_assert_eq(fclose(to), 0);
}

static SimStatus plan(const char *const *settings, size_t n, const char *vary,
                      CliCompare *out)
{
    return cli_compare_plan(file, settings, n, &vary, vary ? 1 : 0, NULL, NULL, out);
}

static bool is_warned(const CliCompare *compare, const char *part)
{
    for (size_t i = 0; i < compare->n_warnings; i++)
        if (strstr(compare->warnings[i], part))
            return true;
    return false;
}

/* --- words -------------------------------------------------------------------------- */

Test(compare, commas_in_brackets_and_quotes_separate_nothing)
{
    static const char *const wanted[] = {"a b", "builtin:xor,noise=0.1", "[1,2]", "c"};
    char **words = NULL;
    size_t n = 0;
    cr_assert_eq(
        cli_compare_split("x", " a b,\"builtin:xor,noise=0.1\" ,[1,2],c", &words, &n),
        SIM_OK);
    cr_assert_eq(n, 4u);
    for (size_t i = 0; i < n; i++)
        cr_expect_str_eq(words[i], wanted[i]);
    cli_words_free(words, n);
    cr_expect_eq(cli_compare_split("x", "a,,b", &words, &n), SIM_ERR_VALUE);
    cr_expect_eq(cli_compare_split("x", "", &words, &n), SIM_ERR_VALUE);
    cr_expect_eq(cli_compare_split("x", "a,b,a", &words, &n), SIM_ERR_VALUE);
    cr_expect_not_null(strstr(sim_message(), "twice"));
}

static void expect_neuron(const char *word, const char *const *wanted)
{
    NeuronSpec base = neuron_spec_default();
    char *settings[CLI_COMPARE_PARTS];
    size_t n = 0, i = 0;
    cr_assert_eq(neuron_spec_set(&base, "dendrite", "tanh"), SIM_OK);
    cr_assert_eq(cli_compare_neuron("x", word, &base, settings, &n), SIM_OK, "%s",
                 sim_message());
    for (; i < n && wanted[i]; i++)
        cr_expect_str_eq(settings[i], wanted[i], "%s: %s", word, settings[i]);
    cr_expect(i == n && !wanted[i], "%s: %zu settings", word, n);
    for (i = 0; i < n; i++)
        free(settings[i]);
}

/* The base is lif behind tanh. */
Test(compare, a_neuron_is_a_word)
{
    expect_neuron("sigmoid", (const char *[]){"neuron.dendrite=sigmoid", NULL});
    expect_neuron("tanh", (const char *[]){NULL});
    expect_neuron("lif", (const char *[]){"neuron.dendrite=identity", NULL});
    expect_neuron("plif",
                  (const char *[]){"neuron.soma=plif", "neuron.dendrite=identity", NULL});
    expect_neuron("plif+tanh+tau=4",
                  (const char *[]){"neuron.soma=plif", "neuron.tau=4", NULL});
    expect_neuron("relu+ada", (const char *[]){"neuron.dendrite=relu+ada", NULL});
    expect_neuron("lif+p:and_ail/or_ail",
                  (const char *[]){"neuron.dendrite=p:and_ail/or_ail", NULL});
    NeuronSpec base = neuron_spec_default();
    char *settings[CLI_COMPARE_PARTS];
    size_t n = 0;
    cr_expect_eq(cli_compare_neuron("x", "sigmiod", &base, settings, &n), SIM_ERR_VALUE);
    cr_expect_not_null(strstr(sim_message(), "did you mean \"sigmoid\"?"), "%s",
                       sim_message());
    cr_expect_eq(cli_compare_neuron("x", "lif+plif", &base, settings, &n), SIM_ERR_VALUE);
    for (size_t i = 0; i < n; i++)
        free(settings[i]);
}

/* --- variants ----------------------------------------------------------------------- */

Test(compare, every_combination_and_its_baseline)
{
    CliCompare compare = {0};
    write_file(moons, "compare: {neuron: \"relu, tanh, lif\", train.lr: \"0.1,0.01\", "
                      "seeds: 4}\n");
    cr_assert_eq(plan(NULL, 0, NULL, &compare), SIM_OK, "%s", sim_message());
    cr_assert_eq(compare.n_variants, 6u);
    cr_expect_eq(compare.n_groups, 2u);
    cr_expect_eq(cli_compare_runs(&compare), 24u);
    cr_expect_str_eq(compare.group_names[1], "train.lr 0.01");
    cr_expect_eq(compare.variants[4].baseline, 3u);
    cr_expect_str_eq(compare.variants[4].name, "tanh");
    cr_expect_eq(compare.variants[4].experiment.optimiser.lr, 0.01);
    cr_expect(compare.is_plane);
    char path[1024];
    cr_assert_eq(cli_compare_run_path(&compare, "f", 4, 2, path), SIM_OK);
    cr_expect_str_eq(path, "f/05-tanh-0.01/seed7");

    /* The text says the same again. */
    char *const text = strdup(compare.text);
    cli_compare_destroy(&compare);
    write_file(text, "");
    cr_assert_eq(plan(NULL, 0, NULL, &compare), SIM_OK, "%s", sim_message());
    cr_expect_str_eq(compare.text, text);
    cli_compare_destroy(&compare);
    free(text);
}

Test(compare, the_command_line_replaces_the_file)
{
    CliCompare compare = {0};
    static const char *const settings[] = {"compare.seeds=2", "train.batch=8"};
    write_file(moons, "compare: {neuron: \"relu, tanh\"}\n");
    cr_assert_eq(plan(settings, 2, "neuron=identity,tanh,relu", &compare), SIM_OK, "%s",
                 sim_message());
    cr_expect_eq(cli_compare_runs(&compare), 6u);
    cr_expect_str_eq(compare.variants[0].name, "identity");
    cr_expect_eq(compare.variants[0].experiment.train.batch, 8);
    cli_compare_destroy(&compare);
}

Test(compare, equal_weights_are_equal_and_others_told)
{
    CliCompare compare = {0};
    write_file(moons, "");
    cr_assert_eq(plan(NULL, 0, "neuron=relu,tanh,lif", &compare), SIM_OK, "%s",
                 sim_message());
    cr_expect_eq(compare.n_warnings, 0u, "%s",
                 compare.warnings ? compare.warnings[0] : "");
    cli_compare_destroy(&compare);
    cr_assert_eq(plan(NULL, 0, "model.hidden=40,80", &compare), SIM_OK);
    cr_expect(is_warned(&compare, "other initial weights"));
    cr_expect(is_warned(&compare, "parameters"));
    cli_compare_destroy(&compare);
    cr_assert_eq(plan(NULL, 0, "data.path=builtin:moons,builtin:xor", &compare), SIM_OK);
    cr_expect(is_warned(&compare, "other samples"));
    cli_compare_destroy(&compare);
    cr_assert_eq(plan(NULL, 0, "train.batch=16,32", &compare), SIM_OK);
    cr_expect(is_warned(&compare, "other batches"));
    cli_compare_destroy(&compare);
}

/* 2 x 40 + 40 + 40 x 2 + 2 = 202 parameters; two layers of h have h^2 + 7 h ... */
Test(compare, widths_follow_the_cost_of_the_baseline)
{
    static const char *const matches[] = {"compare.match=params", "compare.match=ops"};
    CliCompare compare = {0};
    write_file(moons, "");
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(plan(&matches[i], 1, "model.hidden=40,\"30,30\",\"5,5\"", &compare),
                     SIM_OK, "%s", sim_message());
        for (size_t v = 1; v < 3; v++) {
            const CliCompareVariant *const variant = &compare.variants[v];
            const double share =
                i == 0 ? variant->parameters / compare.variants[0].parameters
                       : variant->operations / compare.variants[0].operations;
            cr_expect(fabs(share - 1.0) < 0.1, "%s: %g", variant->name, share);
            cr_expect((variant->factor < 1.0) == (v == 1));
        }
        cr_expect_eq(compare.variants[0].parameters, 202.0);
        cr_expect_eq(compare.variants[0].operations, 160.0);
        cr_expect(is_warned(&compare, "widths times"));
        cli_compare_destroy(&compare);
    }
}

Test(compare, what_is_wrong_is_told)
{
    static const struct {
        const char *section, *vary, *told;
    } cases[] = {
        {"", NULL, "nothing to compare"},
        {"", "neuron", "wanted key=value"},
        {"", "nueron=lif,plif", "did you mean \"neuron\"?"},
        {"", "train.lrr=1,2", "did you mean \"lr\"?"},
        {"", "train.seed=1,2", "--seeds"},
        {"", "neuron=lif,plfi", "did you mean \"plif\"?"},
        {"", "train.lr=fast,slow", "lr"},
        {"compare: {seeds: 0}\n", "neuron=relu,tanh", "seeds"},
        {"compare: {sedes: 3}\n", NULL, "did you mean \"seeds\"?"},
        {"compare: {match: parms}\n", "neuron=relu,tanh", "params"},
        {"compare: [1]\n", "neuron=relu,tanh", "compare"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CliCompare compare = {0};
        write_file(moons, cases[i].section);
        cr_expect_neq(plan(NULL, 0, cases[i].vary, &compare), SIM_OK, "case %zu", i);
        cr_expect_not_null(strstr(sim_message(), cases[i].told), "case %zu: %s", i,
                           sim_message());
        cr_expect_null(compare.variants);
    }
}
