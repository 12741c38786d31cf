/* Pictures: the numbers and the program are always there, the drawing where gnuplot is.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/picture.h"
#include "cli/plots.h"
#include "tests/support.h"

static const char *folder;

static void make_folder(void)
{
    folder = test_folder();
}

static bool has(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void draw_rates(bool *drawn)
{
    const CliPlotLayer layers[] = {{"it's_one", 0.1, 0.5, 0}, {"two", 0, 1, 0}};
    cr_assert_eq(cli_plot_rates(folder, "it's", layers, 2, drawn), SIM_OK, "%s",
                 sim_message());
}

TestSuite(plots, .init = make_folder, .fini = test_folder_remove);

Test(plots, without_gnuplot_the_files_stay)
{
    bool drawn = true;
    setenv("PATH", folder, 1);
    draw_rates(&drawn);
    setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    cr_assert_not(drawn);
    cr_assert(has("rates.tsv") && has("rates.gp"));
    cr_assert_not(has("rates.png"));
}

Test(plots, drawn_twice_over_from_the_kept_files)
{
    bool drawn = false;
    draw_rates(&drawn);
    if (!drawn)
        cr_skip_test("gnuplot is not installed");
    cr_assert(has("rates.png") && has("rates.svg"));
    char command[256];
    snprintf(command, sizeof command, "cd '%s' && rm rates.png && gnuplot rates.gp",
             folder);
    cr_assert_eq(system(command), 0);
    cr_assert(has("rates.png"));
}

Test(plots, every_kind_draws_with_little_data)
{
    const double on[2] = {3, 0};
    const CliPlotInput input = {on, NULL};
    const uint32_t step[1] = {1};
    const uint64_t neuron[1] = {7};
    const CliPlotSpikes layers[2] = {{"a", 9, 1, 0.05, step, neuron, 1},
                                     {"silent", 9, 0, 0, NULL, NULL, 0}};
    const CliPlotEpoch epochs[1] = {{1, 2.3, 0.1, (double)NAN, (double)NAN, (double)NAN,
                                     (double)NAN, 0.1, (double)NAN}};
    const char *const classes[2] = {"yes", "no"};
    const uint64_t counts[4] = {3, 1, 0, 0};
    const float scores[4] = {0.1f, 0.2f, 0.4f, 0.1f};
    bool drawn;
    cr_expect_eq(cli_plot_training(folder, "t", epochs, 1, &drawn), SIM_OK, "%s",
                 sim_message());
    cr_expect_eq(cli_plot_confusion(folder, "t", classes, 2, counts, &drawn), SIM_OK,
                 "%s", sim_message());
    cr_expect_eq(cli_plot_raster(folder, "t", 2, 0, &input, layers, 2, &drawn), SIM_OK,
                 "%s", sim_message());
    cr_expect_eq(cli_plot_scores(folder, "t", 2, 12.5, classes, 2, scores, 1, &drawn),
                 SIM_OK, "%s", sim_message());
    cr_expect(has("training.tsv") && has("confusion.tsv") && has("raster.tsv") &&
              has("scores.tsv"));
}

Test(plots, a_net_without_spikes_has_no_rates)
{
    bool drawn = false;
    cr_assert_eq(cli_plot_rates(folder, "none", NULL, 0, &drawn), SIM_OK);
    cr_assert_not(has("rates.tsv"));
}

Test(plots, a_folder_that_cannot_be_made_is_named)
{
    bool drawn;
    const CliPlotLayer layer = {"a", 0.1, 0, 0};
    cr_assert_eq(cli_plot_rates("/dev/null/plots", "t", &layer, 1, &drawn), SIM_ERR_IO);
    cr_assert_not_null(strstr(sim_message(), "/dev/null"));
}

Test(plots, a_complaint_of_gnuplot_is_an_error)
{
    CliPicture picture;
    bool drawn = false;
    cr_assert_eq(cli_picture_open(folder, "bad", 100, 100, &picture), SIM_OK);
    fputs("plot nothing_of_this_name\n", picture.program);
    const SimStatus status = cli_picture_draw(&picture, &drawn);
    if (status == SIM_OK && !drawn)
        cr_skip_test("gnuplot is not installed");
    cr_assert_eq(status, SIM_ERR_IO);
    cr_assert_not_null(strstr(sim_message(), "bad.gp"));
}
