/* cli/compare_plan.c: from an experiment and what is varied to variants. */
#include "cli/compare_plan.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/compare_equal.h"
#include "cli/compare_words.h"
#include "cli/files.h"
#include "cli/settings.h"

static const char *const matches[] = {"none", "params", "ops", NULL};
static const char *const measures[] = {"auto", "last", "best", NULL};

#define FIELD(name) offsetof(CliCompareOptions, name)
/* clang-format off */
const SimOption cli_compare_options[] = {
    {"seeds", SIM_OPTION_INT, FIELD(seeds), .initial = 3, .low = 1, .high = 1000, .help = "trainings of each variant, from train.seed on"},
    {"match", SIM_OPTION_CHOICE, FIELD(match), .choices = matches, .help = "widths are changed until a variant has as many parameters, or operations, as the baseline"},
    {"measure", SIM_OPTION_CHOICE, FIELD(measure), .choices = measures, .help = "test accuracy of the last epoch, or of the one best in validation; auto: best where there is a validation part"},
    {"jobs", SIM_OPTION_INT, FIELD(jobs), .initial = 0, .low = 0, .high = 1024, .help = "trainings at once; 0: as many as are measured to be fastest"},
    {"panel", SIM_OPTION_INT, FIELD(panel), .initial = 48, .low = 8, .high = 400, .help = "points along the side of a picture of a decision boundary"},
    {0},
};
/* clang-format on */

enum {
    MAX_BASE = 256,
    MAX_OWN = CLI_COMPARE_FACTORS + CLI_COMPARE_PARTS,
    MAX_SETTINGS = CLI_MAX_SETTINGS + MAX_OWN,
    MAX_VARIANTS = 2000
};

/* What is asked for, before any net is built. */
typedef struct Request {
    CliCompare *compare;
    const char *path;
    const char *const *settings; /* of the command line */
    size_t n_settings;
    char *base[MAX_BASE]; /* owned: "section.key=value" of file and command line */
    size_t n_base;
} Request;

static SimStatus no_memory(void)
{
    return sim_fail(SIM_ERR_MEMORY, "no memory for a comparison");
}

/* --- what is varied ----------------------------------------------------------------- */

static CliCompareFactor *find_factor(CliCompare *compare, const char *key)
{
    for (size_t i = 0; i < compare->n_factors; i++)
        if (strcmp(compare->factors[i].key, key) == 0)
            return &compare->factors[i];
    return NULL;
}

static SimStatus set_factor(CliCompare *compare, const char *place, const char *key,
                            const char *values)
{
    SimStatus status = SIM_OK;
    char full[CLI_COMPARE_KEY], **words = NULL;
    size_t n = 0;
    SIM_TRY(cli_compare_key(place, key, full));
    SIM_TRY(cli_compare_split(place, values, &words, &n));
    if (strcmp(full, "neuron") == 0)
        SIM_TRY(cli_compare_all_neurons(&words, &n));
    CliCompareFactor *factor = find_factor(compare, full);
    if (!factor) {
        if (compare->n_factors == CLI_COMPARE_FACTORS) {
            status = sim_fail(SIM_ERR_VALUE, "%s: more than %d keys varied at once",
                              place, CLI_COMPARE_FACTORS);
            goto out;
        }
        factor = &compare->factors[compare->n_factors++];
        snprintf(factor->key, sizeof factor->key, "%s", full);
    }
    cli_words_free(factor->values, factor->n);
    factor->values = words;
    factor->n = n;
    words = NULL;
out:
    cli_words_free(words, n);
    return status;
}

/* A row of the experiment: kept, or of this comparison. */
static SimStatus take_row(void *argument, const char *section, const char *key,
                          const char *value)
{
    Request *const request = argument;
    CliCompareOptions *const options = &request->compare->options;
    if (strcmp(section, "compare") == 0) {
        char place[CLI_COMPARE_KEY + 16];
        snprintf(place, sizeof place, "compare.%.100s", key);
        if (!sim_option_find(cli_compare_options, key))
            return set_factor(request->compare, place, key, value);
        const SimStatus status = sim_option_set(cli_compare_options, options, key, value);
        return status == SIM_OK ? status : sim_fail_within(status, "compare");
    }
    if (request->n_base == MAX_BASE)
        return sim_fail(SIM_ERR_VALUE, "%s: more than %d settings", request->path,
                        MAX_BASE);
    char **const row = &request->base[request->n_base];
    if (asprintf(row, "%s.%s=%s", section, key, value) < 0) {
        *row = NULL;
        return no_memory();
    }
    request->n_base++;
    return SIM_OK;
}

static SimStatus take_vary(Request *request, const char *text)
{
    char place[256], key[CLI_COMPARE_KEY];
    snprintf(place, sizeof place, "--vary %s", text);
    const char *const equal = strchr(text, '=');
    if (!equal || equal == text || (size_t)(equal - text) >= sizeof key)
        return sim_fail(SIM_ERR_VALUE,
                        "%s: wanted key=value,value, as in neuron=lif,plif", place);
    snprintf(key, sizeof key, "%.*s", (int)(equal - text), text);
    return set_factor(request->compare, place, key, equal + 1);
}

/* --- variants ----------------------------------------------------------------------- */

size_t cli_compare_group_size(const CliCompare *compare)
{
    return compare->factors[0].n;
}

size_t cli_compare_runs(const CliCompare *compare)
{
    return compare->n_variants * (size_t)compare->options.seeds;
}

SimStatus cli_compare_run_path(const CliCompare *compare, const char *folder,
                               size_t variant, size_t k, char *path)
{
    const CliCompareVariant *const v = &compare->variants[variant];
    const long long seed = (long long)v->experiment.train.seed + (long long)k;
    if (snprintf(path, CLI_PATH_SIZE, "%s/%s/seed%lld", folder, v->folder, seed) >=
        CLI_PATH_SIZE)
        return sim_fail(SIM_ERR_VALUE, "%s: the path is too long", folder);
    return SIM_OK;
}

/* "data.path builtin:xor, train.lr 0.1": what all variants of a group share and other
 * groups have not. */
static SimStatus name_group(CliCompare *compare, const CliCompareVariant *v)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const stream = open_memstream(&text, &size);
    if (!stream)
        return no_memory();
    bool first = true;
    for (size_t f = 1; f < compare->n_factors; f++)
        if (compare->factors[f].n > 1) {
            fprintf(stream, "%s%s %s", first ? "" : ", ", compare->factors[f].key,
                    compare->factors[f].values[v->choice[f]]);
            first = false;
        }
    if (fclose(stream) != 0)
        return no_memory();
    compare->group_names[v->group] = text;
    return SIM_OK;
}

/* "03-ada": letters that need no quotes in a shell. */
static SimStatus name_folder(const CliCompare *compare, size_t number,
                             CliCompareVariant *v)
{
    char text[96];
    size_t used = (size_t)snprintf(text, sizeof text, "%02zu-", number + 1);
    for (size_t f = 0; f < compare->n_factors; f++) {
        const char *at = compare->factors[f].values[v->choice[f]];
        const bool is_path = strcmp(compare->factors[f].key, "data.path") == 0;
        const char *const slash = is_path ? strrchr(at, '/') : NULL;
        for (at = slash && slash[1] ? slash + 1 : at; *at && used + 2 < sizeof text; at++)
            text[used++] =
                (char)(isalnum((unsigned char)*at) || strchr("._+=", *at) ? *at : '-');
        if (f + 1 < compare->n_factors && used + 2 < sizeof text)
            text[used++] = '-';
    }
    text[used] = '\0';
    v->folder = strdup(text);
    return v->folder ? SIM_OK : no_memory();
}

static SimStatus list_variants(CliCompare *compare)
{
    SimStatus status = SIM_OK;
    const size_t size = cli_compare_group_size(compare);
    size_t n = 1;
    for (size_t f = 0; f < compare->n_factors; f++) {
        n *= compare->factors[f].n;
        if (n > MAX_VARIANTS)
            return sim_fail(SIM_ERR_VALUE, "more than %d variants: vary less at once",
                            MAX_VARIANTS);
    }
    compare->variants = calloc(n, sizeof *compare->variants);
    compare->group_names = calloc(n / size, sizeof *compare->group_names);
    if (!compare->variants || !compare->group_names)
        return no_memory();
    compare->n_variants = n;
    compare->n_groups = n / size;
    for (size_t i = 0; i < n; i++) {
        CliCompareVariant *const v = &compare->variants[i];
        size_t rest = i;
        for (size_t f = 0; f < compare->n_factors; f++) {
            v->choice[f] = rest % compare->factors[f].n;
            rest /= compare->factors[f].n;
        }
        v->name = compare->factors[0].values[v->choice[0]];
        v->group = i / size;
        v->baseline = v->group * size;
        if (i == v->baseline)
            SIM_TRY(name_group(compare, v));
        SIM_TRY(name_folder(compare, i, v));
    }
out:
    return status;
}

/* The settings that make a variant: those of the command line, borrowed, then its own,
 * which settings_free frees. */
typedef struct VariantSettings {
    const char *rows[MAX_SETTINGS];
    char *own[MAX_OWN];
    size_t n_given, n_own;
} VariantSettings;

static void settings_free(VariantSettings *settings)
{
    for (size_t i = 0; i < settings->n_own; i++)
        free(settings->own[i]);
}

/* All rows so far; *n is their number. */
static const char *const *settings_rows(VariantSettings *settings, size_t *n)
{
    for (size_t i = 0; i < settings->n_own; i++)
        settings->rows[settings->n_given + i] = settings->own[i];
    *n = settings->n_given + settings->n_own;
    return settings->rows;
}

static SimStatus variant_settings(const Request *request, const CliCompareVariant *v,
                                  VariantSettings *out)
{
    SimStatus status = SIM_OK;
    const CliCompare *const compare = request->compare;
    CliExperiment base = {0};
    const char *word = NULL;
    size_t n;
    for (size_t i = 0; i < request->n_settings; i++)
        out->rows[out->n_given++] = request->settings[i];
    for (size_t f = 0; f < compare->n_factors; f++) {
        const CliCompareFactor *const factor = &compare->factors[f];
        const char *const value = factor->values[v->choice[f]];
        if (strcmp(factor->key, "neuron") == 0) {
            word = value;
            continue;
        }
        if (asprintf(&out->own[out->n_own], "%s=%s", factor->key, value) < 0)
            return no_memory();
        out->n_own++;
    }
    if (!word)
        return SIM_OK;
    const char *const *const rows = settings_rows(out, &n);
    SIM_TRY(cli_experiment_read(request->path, rows, n, &base));
    SIM_TRY(cli_compare_neuron("neuron", word, &base.neuron, out->own, &out->n_own));
out:
    cli_experiment_destroy(&base);
    return status;
}

/* --- planning every net ------------------------------------------------------------- */

typedef struct Warner {
    void (*warn)(void *argument, const char *sentence);
    void *argument;
    char last[512]; /* the same files are opened for every variant */
} Warner;

static void warn_once(void *argument, const char *sentence)
{
    Warner *const warner = argument;
    if (!warner->warn || strncmp(warner->last, sentence, sizeof warner->last - 1) == 0)
        return;
    snprintf(warner->last, sizeof warner->last, "%s", sentence);
    warner->warn(warner->argument, sentence);
}

static SimStatus open_variant(const Request *request, size_t number, Warner *warner,
                              CliSession *out)
{
    SimStatus status = SIM_OK;
    const CliCompareVariant *const v = &request->compare->variants[number];
    VariantSettings settings = {.n_own = 0};
    size_t n;
    SIM_TRY(variant_settings(request, v, &settings));
    const char *const *const rows = settings_rows(&settings, &n);
    SIM_TRY(
        cli_session_open(request->path, rows, n, CLI_NEED_DATA, warn_once, warner, out));
out:
    settings_free(&settings);
    return status == SIM_OK ? status : sim_fail_within(status, "%s", v->name);
}

/* Plans one variant beside the baseline of its group, whose nets stay in `first`. */
static SimStatus plan_variant(const Request *request, size_t number, CliSession *session,
                              CliSession *baseline, CliCompareNet *first)
{
    SimStatus status = SIM_OK;
    CliCompare *const compare = request->compare;
    CliCompareVariant *const v = &compare->variants[number];
    CliCompareNet built = {0};
    v->experiment = session->experiment;
    session->experiment.model_options = NULL; /* moved */
    v->factor = 1.0;
    if (number != v->baseline)
        SIM_TRY(cli_compare_match(compare, session, &compare->variants[v->baseline], v));
    SIM_TRY(cli_compare_net(session, &v->experiment, &built));
    v->parameters = built.parameters;
    v->operations = built.operations;
    v->memory = built.memory;
    if (number == v->baseline) {
        *first = built;
        built = (CliCompareNet){0};
    } else {
        SIM_TRY(cli_compare_equal(compare, baseline, session, v, first, &built));
    }
    compare->has_validation = (number == 0 || compare->has_validation) &&
                              session->set.n_part[DATA_VALIDATION] > 0;
    compare->is_plane = (number == 0 || compare->is_plane) && session->input.constant &&
                        session->input.h * session->input.w == 1 && session->input.c == 2;
out:
    cli_compare_net_destroy(&built);
    return status == SIM_OK ? status : sim_fail_within(status, "%s", v->name);
}

static SimStatus plan_group(const Request *request, size_t group, Warner *warner)
{
    SimStatus status = SIM_OK;
    const size_t size = cli_compare_group_size(request->compare), from = group * size;
    CliSession baseline = {0}, session = {0};
    CliCompareNet first = {0};
    SIM_TRY(open_variant(request, from, warner, &baseline));
    SIM_TRY(plan_variant(request, from, &baseline, &baseline, &first));
    for (size_t i = from + 1; i < from + size; i++) {
        SIM_TRY(open_variant(request, i, warner, &session));
        SIM_TRY(plan_variant(request, i, &session, &baseline, &first));
        cli_session_close(&session);
    }
out:
    cli_compare_net_destroy(&first);
    cli_session_close(&session);
    cli_session_close(&baseline);
    return status;
}

/* --- the text ----------------------------------------------------------------------- */

static SimStatus write_text(const Request *request)
{
    static const char *const sections[] = {"data", "model", "neuron", "train"};
    CliCompare *const compare = request->compare;
    char *text = NULL, value[64];
    size_t size = 0;
    FILE *const stream = open_memstream(&text, &size);
    if (!stream)
        return no_memory();
    fputs("# A comparison: \"apical compare\" of this file makes it once more.\n",
          stream);
    for (size_t s = 0; s < sizeof sections / sizeof *sections; s++) {
        const size_t length = strlen(sections[s]);
        fprintf(stream, "%s:\n", sections[s]);
        for (size_t i = 0; i < request->n_base; i++) {
            const char *const row = request->base[i];
            if (strncmp(row, sections[s], length) != 0 || row[length] != '.')
                continue;
            const char *const equal = strchr(row, '=');
            fprintf(stream, "  %.*s: ", (int)(equal - row - (int)length - 1),
                    row + length + 1);
            cli_experiment_quote(stream, equal + 1);
            fputc('\n', stream);
        }
    }
    fputs("compare:\n", stream);
    for (size_t f = 0; f < compare->n_factors; f++) {
        char *list = NULL;
        size_t list_size = 0;
        FILE *const to = open_memstream(&list, &list_size);
        for (size_t i = 0; to && i < compare->factors[f].n; i++) {
            const char *const word = compare->factors[f].values[i];
            const char *const quote = strchr(word, ',') ? "\"" : "";
            fprintf(to, "%s%s%s%s", i ? ", " : "", quote, word, quote);
        }
        if (to && fclose(to) == 0) {
            fprintf(stream, "  %s: ", compare->factors[f].key);
            cli_experiment_quote(stream, list);
            fputc('\n', stream);
        }
        free(list);
    }
    for (const SimOption *row = cli_compare_options; row->name; row++)
        fprintf(stream, "  %s: %s\n", row->name,
                sim_option_print(row, &compare->options, value, sizeof value));
    const bool failed = ferror(stream) != 0;
    if (fclose(stream) != 0 || failed) {
        free(text);
        return no_memory();
    }
    compare->text = text;
    return SIM_OK;
}

SimStatus cli_compare_plan(const char *path, const char *const *settings,
                           size_t n_settings, const char *const *vary, size_t n_vary,
                           void (*warn)(void *argument, const char *sentence),
                           void *argument, CliCompare *out)
{
    SimStatus status = SIM_OK;
    CliCompare compare = {0};
    Request request = {.compare = &compare,
                       .path = path,
                       .settings = settings,
                       .n_settings = n_settings};
    Warner warner = {.warn = warn, .argument = argument};
    sim_options_init(cli_compare_options, &compare.options);
    SIM_TRY(cli_experiment_rows(path, settings, n_settings, take_row, &request));
    for (size_t i = 0; i < n_vary; i++)
        SIM_TRY(take_vary(&request, vary[i]));
    if (compare.n_factors == 0) {
        status = sim_fail(SIM_ERR_VALUE,
                          "%s: nothing to compare: give --vary KEY=a,b,c, or a section "
                          "compare: with such rows",
                          path);
        goto out;
    }
    SIM_TRY(list_variants(&compare));
    for (size_t g = 0; g < compare.n_groups; g++)
        SIM_TRY(plan_group(&request, g, &warner));
    if (compare.options.measure == CLI_MEASURE_AUTO)
        compare.options.measure =
            compare.has_validation ? CLI_MEASURE_BEST : CLI_MEASURE_LAST;
    if (compare.options.measure == CLI_MEASURE_BEST && !compare.has_validation)
        SIM_TRY(cli_compare_warn(
            &compare, "there is no validation part (data.validation): the best "
                      "epoch is chosen on the test part, which flatters it"));
    SIM_TRY(write_text(&request));
    *out = compare;
    compare = (CliCompare){0};
out:
    for (size_t i = 0; i < request.n_base; i++)
        free(request.base[i]);
    cli_compare_destroy(&compare);
    return status;
}

void cli_compare_destroy(CliCompare *compare)
{
    for (size_t f = 0; f < compare->n_factors; f++)
        cli_words_free(compare->factors[f].values, compare->factors[f].n);
    for (size_t i = 0; compare->variants && i < compare->n_variants; i++) {
        free(compare->variants[i].folder);
        cli_experiment_destroy(&compare->variants[i].experiment);
    }
    free(compare->variants);
    cli_words_free(compare->group_names, compare->n_groups);
    cli_words_free(compare->warnings, compare->n_warnings);
    free(compare->text);
    *compare = (CliCompare){0};
}
