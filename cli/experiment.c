/* cli/experiment.c: experiments from YAML and back. The only file that knows libyaml. */
#include "cli/experiment.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "cli/files.h"
#include "sim/list.h"

#define FIELD(name) offsetof(CliTrainOptions, name)
/* clang-format off */
const SimOption cli_train_options[] = {
    {"epochs", SIM_OPTION_INT, FIELD(epochs), .initial = 30, .low = 1, .high = 1000000, .help = "times through the training part"},
    {"batch", SIM_OPTION_INT, FIELD(batch), .initial = 16, .low = 1, .high = 65536, .help = "samples of one step"},
    {"eval_batch", SIM_OPTION_INT, FIELD(eval_batch), .initial = 0, .low = 0, .high = 65536, .help = "samples at once when testing; 0: as batch"},
    {"eval_every", SIM_OPTION_INT, FIELD(eval_every), .initial = 1, .low = 1, .high = 1000000, .help = "epochs from one test to the next; the last epoch is always tested"},
    {"seed", SIM_OPTION_INT, FIELD(seed), .initial = 1, .low = 0, .high = 9007199254740992.0, .help = "of weights, order and augmentation: the same seed gives the same bits"},
    {"threads", SIM_OPTION_INT, FIELD(threads), .initial = 0, .low = 0, .high = 1024, .help = "0: all this process may use; the same number gives the same bits"},
    {"precision", SIM_OPTION_CHOICE, FIELD(precision), .choices = sim_precisions, .help = "of products; split and bf16 need tile units (AMX)"},
    {"memory", SIM_OPTION_CHOICE, FIELD(memory), .choices = net_memory_names, .help = "what is kept between the forward and the backward pass"},
    {"memory_stages", SIM_OPTION_TEXT, FIELD(memory_stages), .size = sizeof ((CliTrainOptions *)0)->memory_stages, .help = "another policy for single stages of the net, as in 1=reverse,2-4=keep"},
    {"budget_mib", SIM_OPTION_INT, FIELD(budget_mib), .initial = 0, .low = 0, .high = 16777216, .help = "memory: auto may take this much; 0: half of what is free"},
    {"checkpoint_minutes", SIM_OPTION_FLOAT, FIELD(checkpoint_minutes), .initial = 5, .low = 0, .high = 1e6, .help = "minutes between checkpoints inside an epoch; 0: only at its end"},
    {"plots", SIM_OPTION_BOOL, FIELD(plots), .initial = 1, .help = "draw plots/ when training ends"},
    {0},
};
/* clang-format on */

enum {
    SECTION_DATA,
    SECTION_MODEL,
    SECTION_NEURON,
    SECTION_TRAIN,
    SECTION_COMPARE, /* what "apical compare" varies; no part of one experiment */
    N_SECTIONS
};
static const char *const sections[] = {"data",  "model",   "neuron",
                                       "train", "compare", NULL};

/* One "section.key = value", and where it stands. */
typedef struct Setting {
    int section;
    char *key, *value; /* owned */
    char place[600];   /* "file.yaml, line 12" or "--set data.size=48" */
} Setting;

typedef struct Settings {
    Setting *rows; /* owned */
    size_t n, capacity;
} Settings;

static void settings_destroy(Settings *settings)
{
    for (size_t i = 0; i < settings->n; i++) {
        free(settings->rows[i].key);
        free(settings->rows[i].value);
    }
    free(settings->rows);
}

/* UTF-8 without control characters: what a resolved experiment can be read back from. */
static bool is_plain_text(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        size_t more = *at < 0x80                  ? 0
                      : *at >= 0xc2 && *at < 0xe0 ? 1
                      : *at >= 0xe0 && *at < 0xf0 ? 2
                      : *at >= 0xf0 && *at < 0xf5 ? 3
                                                  : SIZE_MAX;
        if (more == SIZE_MAX || *at < 0x20 || *at == 0x7f)
            return false;
        if (*at == 0xc2 && at[1] < 0xa0)
            return false; /* control characters, too */
        for (; more > 0; more--)
            if ((*++at & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static SimStatus settings_add(Settings *settings, int section, const char *key,
                              const char *value, const char *place)
{
    enum { MOST = 1000 };
    if (settings->n == MOST)
        return sim_fail(SIM_ERR_FORMAT, "%s: more than %d settings", place, MOST);
    if (!is_plain_text(value))
        return sim_fail(SIM_ERR_VALUE,
                        "%s: wanted UTF-8 text in one line, without control characters",
                        place);
    if (!sim_list_reserve(&settings->rows, &settings->capacity, settings->n + 1,
                          sizeof *settings->rows))
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for settings", place);
    Setting *const row = &settings->rows[settings->n];
    *row = (Setting){.section = section, .key = strdup(key), .value = strdup(value)};
    settings->n++;
    snprintf(row->place, sizeof row->place, "%s", place);
    if (!row->key || !row->value)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for settings", place);
    return SIM_OK;
}

static SimStatus find_section(const char *name, const char *place, int *section)
{
    for (int i = 0; i < N_SECTIONS; i++)
        if (strcmp(name, sections[i]) == 0) {
            *section = i;
            return SIM_OK;
        }
    return sim_unknown(name, sections, NULL, "%s: unknown section", place);
}

/* --- YAML to settings --------------------------------------------------------------- */

typedef struct Source {
    yaml_parser_t parser;
    yaml_event_t event;
    const char *name;
    char place[600];
} Source;

static SimStatus next(Source *source)
{
    yaml_event_delete(&source->event);
    if (!yaml_parser_parse(&source->parser, &source->event))
        return sim_fail(SIM_ERR_FORMAT, "%s, line %zu: %s", source->name,
                        source->parser.problem_mark.line + 1,
                        source->parser.problem ? source->parser.problem : "not YAML");
    snprintf(source->place, sizeof source->place, "%s, line %zu", source->name,
             source->event.start_mark.line + 1);
    return SIM_OK;
}

/* One word or number. Anchors and aliases are refused with all else: nothing grows. */
static bool is_scalar(const Source *source)
{
    return source->event.type == YAML_SCALAR_EVENT &&
           strlen((const char *)source->event.data.scalar.value) ==
               source->event.data.scalar.length;
}

static const char *scalar(const Source *source)
{
    return (const char *)source->event.data.scalar.value;
}

/* The rows of one section; the event is what follows its name. */
static SimStatus read_section(Source *source, int section, Settings *settings)
{
    SimStatus status = SIM_OK;
    char key[128], place[600];
    if (is_scalar(source) && *scalar(source) == '\0')
        return SIM_OK; /* "neuron:" with nothing behind it */
    if (source->event.type != YAML_MAPPING_START_EVENT)
        return sim_fail(SIM_ERR_FORMAT, "%s: section %s wants rows of key: value",
                        source->place, sections[section]);
    for (;;) {
        SIM_TRY(next(source));
        if (source->event.type == YAML_MAPPING_END_EVENT)
            return SIM_OK;
        if (!is_scalar(source) || source->event.data.scalar.length >= sizeof key)
            return sim_fail(SIM_ERR_FORMAT, "%s: wanted the name of a setting of %s",
                            source->place, sections[section]);
        snprintf(key, sizeof key, "%s", scalar(source));
        snprintf(place, sizeof place, "%s", source->place);
        SIM_TRY(next(source));
        if (!is_scalar(source))
            return sim_fail(SIM_ERR_FORMAT, "%s: %s.%s wants one value", source->place,
                            sections[section], key);
        for (size_t i = 0; i < settings->n; i++)
            if (settings->rows[i].section == section &&
                strcmp(settings->rows[i].key, key) == 0)
                return sim_fail(SIM_ERR_FORMAT, "%s: %s.%s was set before (%s)", place,
                                sections[section], key, settings->rows[i].place);
        SIM_TRY(settings_add(settings, section, key, scalar(source), place));
    }
out:
    return status;
}

static SimStatus read_yaml(const char *name, const char *text, Settings *settings)
{
    SimStatus status = SIM_OK;
    Source source = {.name = name};
    bool seen[N_SECTIONS] = {false};
    if (!yaml_parser_initialize(&source.parser))
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory to read it", name);
    yaml_parser_set_input_string(&source.parser, (const unsigned char *)text,
                                 strlen(text));
    do
        SIM_TRY(next(&source));
    while (source.event.type == YAML_STREAM_START_EVENT ||
           source.event.type == YAML_DOCUMENT_START_EVENT);
    if (source.event.type == YAML_STREAM_END_EVENT)
        goto out; /* an empty file: all defaults */
    if (source.event.type != YAML_MAPPING_START_EVENT) {
        status = sim_fail(
            SIM_ERR_FORMAT,
            "%s: wanted the sections data:, model:, neuron: and train:", source.place);
        goto out;
    }
    for (;;) {
        int section = 0;
        SIM_TRY(next(&source));
        if (source.event.type == YAML_MAPPING_END_EVENT)
            break;
        if (!is_scalar(&source)) {
            status = sim_fail(SIM_ERR_FORMAT, "%s: wanted the name of a section",
                              source.place);
            goto out;
        }
        SIM_TRY(find_section(scalar(&source), source.place, &section));
        if (seen[section]) {
            status = sim_fail(SIM_ERR_FORMAT, "%s: section %s stands there twice",
                              source.place, sections[section]);
            goto out;
        }
        seen[section] = true;
        SIM_TRY(next(&source));
        SIM_TRY(read_section(&source, section, settings));
    }
    SIM_TRY(next(&source));
    SIM_TRY(next(&source));
    if (source.event.type != YAML_STREAM_END_EVENT)
        status =
            sim_fail(SIM_ERR_FORMAT, "%s: a second document; wanted one", source.place);
out:
    yaml_event_delete(&source.event);
    yaml_parser_delete(&source.parser);
    return status;
}

/* "data.size=48" */
static SimStatus read_setting(const char *text, Settings *settings)
{
    char place[600], name[32], key[128];
    int section = 0;
    snprintf(place, sizeof place, "--set %s", text);
    const char *const dot = strchr(text, '.'), *const equal = strchr(text, '=');
    if (!dot || !equal || dot > equal || (size_t)(dot - text) >= sizeof name ||
        (size_t)(equal - dot) > sizeof key)
        return sim_fail(SIM_ERR_VALUE,
                        "%s: wanted section.key=value, as data.size=48, neuron.soma=lif "
                        "or train.epochs=10",
                        place);
    snprintf(name, sizeof name, "%.*s", (int)(dot - text), text);
    snprintf(key, sizeof key, "%.*s", (int)(equal - dot - 1), dot + 1);
    const SimStatus status = find_section(name, place, &section);
    return status == SIM_OK ? settings_add(settings, section, key, equal + 1, place)
                            : status;
}

/* --- settings to an experiment ------------------------------------------------------ */

static SimStatus set_train(CliExperiment *experiment, const char *key, const char *value)
{
    struct {
        const SimOption *rows;
        void *target;
    } tables[] = {{cli_train_options, &experiment->train},
                  {net_loss_options, &experiment->loss},
                  {net_optimiser_options, &experiment->optimiser}};
    enum { N_TABLES = sizeof tables / sizeof *tables, MAX_NAMES = 64 };
    const char *names[MAX_NAMES];
    size_t n = 0;
    for (size_t i = 0; i < N_TABLES; i++) {
        if (sim_option_find(tables[i].rows, key))
            return sim_option_set(tables[i].rows, tables[i].target, key, value);
        for (const SimOption *row = tables[i].rows; row->name && n + 1 < MAX_NAMES; row++)
            names[n++] = row->name;
    }
    names[n] = NULL;
    return sim_unknown(key, names, "experiment.yaml of any run names them all",
                       "train has no setting");
}

/* What the others hang on comes first: the kind of neuron before its parameters. */
static bool comes_first(const Setting *row)
{
    return row->section != SECTION_NEURON || strcmp(row->key, "soma") == 0 ||
           strcmp(row->key, "dendrite") == 0 || strcmp(row->key, "surrogate") == 0;
}

static SimStatus apply(CliExperiment *experiment, const Setting *row)
{
    SimStatus status = SIM_OK;
    switch (row->section) {
    case SECTION_DATA:
        status = sim_option_set(data_options, &experiment->data, row->key, row->value);
        break;
    case SECTION_MODEL:
        if (strcmp(row->key, "name") != 0)
            status = sim_option_set(experiment->model->options, experiment->model_options,
                                    row->key, row->value);
        break;
    case SECTION_NEURON:
        status = neuron_spec_set(&experiment->neuron, row->key, row->value);
        break;
    default:
        status = set_train(experiment, row->key, row->value);
    }
    return status == SIM_OK ? status : sim_fail_within(status, "%s", row->place);
}

static SimStatus choose_model(const Settings *settings, const char *name,
                              CliExperiment *experiment)
{
    const Setting *chosen = NULL;
    for (size_t i = 0; i < settings->n; i++)
        if (settings->rows[i].section == SECTION_MODEL &&
            strcmp(settings->rows[i].key, "name") == 0)
            chosen = &settings->rows[i];
    if (!chosen)
        return sim_fail(SIM_ERR_VALUE, "%s: names no model: wanted model: {name: %s}",
                        name, net_models[0]->name);
    experiment->model = net_model_find(chosen->value);
    if (!experiment->model) {
        const char *names[32];
        size_t n = 0;
        for (; net_models[n] && n + 1 < sizeof names / sizeof *names; n++)
            names[n] = net_models[n]->name;
        names[n] = NULL;
        return sim_unknown(chosen->value, names, NULL, "%s: unknown model",
                           chosen->place);
    }
    experiment->model_options = calloc(1, experiment->model->options_size + 1);
    if (!experiment->model_options)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for the model's options", name);
    sim_options_init(experiment->model->options, experiment->model_options);
    return SIM_OK;
}

SimStatus cli_experiment_parse(const char *name, const char *text,
                               const char *const *given, size_t n_given,
                               CliExperiment *out)
{
    SimStatus status = SIM_OK;
    CliExperiment experiment = {0};
    Settings settings = {0};
    SIM_TRY(read_yaml(name, text, &settings));
    for (size_t i = 0; i < n_given; i++)
        SIM_TRY(read_setting(given[i], &settings));

    sim_options_init(data_options, &experiment.data);
    sim_options_init(net_loss_options, &experiment.loss);
    sim_options_init(net_optimiser_options, &experiment.optimiser);
    sim_options_init(cli_train_options, &experiment.train);
    SIM_TRY(choose_model(&settings, name, &experiment));
    for (size_t i = 0; i < settings.n; i++)
        if (settings.rows[i].section == SECTION_MODEL)
            SIM_TRY(apply(&experiment, &settings.rows[i]));
    experiment.model->neuron(experiment.model_options, &experiment.neuron);
    for (int first = 1; first >= 0; first--)
        for (size_t i = 0; i < settings.n; i++)
            if (settings.rows[i].section != SECTION_MODEL &&
                settings.rows[i].section != SECTION_COMPARE &&
                comes_first(&settings.rows[i]) == (first == 1))
                SIM_TRY(apply(&experiment, &settings.rows[i]));
    status = neuron_spec_check(&experiment.neuron);
    if (status == SIM_OK)
        status = net_schedule_check(&experiment.optimiser);
    if (status != SIM_OK) {
        sim_fail_within(status, "%s", name);
        goto out;
    }

    *out = experiment;
    experiment = (CliExperiment){0};
out:
    settings_destroy(&settings);
    cli_experiment_destroy(&experiment);
    return status;
}

SimStatus cli_experiment_read(const char *path, const char *const *settings,
                              size_t n_settings, CliExperiment *out)
{
    enum { LIMIT = 1 << 20 };
    SimStatus status = SIM_OK;
    char *text = NULL;
    SIM_TRY(cli_file_text(path, LIMIT, &text));
    SIM_TRY(cli_experiment_parse(path, text, settings, n_settings, out));
out:
    free(text);
    return status;
}

SimStatus cli_experiment_rows(const char *path, const char *const *given, size_t n_given,
                              SimStatus (*row)(void *argument, const char *section,
                                               const char *key, const char *value),
                              void *argument)
{
    enum { LIMIT = 1 << 20 };
    SimStatus status = SIM_OK;
    Settings settings = {0};
    char *text = NULL;
    SIM_TRY(cli_file_text(path, LIMIT, &text));
    SIM_TRY(read_yaml(path, text, &settings));
    for (size_t i = 0; i < n_given; i++)
        SIM_TRY(read_setting(given[i], &settings));
    for (size_t i = 0; i < settings.n; i++) {
        const Setting *const one = &settings.rows[i];
        bool changed = false;
        for (size_t j = i + 1; j < settings.n && !changed; j++)
            changed = settings.rows[j].section == one->section &&
                      strcmp(settings.rows[j].key, one->key) == 0;
        if (!changed)
            SIM_TRY(row(argument, sections[one->section], one->key, one->value));
    }
out:
    settings_destroy(&settings);
    free(text);
    return status;
}

/* --- an experiment to text ---------------------------------------------------------- */

void cli_experiment_quote(FILE *out, const char *value)
{
    fputc('"', out);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            fputc('\\', out);
        fputc(*value, out);
    }
    fputc('"', out);
}

static void print_value(FILE *out, const char *value, bool quote)
{
    if (quote)
        cli_experiment_quote(out, value);
    else
        fputs(value, out);
}

static void print_rows(FILE *out, const SimOption *rows, const void *target)
{
    char value[DATA_PATH_SIZE + 64];
    for (const SimOption *row = rows; row && row->name; row++) {
        fprintf(out, "  %s: ", row->name);
        print_value(out, sim_option_print(row, target, value, sizeof value),
                    row->type == SIM_OPTION_TEXT);
        fputc('\n', out);
    }
}

static void print_neuron(void *argument, const char *key, const char *value)
{
    fprintf(argument, "  %s: %s\n", key, value);
}

SimStatus cli_experiment_text(const CliExperiment *experiment, char **out)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const stream = open_memstream(&text, &size);
    if (!stream)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the text of an experiment");
    fputs("data:\n", stream);
    print_rows(stream, data_options, &experiment->data);
    fprintf(stream, "model:\n  name: %s\n", experiment->model->name);
    print_rows(stream, experiment->model->options, experiment->model_options);
    fputs("neuron:\n", stream);
    neuron_spec_print(&experiment->neuron, print_neuron, stream);
    fputs("train:\n", stream);
    print_rows(stream, cli_train_options, &experiment->train);
    print_rows(stream, net_loss_options, &experiment->loss);
    print_rows(stream, net_optimiser_options, &experiment->optimiser);
    const int failed = ferror(stream);
    if (fclose(stream) != 0 || failed) {
        free(text);
        return sim_fail(SIM_ERR_MEMORY, "no memory for the text of an experiment");
    }
    *out = text;
    return SIM_OK;
}

void cli_experiment_destroy(CliExperiment *experiment)
{
    free(experiment->model_options);
    experiment->model_options = NULL;
}
