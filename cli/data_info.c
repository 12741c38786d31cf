/* cli/data_info.c: "apical data info": what is in a file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/data_internal.h"
#include "cli/human.h"
#include "cli/inspect.h"

typedef struct Arguments {
    int axes;
    char **files; /* borrowed */
    int n_files;
} Arguments;

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    switch (key) {
    case 'a':
        arguments->axes = cli_axes_parse(text, state);
        return 0;
    case ARGP_KEY_ARGS:
        arguments->files = state->argv + state->next;
        arguments->n_files = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "wanted at least one file");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void print_time(const DataEventStats *events)
{
    const double span_s = (double)(events->max_us - events->min_us) * 1e-6;
    CliHuman a, b, c;
    printf("  time          %.6f s to %.6f s, lasting %s\n",
           (double)events->first_us * 1e-6, (double)events->last_us * 1e-6,
           cli_human_seconds(a, span_s));
    printf("  time base     the file's own clock, in microseconds; ");
    if (events->min_us == 0)
        puts("it starts at zero");
    else
        printf("it starts at %.6f s,\n%16sframes begin at the first event\n",
               (double)events->min_us * 1e-6, "");
    if (span_s > 0)
        printf("  rate          mean %s events/s, peak %s events/s (busiest %s)\n",
               cli_human_count(a, events->rate_hz),
               cli_human_count(b, events->peak_rate_hz),
               cli_human_seconds(c, DATA_PEAK_WINDOW_US * 1e-6));
}

static void print_events(const CliInspection *found)
{
    const DataHealth *const health = &found->health;
    const DataEventStats *const events = &found->events;
    const size_t pixels = found->info.width * found->info.height;
    const uint64_t active = pixels - events->silent_pixels;
    const double n = (double)events->events;
    CliHuman a, b;
    printf("  sensor        %zu x %zu pixels\n", found->info.width, found->info.height);
    if (events->events == 0) {
        puts("  events        none");
    } else {
        printf("  events        %s, %.1f %% ON and %.1f %% OFF\n",
               cli_human_digits(a, events->events), 100 * (double)events->on / n,
               100 - 100 * (double)events->on / n);
        print_time(events);
        printf("  pixels        %s of %s sent events (%.1f %%)\n",
               cli_human_digits(a, active), cli_human_digits(b, pixels),
               100 * (double)active / (double)pixels);
        printf("  busiest       x %zu, y %zu: %s events, %.3g times the mean of the "
               "active pixels\n",
               events->busiest_x, events->busiest_y,
               cli_human_digits(a, events->busiest_events),
               (double)events->busiest_events * (double)active / n);
    }
    if (events->events > 0 && events->backward == 0)
        puts("  order         times never step back");
    else if (events->events > 0)
        printf("  order         %s times are smaller than the one before, by up to %s\n",
               cli_human_digits(a, events->backward),
               cli_human_seconds(b, (double)events->largest_backward_us * 1e-6));
    if (health->out_of_range + health->special + health->bytes_left == 0) {
        puts("  left out      nothing");
        return;
    }
    printf("  left out      %s events outside the sensor, ",
           cli_human_digits(a, health->out_of_range));
    printf("%s that are no pixel events, %s bytes at the end\n",
           cli_human_digits(a, health->special), cli_human_digits(b, health->bytes_left));
}

static void print_images(const CliInspection *found)
{
    CliHuman text;
    printf("  images        %s of %zu x %zu x %zu, mean value %.1f of 255\n",
           cli_human_digits(text, found->info.n_images), found->info.width,
           found->info.height, found->info.channels, found->mean);
    if (!found->info.has_labels) {
        puts("  labels        none in this file");
        return;
    }
    printf("  labels        ");
    size_t shown = 0;
    for (size_t label = 0; label < CLI_INSPECT_LABELS; label++)
        if (found->labels[label] > 0) {
            printf("%s%zu: %" PRIu64,
                   shown % 8 ? ", "
                   : shown   ? ",\n                "
                             : "",
                   label, found->labels[label]);
            shown++;
        }
    putchar('\n');
}

static int run(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"axes", 'a', "NAME", 0,
         "orientation of AEDAT 2.0 files, which state none: jaer (as the camera saw it, "
         "default) or spikingjelly (as CIFAR10-DVS is used for training)",
         0},
        {0}};
    static const struct argp argp = {
        options,
        parse,
        "FILE...",
        "Reads each file to its end and prints what it holds. The format is told by the "
        "content, never by the name.",
        NULL,
        NULL,
        NULL};
    Arguments arguments = {.axes = DATA_AXES_JAER};
    cli_parse(&argp, argc, argv, &arguments);

    int code = CLI_OK;
    for (int i = 0; i < arguments.n_files; i++) {
        const char *const path = arguments.files[i];
        CliInspection found;
        if (cli_is_folder(path)) {
            fprintf(stderr,
                    "%s: %s is a folder, wanted was a file; \"apical data list %s\" says "
                    "what is in it\n",
                    argv[0], path, path);
            code = CLI_FAILED;
            continue;
        }
        if (cli_inspect(path, (DataAxes)arguments.axes, &found) != SIM_OK) {
            code = cli_failed(argv[0]);
            continue;
        }
        CliHuman text;
        printf("%s%s\n", i > 0 ? "\n" : "", path);
        printf("  format        %s: %s\n", found.info.format, found.summary);
        printf("  size          %s\n", cli_human_bytes(text, (double)found.bytes));
        if (found.info.detail[0])
            printf("  header        %s\n", found.info.detail);
        if (found.info.kind == DATA_EVENTS)
            print_events(&found);
        else
            print_images(&found);
    }
    return code;
}

const CliCommand cli_data_info = {
    .name = "info",
    .arguments = "FILE...",
    .summary = "what is in a file: format, sensor, events, times, rates",
    .run = run,
};
