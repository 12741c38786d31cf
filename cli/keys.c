/* cli/keys.c: "apical keys": every key of an experiment, from the rows that read it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/compare_plan.h"
#include "cli/experiment.h"

enum { MAX_TABLES = 64, NAME = 64 };

/* The keys that one struct has, and where they stand in an experiment. */
typedef struct Table {
    const char *section, *about;
    char name[NAME]; /* "train", "model: sresnet" */
    const SimOption *rows;
    size_t size; /* of the struct */
} Table;

typedef struct Arguments {
    const char *words[MAX_TABLES];
    size_t n;
    bool markdown;
} Arguments;

static const Table fixed[] = {
    {"data", "where the set is, how it is cut into frames and split", "data",
     data_options, sizeof(DataOptions)},
    {"train", "the course of a training", "train", cli_train_options,
     sizeof(CliTrainOptions)},
    {"train", "its loss", "train, loss", net_loss_options, sizeof(NetLossOptions)},
    {"train", "its optimiser", "train, optimiser", net_optimiser_options,
     sizeof(NetOptimiserOptions)},
    {"compare", "for apical compare, beside what is varied", "compare",
     cli_compare_options, sizeof(CliCompareOptions)},
};

static size_t list_tables(Table tables[MAX_TABLES])
{
    const size_t n_fixed = sizeof fixed / sizeof *fixed;
    size_t n = n_fixed;
    memcpy(tables, fixed, sizeof fixed);
    for (const NetModel *const *at = net_models; *at && n < MAX_TABLES; at++) {
        tables[n] =
            (Table){"model", (*at)->summary, "", (*at)->options, (*at)->options_size};
        snprintf(tables[n++].name, NAME, "model, name: %s", (*at)->name);
    }
    return n;
}

/* "resnet" of "model, name: sresnet" is not meant, "sresnet" is. */
static bool is_named(const Table *table, const char *word)
{
    const char *const colon = strrchr(table->name, ' ');
    return strcmp(word, table->section) == 0 || strcmp(word, table->name) == 0 ||
           (colon && strcmp(word, colon + 1) == 0);
}

static bool is_wanted(const Arguments *arguments, const Table *table, const char *key)
{
    char whole[NAME + NAME];
    snprintf(whole, sizeof whole, "%s.%s", table->section, key);
    for (size_t i = 0; i < arguments->n; i++)
        if (is_named(table, arguments->words[i]) ||
            strcmp(arguments->words[i], key) == 0 ||
            strcmp(arguments->words[i], whole) == 0)
            return true;
    return arguments->n == 0;
}

/* "1 to 1e+06", "number, time, duration" */
static void print_values(const SimOption *row)
{
    switch (row->type) {
    case SIM_OPTION_INT:
        printf("%.0f to %.0f", row->low, row->high);
        break;
    case SIM_OPTION_FLOAT:
        printf("%g to %g", row->low, row->high);
        break;
    case SIM_OPTION_BOOL:
        printf("true, false");
        break;
    case SIM_OPTION_CHOICE:
        for (size_t i = 0; row->choices[i]; i++)
            printf("%s%s", i ? ", " : "", row->choices[i]);
        break;
    case SIM_OPTION_TEXT:
        printf("text");
        break;
    }
}

static void print_row(const SimOption *row, const void *target, bool markdown)
{
    char value[DATA_PATH_SIZE + 64];
    sim_option_print(row, target, value, sizeof value);
    if (markdown) {
        printf(*value ? "| `%s` | `%s` | " : "| `%s` |%s | ", row->name, value);
        print_values(row);
        printf(" | %s |\n", row->help);
        return;
    }
    printf("  %-20s %-14s  ", row->name, *value ? value : "-");
    print_values(row);
    printf("\n      %s\n", row->help);
}

static SimStatus print_table(const Arguments *arguments, const Table *table, bool *any)
{
    bool first = true;
    void *const target = calloc(1, table->size);
    if (!target)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the keys of %s", table->name);
    sim_options_init(table->rows, target);
    for (const SimOption *row = table->rows; row->name; row++) {
        if (!is_wanted(arguments, table, row->name))
            continue;
        if (first && arguments->markdown)
            printf("\n## %s\n\n%s\n\n| key | default | values | |\n|---|---|---|---|\n",
                   table->name, table->about);
        else if (first)
            printf("%s%s: %s\n", *any ? "\n" : "", table->name, table->about);
        first = false;
        *any = true;
        print_row(row, target, arguments->markdown);
    }
    free(target);
    return SIM_OK;
}

static SimStatus unknown(const char *word)
{
    const char *names[1024];
    Table tables[MAX_TABLES];
    const size_t n_tables = list_tables(tables);
    size_t n = 0;
    for (size_t i = 0; i < n_tables; i++) {
        names[n++] = tables[i].section;
        for (const SimOption *row = tables[i].rows; row->name && n < 1000; row++)
            names[n++] = row->name;
    }
    for (const NetModel *const *at = net_models; *at && n < 1023; at++)
        names[n++] = (*at)->name;
    names[n] = NULL;
    return sim_unknown(
        word, names,
        "wanted a section (data, model, train, compare), a model or a key; "
        "those of neurons are in docs/neurons.md",
        "unknown key");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    switch (key) {
    case 'm':
        arguments->markdown = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->n == MAX_TABLES)
            argp_error(state, "at most %d names", MAX_TABLES);
        arguments->words[arguments->n++] = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int run(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"markdown", 'm', NULL, 0, "as docs/keys.md", 0}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[SECTION|MODEL|KEY...]",
        .doc = "Prints the keys of an experiment: default, meaning and values, of all or "
               "of those named. Those of neurons are in docs/neurons.md and \"apical "
               "activations\".",
    };
    SimStatus status = SIM_OK;
    Arguments arguments = {0};
    Table tables[MAX_TABLES];
    bool any = false;
    cli_parse(&argp, argc, argv, &arguments);
    const size_t n = list_tables(tables);
    for (size_t w = 0; w < arguments.n; w++) {
        const Arguments one = {.words = {arguments.words[w]}, .n = 1};
        bool found = false;
        for (size_t i = 0; i < n && !found; i++)
            for (const SimOption *row = tables[i].rows; row->name && !found; row++)
                found = is_wanted(&one, &tables[i], row->name);
        if (!found) {
            status = unknown(arguments.words[w]);
            goto out;
        }
    }
    if (arguments.markdown)
        puts(
            "# Keys of an experiment\n\n"
            "Written by `apical keys --markdown`; `apical keys lr`, `apical keys train` "
            "or "
            "`apical keys sresnet` print one\nkey, a section, a model. The keys of "
            "`neuron:` are in [neurons](neurons.md), what models, splits,\naugmentations "
            "and rules of frames are in [models](models.md), [data](data.md) and "
            "[formats](formats.md).");
    for (size_t i = 0; i < n; i++)
        SIM_TRY(print_table(&arguments, &tables[i], &any));
out:
    return status == SIM_OK ? CLI_OK : cli_failed(argv[0]);
}

const CliCommand cli_command_keys = {
    .name = "keys",
    .arguments = "[SECTION|MODEL|KEY...]",
    .summary = "every key of an experiment: default, meaning, values",
    .run = run,
};
