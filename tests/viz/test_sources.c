/* Sources: a live net is the same whichever way one goes, a recording shows what it has.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/recording.h"
#include "nets/layers.h"
#include "sim/rng.h"
#include "viz/source_net.h"
#include "viz/source_recording.h"
#include "tests/support.h"

enum { T = 12, SIDE = 8, CLASSES = 3 };

static const VizWants nothing = {.layer = -1};
static atomic_bool stop;

/* --- a net ----------------------------------------------------------------------------
 */

static NetGraph graph;
static NetParams params;
static SimContext context;
static float frames[T * SIDE * SIDE * 2];
static VizSource *source;
static int released;

static void count_release(void *owner)
{
    (*(int *)owner)++;
}

static void make_net(size_t snapshot_bytes)
{
    static const NetConv conv = {
        .channels = 70, .kernel = 3, .stride = 1, .padding = 1, .groups = 1, .gain = 12};
    static const NetLinear linear = {.channels = CLASSES, .gain = 1};
    static const char *const names[CLASSES] = {"cat", "dog", "owl"};
    const NetNeuron neuron = {neuron_spec_default()};
    int at = net_graph_input(&graph, "in", SIDE, SIDE, 2, false);
    at = net_graph_add(&graph, &net_layer_conv, &conv, 1, &at, "conv");
    at = net_graph_add(&graph, &net_layer_neuron, &neuron, 1, &at, "spikes1");
    at = net_graph_add(&graph, &net_layer_conv, &conv, 1, &at, "conv2");
    at = net_graph_add(&graph, &net_layer_neuron, &neuron, 1, &at, "spikes2");
    at = net_graph_add(&graph, &net_layer_linear, &linear, 1, &at, "out");
    net_graph_output(&graph, at);
    cr_assert_eq(net_graph_status(&graph), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_context_create(2, NULL, &context), SIM_OK);
    cr_assert_eq(net_params_create(&graph, T, 7, &context, &params), SIM_OK);
    const SimRng rng = {.seed = 5};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        frames[i] = 3 * sim_rng_uniform(rng, i) * (sim_rng_uniform(rng, i + 9999) < 0.3f);
    const VizNetOptions options = {.graph = &graph,
                                   .params = &params,
                                   .context = &context,
                                   .n_steps = T,
                                   .frames = frames,
                                   .title = "a net",
                                   .classes = names,
                                   .n_classes = CLASSES,
                                   .label = 1,
                                   .snapshot_bytes = snapshot_bytes,
                                   .release = count_release,
                                   .owner = &released};
    cr_assert_eq(viz_source_net_create(&options, &source), SIM_OK, "%s", sim_message());
}

static void clean(void)
{
    if (source)
        source->close(source);
    net_params_destroy(&params);
    net_graph_destroy(&graph);
}

TestSuite(source_net, .fini = clean);

static void make(size_t k, const VizWants *wants, VizStepBuffer *out)
{
    viz_step_buffer_clear(out, source->subject, k, wants);
    cr_assert_eq(source->make(source, k, wants, &stop, out), SIM_OK, "%s", sim_message());
}

static void expect_equal(const VizStep *a, const VizStep *b)
{
    const VizSubject *const subject = source->subject;
    cr_assert_arr_eq(a->scores, b->scores, CLASSES * sizeof(float), "step %zu", a->step);
    for (size_t i = 0; i < subject->n_layers; i++) {
        const VizLayer *const layer = &subject->layers[i];
        cr_assert_eq(a->spikes[i] != NULL, layer->spiking);
        cr_assert_eq(a->n_spikes[i], b->n_spikes[i]);
        if (layer->spiking)
            cr_assert_arr_eq(a->spikes[i], b->spikes[i],
                             layer->h * layer->w * sim_words(layer->c) * 8);
    }
}

Test(source_net, steps_are_the_same_in_any_order_and_with_any_wishes)
{
    VizStepBuffer steps[T], again;
    double spikes = 0;
    make_net(0);
    for (size_t k = 0; k < T; k++) {
        cr_assert_eq(viz_step_buffer_create(source->subject, &steps[k]), SIM_OK);
        make(k, &nothing, &steps[k]);
        spikes += steps[k].step.n_spikes[2];
    }
    cr_assert_gt(spikes, 100, "a silent net proves nothing");
    cr_assert_eq(viz_step_buffer_create(source->subject, &again), SIM_OK);
    for (size_t i = 0; i < 40; i++) {
        const size_t k = i * 7 % T;
        VizWants wants = {.layer = (int)(i % source->subject->n_layers)};
        if (i % 3 == 0)
            wants.picks[wants.n_picks++] = (VizPick){4, 33 + i};
        make(k, &wants, &again);
        expect_equal(&steps[k].step, &again.step);
    }
    for (size_t k = 0; k < T; k++)
        viz_step_buffer_destroy(&steps[k]);
    viz_step_buffer_destroy(&again);
}

Test(source_net, few_snapshots_are_enough)
{
    VizStepBuffer steps[T], again;
    make_net(1); /* two, the least there is */
    cr_assert_eq(viz_step_buffer_create(source->subject, &again), SIM_OK);
    for (size_t k = 0; k < T; k++) {
        cr_assert_eq(viz_step_buffer_create(source->subject, &steps[k]), SIM_OK);
        make(k, &nothing, &steps[k]);
    }
    for (size_t k = T; k-- > 0;) {
        make(k, &nothing, &again);
        expect_equal(&steps[k].step, &again.step);
        viz_step_buffer_destroy(&steps[k]);
    }
    viz_step_buffer_destroy(&again);
}

/* The membrane is the one before the reset: it reaches the threshold where a spike is. */
Test(source_net, membranes_cross_the_threshold_where_spikes_are)
{
    VizStepBuffer step;
    make_net(0);
    const VizLayer *const layer = &source->subject->layers[2];
    cr_assert_str_eq(layer->name, "spikes1");
    cr_expect_float_eq(layer->threshold, 1.0f, 1e-9);
    VizWants wants = {.layer = 2, .picks = {{2, 5}, {4, 6}}, .n_picks = 2};
    cr_assert_eq(viz_step_buffer_create(source->subject, &step), SIM_OK);
    for (size_t k = 0; k < T; k++) {
        make(k, &wants, &step);
        cr_assert_not_null(step.step.potential);
        for (uint64_t n = 0; n < layer->h * layer->w * layer->c; n++)
            cr_assert_eq(step.step.potential[n] >= 1,
                         viz_step_fired(&step.step, source->subject, 2, n));
        cr_expect_eq(step.step.picked[0], step.step.potential[5]);
        cr_expect_eq(step.step.fired[0], step.step.picked[0] >= 1);
        cr_expect_eq(step.step.fired[1], step.step.picked[1] >= 1);
    }
    viz_step_buffer_destroy(&step);
}

Test(source_net, closing_lets_go_of_what_it_borrowed)
{
    make_net(0);
    cr_expect_eq(released, 0);
    source->close(source);
    source = NULL;
    cr_expect_eq(released, 1);
}

/* --- a recording ----------------------------------------------------------------------
 */

static const char *folder;
static char path[128];
static VizEvents *events;

static void make_folder(void)
{
    folder = test_folder();
    snprintf(path, sizeof path, "%s/a.h5", folder);
}

static void remove_folder(void)
{
    if (source)
        source->close(source);
    viz_events_close(events);
    test_folder_remove();
}

TestSuite(source_recording, .init = make_folder, .fini = remove_folder);

static size_t share = 1; /* of 11 that fire */

static bool fires(size_t layer, size_t k, uint64_t n)
{
    return (n * 2654435761u + k * 40503u + layer * 97) % 11 < share;
}

enum { H = 8, W = 6, C = 70, NEURONS = H * W * C };

static size_t stop_after = T; /* the step at which the program is killed */

/* Layers "z", "a": the order of the net is not that of the alphabet. */
static void write_recording(bool with_rest)
{
    static const uint64_t membranes[2] = {5, 77};
    const CliRecordingLayer layers[2] = {
        {.name = "z", .h = H, .w = W, .c = C, .spikes = true},
        {.name = "a",
         .h = H,
         .w = W,
         .c = C,
         .spikes = true,
         .potentials = membranes,
         .n_potentials = 2}};
    static const char *const names[2] = {"left", "right"};
    const CliRecordingOptions options = {.layers = layers,
                                         .n_layers = 2,
                                         .steps = T,
                                         .step_ms = 2.5,
                                         .classes = names,
                                         .n_classes = with_rest ? 2 : 0};
    CliRecording *recording = NULL;
    static float spikes[NEURONS], potential[NEURONS];
    cr_assert_eq(cli_recording_create(path, &options, &recording), SIM_OK, "%s",
                 sim_message());
    for (size_t k = 0; k < T; k++) {
        const float scores[2] = {(float)(2 * k), (float)(2 * k + 1)};
        for (size_t layer = 0; layer < 2; layer++) {
            for (uint64_t n = 0; n < NEURONS; n++) {
                spikes[n] = fires(layer, k, n);
                potential[n] = (float)n + 0.5f * (float)k;
            }
            const SimTensor y = {
                .form = SIM_DENSE, .shape = {1, 1, H, W, C}, .f32 = spikes};
            cr_assert_eq(cli_recording_window(recording, layer, k, &y, potential),
                         SIM_OK);
        }
        cr_assert_eq(cli_recording_step(recording, scores), SIM_OK);
        if (k + 1 == stop_after && k + 1 < T) {
            cr_assert_eq(cli_recording_flush(recording), SIM_OK);
            raise(SIGKILL);
        }
    }
    if (with_rest) {
        static float input[T * 4 * 4 * 2];
        DataEvent e[100];
        for (int i = 0; i < 100; i++)
            e[i] = (DataEvent){1000 + 7 * i, (uint16_t)(i % 4), 1, i % 2, {0}};
        cr_assert_eq(cli_recording_events(recording, e, 100, 4, 4), SIM_OK);
        cr_assert_eq(cli_recording_frames(recording, (SimShape){T, 1, 4, 4, 2}, input),
                     SIM_OK);
        cr_assert_eq(cli_recording_number(recording, "label", 1), SIM_OK);
    }
    cr_assert_eq(cli_recording_commit(recording), SIM_OK, "%s", sim_message());
    cli_recording_close(recording);
}

Test(source_recording, shows_what_was_recorded)
{
    write_recording(true);
    cr_assert_eq(viz_source_recording_open(path, &source, &events), SIM_OK, "%s",
                 sim_message());
    const VizSubject *const subject = source->subject;
    cr_expect_str_eq(subject->note, "");
    cr_assert_eq(subject->n_layers, 2u);
    cr_expect_str_eq(subject->layers[0].name, "z");
    cr_expect_str_eq(subject->layers[1].name, "a");
    cr_expect_eq(subject->n_steps, (size_t)T);
    cr_expect_eq(subject->edges_us[2], 5000);
    cr_expect_eq(subject->label, 1);
    cr_expect_str_eq(subject->classes[1], "right");
    cr_assert_not_null(events);
    cr_expect_eq(viz_events_info(events).n_events, 100u);
    VizStepBuffer step;
    cr_assert_eq(viz_step_buffer_create(subject, &step), SIM_OK);
    const VizWants wants = {.layer = 1, .picks = {{1, 77}, {0, 5}}, .n_picks = 2};
    for (size_t i = 0; i < T; i++) {
        const size_t k = i * 5 % T;
        make(k, &wants, &step);
        for (size_t layer = 0; layer < 2; layer++)
            for (uint64_t n = 0; n < NEURONS; n++)
                cr_assert_eq(viz_step_fired(&step.step, subject, layer, n),
                             fires(layer, k, n));
        cr_expect_eq(step.step.picked[0], 77 + 0.5f * (float)k);
        cr_expect(isnan(step.step.picked[1]), "its membrane was not recorded");
        cr_expect_eq(step.step.potential[5], 5 + 0.5f * (float)k);
        cr_expect(isnan(step.step.potential[6]));
        cr_expect_eq(step.step.scores[1], (float)(2 * k + 1));
        cr_expect_not_null(step.step.input);
    }
    viz_step_buffer_destroy(&step);
}

Test(source_recording, what_is_missing_is_said_and_the_rest_shown)
{
    write_recording(false);
    cr_assert_eq(viz_source_recording_open(path, &source, &events), SIM_OK, "%s",
                 sim_message());
    cr_expect_not_null(strstr(source->subject->note, "scores are missing"), "%s",
                       source->subject->note);
    cr_expect_eq(source->subject->n_layers, 2u);
    VizStepBuffer step;
    cr_assert_eq(viz_step_buffer_create(source->subject, &step), SIM_OK);
    make(3, &nothing, &step);
    cr_expect_null(step.step.scores);
    cr_expect_null(step.step.input);
    cr_expect(viz_step_fired(&step.step, source->subject, 1, 0) == fires(1, 3, 0));
    viz_step_buffer_destroy(&step);
}

static size_t read_file(unsigned char **out)
{
    struct stat about;
    cr_assert_eq(stat(path, &about), 0);
    const size_t n = (size_t)about.st_size;
    FILE *const file = fopen(path, "rb");
    *out = malloc(n + 1);
    cr_assert(file && *out && fread(*out, 1, n, file) == n);
    fclose(file);
    return n;
}

static void write_file(const unsigned char *bytes, size_t n)
{
    FILE *const file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, n, file) == n);
    cr_assert_eq(fclose(file), 0);
}

/* Opens whatever is there now and makes every step of it: one sentence or a picture. */
static void try_it(void)
{
    VizSource *opened = NULL;
    VizEvents *input = NULL;
    VizStepBuffer step;
    if (viz_source_recording_open(path, &opened, &input) != SIM_OK) {
        cr_expect_neq(*sim_message(), '\0');
        return;
    }
    const VizSubject *const subject = opened->subject;
    if (subject->n_steps <= 1000 && viz_step_buffer_create(subject, &step) == SIM_OK) {
        for (size_t k = 0; k < subject->n_steps; k++) {
            const VizWants wants = {.layer = (int)(k % (subject->n_layers + 1)) - 1};
            viz_step_buffer_clear(&step, subject, k, &wants);
            opened->make(opened, k, &wants, &stop, &step);
        }
        viz_step_buffer_destroy(&step);
    }
    opened->close(opened);
    viz_events_close(input);
}

/* Every spike, membrane and score that is shown is the one that was recorded; returns how
 * many steps have all of a layer's spikes. */
static size_t check_shown(size_t layer)
{
    const VizSubject *const subject = source->subject;
    const VizWants wants = {.layer = 1, .picks = {{1, 77}}, .n_picks = 1};
    VizStepBuffer step;
    size_t n = 0;
    cr_assert_leq(subject->n_steps, (size_t)T);
    cr_assert_eq(viz_step_buffer_create(subject, &step), SIM_OK);
    for (size_t k = 0; k < subject->n_steps; k++) {
        make(k, &wants, &step);
        if (step.step.spikes[layer]) {
            for (uint64_t i = 0; i < NEURONS; i++)
                cr_assert_eq(viz_step_fired(&step.step, subject, layer, i),
                             fires(layer, k, i));
            n++;
        }
        if (!isnan(step.step.picked[0]))
            cr_expect_eq(step.step.picked[0], 77 + 0.5f * (float)k);
        if (step.step.scores)
            cr_expect_eq(step.step.scores[1], (float)(2 * k + 1));
    }
    viz_step_buffer_destroy(&step);
    return n;
}

/* Cut at many places: a sentence as long as nothing can be shown, then more and more. */
Test(source_recording, of_a_file_cut_off_the_front_is_shown)
{
    enum { CUTS = 96 };
    unsigned char *bytes;
    size_t shown = 0, some = 0;
    share = 10; /* more than one chunk of spikes */
    write_recording(true);
    const size_t n = read_file(&bytes);
    for (size_t i = 0; i < CUTS; i++) {
        write_file(bytes, n * i / CUTS);
        if (viz_source_recording_open(path, &source, &events) != SIM_OK) {
            cr_expect(strncmp(sim_message(), path, strlen(path)) == 0, "%s",
                      sim_message());
            cr_expect_eq(shown, 0u, "%zu of %u shows less than a shorter one", i, CUTS);
            continue;
        }
        shown++;
        const char *const note = source->subject->note;
        cr_expect_not_null(strstr(note, "cut short"), "%s", note);
        const size_t fired[2] = {check_shown(0), check_shown(1)};
        some += (fired[0] > 0 && fired[0] < T) || (fired[1] > 0 && fired[1] < T);
        source->close(source);
        viz_events_close(events);
        source = NULL;
        events = NULL;
    }
    cr_expect_gt(shown, (size_t)CUTS / 4);
    cr_expect_gt(some, 2u);
    free(bytes);
}

/* A program killed while it recorded leaves what it had written a second ago. */
Test(source_recording, a_recording_never_finished_is_shown_as_far_as_it_goes)
{
    char command[300];
    pid_t child = fork();
    if (child == 0) {
        stop_after = 5;
        write_recording(true);
        _exit(1); /* unreachable */
    }
    int state;
    cr_assert_eq(waitpid(child, &state, 0), child);
    cr_assert(WIFSIGNALED(state));
    snprintf(command, sizeof command, "mv '%s'.*.tmp '%s'", path, path);
    cr_assert_eq(system(command), 0);
    cr_assert_eq(viz_source_recording_open(path, &source, &events), SIM_OK, "%s",
                 sim_message());
    cr_expect_not_null(strstr(source->subject->note, "5 of 12 steps"), "%s",
                       source->subject->note);
    cr_expect_eq(source->subject->n_steps, 5u);
    cr_expect_eq(source->subject->n_layers, 2u);
    cr_expect_eq(check_shown(0), 5u);
    cr_expect_eq(check_shown(1), 5u);
}

/* Numbers of the data turned over: what the file is made of stays whole. */
Test(source_recording, damaged_data_never_crash)
{
    enum { CHUNKS = 80 << 10 }; /* before them: what describes the arrays, texts */
    unsigned char *bytes;
    share = 10;
    write_recording(true);
    const size_t n = read_file(&bytes);
    cr_assert_gt(n, CHUNKS + 1024u);
    const SimRng rng = {.seed = 11};
    for (size_t round = 0; round < 60; round++) {
        unsigned char *const copy = malloc(n);
        cr_assert_not_null(copy);
        memcpy(copy, bytes, n);
        for (size_t i = 0; i < 8; i++)
            copy[CHUNKS + sim_rng_u64(rng, 100 * round + i) % (n - CHUNKS)] ^=
                (unsigned char)(1 + sim_rng_u64(rng, 7777 + 100 * round + i) % 255);
        write_file(copy, n);
        try_it();
        free(copy);
    }
    free(bytes);
}

Test(source_recording, other_files_are_refused)
{
    write_file((const unsigned char *)"not a recording", 15);
    cr_expect_neq(viz_source_recording_open(path, &source, &events), SIM_OK);
    SimStore *store = NULL;
    const size_t one = 1;
    const float value = 1;
    cr_assert_eq(sim_store_create(path, &store), SIM_OK);
    cr_assert_eq(sim_store_write(store, "net/weight", SIM_F32, 1, &one, &value), SIM_OK);
    cr_assert_eq(sim_store_commit(store), SIM_OK);
    sim_store_close(store);
    cr_expect_neq(viz_source_recording_open(path, &source, &events), SIM_OK);
    cr_expect_not_null(strstr(sim_message(), "recording"), "%s", sim_message());
}

/* Spikes out of order, neurons that are not there, steps that are none. */
Test(source_recording, nonsense_inside_leaves_a_layer_out)
{
    static const double times[3][3] = {{0, 2.5, 5}, {5, 2.5, 0}, {0, 1e9, 5}};
    static const uint64_t nodes[3] = {1, 2, 99};
    static const char *const names[3] = {"good", "backward", "late"};
    SimStore *store = NULL;
    const size_t three = 3;
    cr_assert_eq(sim_store_create(path, &store), SIM_OK);
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "spikes/%s/timestamps", names[i]);
        sim_store_write(store, name, SIM_F64, 1, &three, times[i]);
        snprintf(name, sizeof name, "spikes/%s/node_ids", names[i]);
        sim_store_write(store, name, SIM_U64, 1, &three, nodes);
        snprintf(name, sizeof name, "spikes/%s", names[i]);
        sim_store_write_number(store, name, "height", 2);
        sim_store_write_number(store, name, "width", 5);
        sim_store_write_number(store, name, "channels", 1);
    }
    sim_store_write_number(store, "", "steps", 4);
    sim_store_write_number(store, "", "step_ms", 2.5);
    sim_store_write_text(store, "", "created_by", "apical");
    sim_store_write_text(store, "", "version", "9.9");
    cr_assert_eq(sim_store_commit(store), SIM_OK);
    sim_store_close(store);
    cr_assert_eq(viz_source_recording_open(path, &source, &events), SIM_OK, "%s",
                 sim_message());
    const VizSubject *const subject = source->subject;
    cr_expect_not_null(strstr(subject->note, "version 9.9"), "%s", subject->note);
    cr_expect_not_null(strstr(subject->note, "backward"), "%s", subject->note);
    VizStepBuffer step;
    cr_assert_eq(viz_step_buffer_create(subject, &step), SIM_OK);
    const size_t good = (size_t)viz_subject_find(subject, "good");
    make(0, &nothing, &step);
    cr_expect(viz_step_fired(&step.step, subject, good, 1));
    make(2, &nothing, &step); /* neuron 99 of 10 */
    cr_expect_null(step.step.spikes[good]);
    cr_expect_not(subject->layers[viz_subject_find(subject, "late")].has_spikes);
    viz_step_buffer_destroy(&step);
}
