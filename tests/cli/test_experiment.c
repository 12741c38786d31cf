/* Experiments: what they set, what they refuse and where, and that their text reads back
 * to the same. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/experiment.h"

static SimStatus parse(const char *text, CliExperiment *out)
{
    return cli_experiment_parse("e.yaml", text, NULL, 0, out);
}

Test(experiment, sets_what_it_names)
{
    CliExperiment e = {0};
    cr_assert_eq(parse("# a comment\n"
                       "data:\n"
                       "  path: 'some/where: else'\n"
                       "  size: 48\n"
                       "model: {name: sresnet, n: 2, filters: 8}\n"
                       "neuron: {threshold: 0.75, soma: plif}\n"
                       "train:\n"
                       "  loss: tet\n"
                       "  lr: 1e-3   # the optimiser's\n"
                       "  epochs: 7\n",
                       &e),
                 SIM_OK, "%s", sim_message());
    cr_expect_str_eq(e.data.path, "some/where: else");
    cr_expect_eq(e.data.size, 48);
    cr_expect_str_eq(e.model->name, "sresnet");
    cr_expect_str_eq(e.neuron.soma->name, "plif");
    cr_expect_eq(e.optimiser.lr, 1e-3);
    cr_expect_eq(e.train.epochs, 7);
    cr_expect_str_eq(net_losses[e.loss.kind]->name, "tet");
    bool found = false;
    for (size_t i = 0; i < e.neuron.soma->n_params; i++)
        if (strcmp(e.neuron.soma->params[i].name, "threshold") == 0) {
            found = true;
            cr_expect_eq(e.neuron.soma_values[i], 0.75);
        }
    cr_expect(found);
    cli_experiment_destroy(&e);
}

/* The line, the wanted and the nearest, in one sentence. */
typedef struct Wrong {
    char text[160], parts[3][48];
} Wrong;

ParameterizedTestParameters(experiment, refuses)
{
    static Wrong cases[] = {
        {"data:\n  szie: 48\nmodel: {name: vgg}\n", {"line 2", "szie", "size"}},
        {"dta:\n  size: 48\n", {"line 1", "dta", "data"}},
        {"model: {name: sresnt}\n", {"line 1", "sresnt", "sresnet"}},
        {"data: {size: 48}\n", {"e.yaml", "no model", ""}},
        {"model: {name: vgg}\ntrain:\n\n  epochs: many\n", {"line 4", "epochs", "many"}},
        {"model: {name: vgg}\ntrain:\n  epochs: 0\n", {"line 3", "from 1 to", "got 0"}},
        {"model: {name: vgg}\ntrain:\n  lr: .nan\n", {"line 3", "a number", ".nan"}},
        {"model: {name: vgg}\ntrain: {loss: teet}\n", {"line 2", "teet", "tet"}},
        {"model: {name: vgg}\ntrain: {epoch: 3}\n", {"line 2", "epoch", "epochs"}},
        {"model: {name: vgg}\nneuron: {soma: lfi}\n", {"line 2", "lfi", "lif"}},
        {"model: {name: vgg}\nneuron: {treshold: 2}\n",
         {"line 2", "treshold", "threshold"}},
        {"model: {name: vgg}\nneuron: {threshold: x}\n", {"line 2", "threshold", "x"}},
        {"model: {name: sresnet, filter: 2}\n", {"line 1", "filter", "filters"}},
        {"model: {name: vgg}\ndata:\n  size: 1\n  size: 2\n", {"line 4", "line 3", ""}},
        {"model: {name: vgg}\ndata: {}\ndata: {}\n", {"line 3", "data", "twice"}},
        {"model: {name: vgg}\ndata:\n  size: [1, 2]\n", {"line 3", "one value", ""}},
        {"model: {name: vgg}\ndata: 5\n", {"line 2", "data", "key: value"}},
        {"- model\n", {"line 1", "sections", ""}},
        {"model: {name: vgg\n", {"line", "e.yaml", ""}},
        {"model:\n\tname: vgg\n", {"line 2", "e.yaml", ""}},
        {"model: {name: vgg}\n---\nmodel: {name: vgg}\n", {"line", "second", ""}},
        {"a: &a [x, x]\nb: &b [*a, *a]\n", {"line 1", "unknown section", ""}},
        {"model: {name: &n vgg}\ndata: {path: *n}\n", {"line 2", "one value", ""}},
        {"model: {name: vgg}\ndata: *nothing\n", {"line 2", "", ""}},
        {"model: {name: vgg}\ndata: {path: \"a\\0b\"}\n", {"line 2", "one value", ""}},
        {"model: {name: vgg}\ndata: {path: \"a\\nb\"}\n", {"line 2", "one line", ""}},
        {"model: {name: vgg}\ndata: {path: \"\xff\"}\n", {"line", "UTF-8", ""}},
        {"", {"e.yaml", "no model", ""}},
    };
    return cr_make_param_array(Wrong, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(Wrong *w, experiment, refuses)
{
    CliExperiment e = {0};
    cr_assert_neq(parse(w->text, &e), SIM_OK, "%s was taken", w->text);
    for (size_t i = 0; i < 3; i++)
        cr_expect_not_null(strstr(sim_message(), w->parts[i]), "no \"%s\" in: %s",
                           w->parts[i], sim_message());
    cr_expect_null(strchr(sim_message(), '\n'), "%s", sim_message());
    cr_expect_null(e.model_options, "a failure touched the result");
}

Test(experiment, settings_of_the_command_line)
{
    static const char text[] = "model: {name: sresnet}\ntrain: {epochs: 3}\n";
    const char *const good[] = {"train.epochs=5",   "neuron.threshold=4",
                                "neuron.soma=plif", "data.path=a=b.c",
                                "train.epochs=6",   "model.n=3"};
    CliExperiment e = {0};
    cr_assert_eq(cli_experiment_parse("e.yaml", text, good, 6, &e), SIM_OK, "%s",
                 sim_message());
    cr_expect_eq(e.train.epochs, 6);
    cr_expect_str_eq(e.data.path, "a=b.c");
    cr_expect_str_eq(e.neuron.soma->name, "plif");
    cli_experiment_destroy(&e);

    static const char *const bad[][2] = {
        {"train.epchs=5", "epochs"},       {"epochs=5", "section.key=value"},
        {"train.epochs", "section"},       {"trian.epochs=5", "train"},
        {"train.epochs=", "epochs"},       {"data.path=\xc3", "UTF-8"},
        {"data.path=a\x1b[1m", "control"}, {"model.name=mrsesnet", "msresnet"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const one[] = {bad[i][0]};
        CliExperiment no = {0};
        cr_expect_neq(cli_experiment_parse("e.yaml", text, one, 1, &no), SIM_OK, "%s",
                      bad[i][0]);
        cr_expect_not_null(strstr(sim_message(), "--set"), "%s", sim_message());
        cr_expect_not_null(strstr(sim_message(), bad[i][1]), "no \"%s\" in: %s",
                           bad[i][1], sim_message());
    }
}

/* Each model: all settings as text, and back to the same text and the same numbers. */
Test(experiment, text_reads_back_to_the_same)
{
    for (size_t i = 0; net_models[i]; i++) {
        char text[512], *first = NULL, *second = NULL;
        CliExperiment a = {0}, b = {0};
        snprintf(text, sizeof text,
                 "model: {name: %s}\n"
                 "data: {path: 'a \"quoted\" \\ path: # \xc3\xa4', train_share: 0.3}\n"
                 "neuron: {soma: lif, threshold: 1.1, surrogate_alpha: 0.1}\n"
                 "train: {lr: 0.1234567890123456789, weight_decay: 1e-300, "
                 "schedule_at: '0.7,0.8', checkpoint_minutes: 0.1}\n",
                 net_models[i]->name);
        cr_assert_eq(parse(text, &a), SIM_OK, "%s", sim_message());
        cr_assert_eq(cli_experiment_text(&a, &first), SIM_OK);
        cr_assert_eq(parse(first, &b), SIM_OK, "%s in\n%s", sim_message(), first);
        cr_assert_eq(cli_experiment_text(&b, &second), SIM_OK);
        cr_expect_str_eq(first, second);
        cr_expect_str_eq(b.data.path, "a \"quoted\" \\ path: # \xc3\xa4");
        cr_expect_eq(a.optimiser.lr, b.optimiser.lr);
        cr_expect_eq(b.optimiser.weight_decay, 1e-300);
        cr_expect_eq(b.optimiser.lr, 0.1234567890123456789);
        for (size_t k = 0; k < a.neuron.soma->n_params; k++)
            cr_expect_eq(a.neuron.soma_values[k], b.neuron.soma_values[k]);
        cli_experiment_destroy(&a);
        cli_experiment_destroy(&b);
        free(first);
        free(second);
    }
}

static SimStatus read_bytes(const char *bytes, size_t n)
{
    char path[] = "/tmp/apical-experiment-XXXXXX";
    CliExperiment e = {0};
    const int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, n), (ssize_t)n);
    close(fd);
    const SimStatus status = cli_experiment_read(path, NULL, 0, &e);
    unlink(path);
    cli_experiment_destroy(&e);
    return status;
}

Test(experiment, files_that_are_none, .timeout = 10)
{
    enum { LARGE = 1 << 21, DEEP = 200000 };
    CliExperiment e = {0};
    char *const bytes = malloc(LARGE);
    cr_expect_eq(cli_experiment_read("/nowhere/e.yaml", NULL, 0, &e), SIM_ERR_IO);
    cr_expect_not_null(strstr(sim_message(), "/nowhere/e.yaml"));
    cr_expect_eq(cli_experiment_read("/tmp", NULL, 0, &e), SIM_ERR_IO);
    memset(bytes, '#', LARGE);
    cr_expect_eq(read_bytes(bytes, LARGE), SIM_ERR_FORMAT);
    cr_expect_eq(read_bytes("model: {name: vgg}\n\0x", 21), SIM_ERR_FORMAT);
    memset(bytes, '[', DEEP);
    cr_expect_eq(read_bytes(bytes, DEEP), SIM_ERR_FORMAT);
    /* Many keys: refused before anything is done with each pair of them. */
    size_t n = (size_t)sprintf(bytes, "data:\n");
    for (int i = 0; i < 90000; i++)
        n += (size_t)sprintf(bytes + n, "  k%d: 1\n", i);
    cr_expect_eq(read_bytes(bytes, n < 1 << 20 ? n : 1 << 20), SIM_ERR_FORMAT, "%s",
                 sim_message());
    free(bytes);
}
