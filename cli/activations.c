/* cli/activations.c: "apical activations": every function a dendrite can have. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/activations_plot.h"
#include "cli/terminal.h"
#include "nets/layer.h"
#include "sim/option.h"

enum { MOST = 256, OPTION_RANGE = 256 };

typedef struct Arguments {
    const char *names[MOST]; /* borrowed from argv */
    size_t n;
    const char *folder;
    double low, high;
} Arguments;

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    int used = 0;
    switch (key) {
    case 'p':
        arguments->folder = text;
        return 0;
    case OPTION_RANGE:
        if (sscanf(text, "%lf,%lf%n", &arguments->low, &arguments->high, &used) != 2 ||
            text[used] || !isfinite(arguments->low) || !isfinite(arguments->high) ||
            !(arguments->low < arguments->high))
            argp_error(state,
                       "--range wants two numbers, the lower one first, as in -4,4, got "
                       "\"%s\"",
                       text);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->n == MOST)
            argp_error(state, "more than %d functions", MOST);
        arguments->names[arguments->n++] = text;
        return 0;
    case ARGP_KEY_END:
        if (arguments->folder && arguments->n == 0)
            argp_error(state, "name what is to be drawn, or \"all\"");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"plot", 'p', "FOLDER", 0, "draw the functions and their derivatives into FOLDER", 0},
    {"range", OPTION_RANGE, "LOW,HIGH", 0, "of the inputs in tables and plots (-4,4)", 0},
    {0},
};
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[NAME|NAME+PARAMETER=VALUE...|all]",
    .doc =
        "Lists the functions that a dendrite can have, with their formulas; each is a "
        "word in neuron: {dendrite: NAME}. With names: all that is known of these, and "
        "values.",
};

/* --- the list ----------------------------------------------------------------------- */

/* Text wrapped to a width, further lines under the column it began in. */
static void print_wrapped(const char *text, size_t column, size_t width)
{
    size_t at = column;
    for (const char *word = text; *word;) {
        const size_t length = strcspn(word, " ");
        if (at > column && at + length + 1 > width) {
            printf("\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            putchar(' ');
            at++;
        }
        printf("%.*s", (int)length, word);
        at += length;
        word += length;
        word += strspn(word, " ");
    }
    putchar('\n');
}

static void print_list(void)
{
    const size_t columns = cli_terminal_columns(stdout);
    const size_t width = columns < 60 ? 60 : columns;
    size_t widest = 4, n = 0;
    for (; neuron_dendrites[n]; n++) {
        const size_t length = strlen(neuron_dendrites[n]->name);
        widest = length > widest ? length : widest;
    }
    printf("%-*s  inputs  formula\n", (int)widest, "name");
    for (size_t i = 0; i < n; i++) {
        const NeuronDendrite *const d = neuron_dendrites[i];
        printf("%-*s  %6zu  ", (int)widest, d->name, d->n_branches);
        print_wrapped(d->formula, widest + 10, width);
    }
    printf("\n%zu functions. \"apical activations NAME\" says more, --plot FOLDER draws; "
           "docs/activations.md\nhas sources, and how sure each formula is.\n\n"
           "Layers, which are words for a dendrite, too:\n",
           n);
    for (size_t i = 0; neuron_layer_words[i]; i++)
        printf("%-*s  %s\n", (int)widest, neuron_layer_words[i],
               net_layer_find(neuron_layer_words[i])->summary);
}

/* --- one function ------------------------------------------------------------------- */

static const char branch_names[] = "xyzuvw";

static void print_values(const CliActivation *a, double low, double high)
{
    enum { STEPS = 8 };
    double x[NEURON_MAX_PARAMS] = {0}, d_x[NEURON_MAX_PARAMS], y;
    const NeuronDendrite *const d = a->function;
    printf("%10c %12s", branch_names[0], "f");
    for (size_t b = 0; b < d->n_branches; b++)
        printf(d->n_branches == 1 ? "%11s%c" : "%11s/d%c", "df",
               d->n_branches == 1 ? '\'' : branch_names[b]);
    printf("%s\n", d->n_branches > 1 ? "   (the other inputs 1)" : "");
    for (size_t b = 1; b < d->n_branches; b++)
        x[b] = 1.0;
    for (int i = 0; i <= STEPS; i++) {
        x[0] = low + (high - low) * i / STEPS;
        neuron_activation_reference(d, x, a->params, &y, d_x, NULL);
        printf("%10.4g %12.6g", x[0], y);
        for (size_t b = 0; b < d->n_branches; b++)
            printf(" %11.6g", d_x[b]);
        putchar('\n');
    }
}

static void print_one(const CliActivation *a, double low, double high)
{
    const NeuronDendrite *const d = a->function;
    printf("%s: %s\n    f = %s\n    source: %s; formula: %s\n", a->name, d->summary,
           d->formula, d->source, d->certainty);
    for (size_t i = 0; i < d->n_params; i++)
        printf("    %-8s %10.4g  from %g to %g, %s; %s\n", d->params[i].name,
               a->params[i], d->params[i].low, d->params[i].high,
               d->params[i].trained ? "learned" : "fixed", d->params[i].help);
    print_values(a, low, high);
    putchar('\n');
}

/* --- names -------------------------------------------------------------------------- */

static SimStatus unknown(const char *name)
{
    const char *names[MOST + 1];
    size_t n = 0;
    const NetLayer *const layer = net_layer_find(name);
    if (layer && (neuron_is_layer_word(name) || neuron_layer_word_check(name) != SIM_OK))
        return sim_fail(
            SIM_ERR_UNSUPPORTED,
            "%s looks at more than one unit (%s): it is a layer, which has no "
            "curve of its own; docs/activations.md",
            name, layer->summary);
    for (; neuron_dendrites[n] && n < MOST; n++)
        names[n] = neuron_dendrites[n]->name;
    names[n] = NULL;
    return sim_unknown(name, names, "\"apical activations\" lists them",
                       "no function is called");
}

/* "ada+alpha=3" */
static SimStatus find(const char *text, CliActivation *out)
{
    SimStatus status = SIM_OK;
    CliActivation a = {0};
    NeuronSpec spec = neuron_spec_default();
    char *save = NULL, *const copy = strdup(text);
    if (!copy)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a name");
    const char *const name = strtok_r(copy, "+", &save);
    a.function = name ? neuron_dendrite_find(name) : NULL;
    if (!a.function) {
        status = unknown(name ? name : "");
        goto out;
    }
    neuron_spec_set_dendrite(&spec, a.function);
    for (char *key; (key = strtok_r(NULL, "+", &save));) {
        char *const equal = strchr(key, '=');
        bool known = false;
        if (equal)
            *equal = '\0';
        for (size_t i = 0; i < a.function->n_params; i++)
            known |= strcmp(a.function->params[i].name, key) == 0;
        if (!equal || !known) {
            status =
                sim_fail(SIM_ERR_VALUE,
                         "%s: wanted PARAMETER=VALUE of %s behind the name, got \"%s\"",
                         text, a.function->name, key);
            goto out;
        }
        SIM_TRY(neuron_spec_set(&spec, key, equal + 1));
    }
    memcpy(a.params, spec.dendrite_values, sizeof a.params);
    snprintf(a.name, sizeof a.name, "%s", text);
    *out = a;
out:
    free(copy);
    return status;
}

static SimStatus find_all(const Arguments *arguments, CliActivation *out, size_t *n)
{
    SimStatus status = SIM_OK;
    *n = 0;
    for (size_t i = 0; i < arguments->n; i++) {
        const bool all = strcmp(arguments->names[i], "all") == 0;
        for (size_t k = 0; all && neuron_dendrites[k] && *n < MOST; k++)
            SIM_TRY(find(neuron_dendrites[k]->name, &out[(*n)++]));
        if (!all && *n < MOST)
            SIM_TRY(find(arguments->names[i], &out[(*n)++]));
    }
out:
    return status;
}

static int run(int argc, char **argv)
{
    Arguments arguments = {.low = -4.0, .high = 4.0};
    SimStatus status = SIM_OK;
    size_t n = 0;
    bool drawn = false;
    CliActivation *functions = NULL;
    cli_parse(&argp, argc, argv, &arguments);
    if (arguments.n == 0) {
        print_list();
        return CLI_OK;
    }
    functions = calloc(MOST, sizeof *functions);
    if (!functions) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for functions");
        goto out;
    }
    SIM_TRY(find_all(&arguments, functions, &n));
    for (size_t i = 0; i < n && !arguments.folder; i++)
        print_one(&functions[i], arguments.low, arguments.high);
    if (arguments.folder) {
        SIM_TRY(cli_activations_plot(arguments.folder, functions, n, arguments.low,
                                     arguments.high, &drawn));
        printf("plots      %s/activations*%s\n", arguments.folder,
               drawn ? ""
                     : " (data and .gp files only: install gnuplot-nox to draw them)");
    }
out:
    free(functions);
    return status == SIM_OK ? CLI_OK : cli_failed("apical activations");
}

const CliCommand cli_command_activations = {
    .name = "activations",
    .arguments = "[NAME...]",
    .summary = "every function of a dendrite: formulas, values, plots",
    .run = run,
};
