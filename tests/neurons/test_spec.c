/* The description of a neuron from text and back. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "neurons/neuron.h"

static void set(NeuronSpec *spec, const char *key, const char *value)
{
    cr_assert_eq(neuron_spec_set(spec, key, value), SIM_OK, "%s: %s", key, sim_message());
}

static void refused(NeuronSpec *spec, const char *key, const char *value,
                    const char *says)
{
    const NeuronSpec before = *spec;
    cr_expect_neq(neuron_spec_set(spec, key, value), SIM_OK, "%s: %s", key, value);
    cr_expect(strstr(sim_message(), says), "%s: %s: %s", key, value, sim_message());
    cr_expect_eq(memcmp(&before, spec, sizeof before), 0, "%s: changed by a failure",
                 key);
}

Test(spec, default_is_spikingjellys_with_detached_reset)
{
    const NeuronSpec spec = neuron_spec_default();
    cr_expect_str_eq(spec.soma->name, "lif");
    cr_expect_str_eq(spec.dendrite->name, "identity");
    cr_expect_str_eq(spec.surrogate->name, "atan");
    cr_expect_float_eq(spec.surrogate_alpha, 2.0, 0.0);
    cr_expect(spec.reset == NEURON_RESET_HARD && !spec.reset_next_step && !spec.strict &&
              spec.detach_reset);
    cr_expect_eq(neuron_spec_check(&spec), SIM_OK);
}

static void set_again(void *argument, const char *key, const char *value)
{
    set(argument, key, value);
}

Test(spec, printed_and_read_back)
{
    for (const NeuronSoma *const *soma = neuron_somas; *soma; soma++) {
        NeuronSpec spec = neuron_spec_default(), again = neuron_spec_default();
        neuron_spec_set_soma(&spec, *soma);
        for (size_t i = 0; i < (*soma)->n_params; i++)
            spec.soma_values[i] = ((*soma)->params[i].high - 1e-3) / 7.0;
        set(&spec, "surrogate", "gaussian");
        set(&spec, "surrogate_alpha", "0.1");
        set(&spec, "surrogate_scale", "0.3");
        set(&spec, "reset", "soft");
        set(&spec, "reset_time", "next");
        set(&spec, "fires", "above");
        set(&spec, "detach_reset", "false");
        set(&spec, "sharing", "channel");
        neuron_spec_print(&spec, set_again, &again);
        cr_expect_eq(memcmp(&spec, &again, sizeof spec), 0, "%s", (*soma)->name);
    }
}

/* Functions of more than one unit are words, too, with their options behind a colon. */
Test(spec, a_layer_in_the_place_of_a_dendrite)
{
    NeuronSpec spec = neuron_spec_default(), again = neuron_spec_default();
    char text[256];
    for (size_t i = 0; neuron_layer_words[i]; i++) {
        set(&spec, "dendrite", neuron_layer_words[i]);
        neuron_spec_dendrite_text(&spec, text, sizeof text);
        cr_expect_str_eq(text, neuron_layer_words[i]);
        cr_expect_str_eq(spec.dendrite->name, "identity");
    }
    set(&spec, "dendrite", "dynamic_relu:kind=c:reduction=8");
    set(&spec, "wiring", "random");
    neuron_spec_print(&spec, set_again, &again);
    cr_expect_eq(memcmp(&spec, &again, sizeof spec), 0);
    set(&spec, "dendrite", "relu+ada");
    cr_expect_str_eq(spec.layer, "");
    set(&spec, "dendrite", "mean_relu");
    set(&spec, "dendrite", "relu");
    cr_expect_str_eq(spec.layer, "");
    refused(&spec, "dendrite", "graph_relu", "adjacency");
    refused(&spec, "dendrite", "dynamic_rel", "did you mean \"dynamic_relu\"");
    refused(&spec, "dendrite", "dynamic_relu+ada", "dynamic_relu");
    refused(&spec, "wiring", "rand", "random");
}

Test(spec, tau_means_what_the_soma_makes_of_it)
{
    NeuronSpec spec = neuron_spec_default();
    set(&spec, "tau", "4");
    cr_expect_float_eq(spec.soma_values[0], 0.75, 1e-15);
    cr_expect_float_eq(spec.soma_values[1], 0.25, 1e-15);
    set(&spec, "soma", "plif");
    set(&spec, "tau", "4");
    cr_expect_float_eq(spec.soma_values[0], -log(3.0), 1e-15);
    refused(&spec, "tau", "1", "tau");
    set(&spec, "soma", "if");
    refused(&spec, "tau", "4", "tau");
}

Test(spec, refusals_say_what_is_wanted)
{
    NeuronSpec spec = neuron_spec_default();
    refused(&spec, "soma", "liff", "did you mean \"lif\"");
    refused(&spec, "surrogate", "attan", "did you mean \"atan\"");
    refused(&spec, "dendrite", "identify", "did you mean \"identity\"");
    refused(&spec, "treshold", "1", "did you mean \"threshold\"");
    refused(&spec, "reset", "harder", "hard");
    refused(&spec, "fires", "below", "above");
    refused(&spec, "decay", "1.5", "from 0 to 1");
    refused(&spec, "decay", "half", "number");
    refused(&spec, "threshold", "nan", "number");
    refused(&spec, "surrogate_alpha", "0", "surrogate_alpha");
}

Test(spec, what_does_not_combine)
{
    NeuronSpec spec = neuron_spec_default();
    set(&spec, "v_reset", "2");
    cr_expect_eq(neuron_spec_check(&spec), SIM_ERR_VALUE);
    cr_expect(strstr(sim_message(), "threshold"), "%s", sim_message());
    set(&spec, "v_reset", "-1");
    cr_expect_eq(neuron_spec_check(&spec), SIM_OK);
    set(&spec, "reset", "soft");
    cr_expect_eq(neuron_spec_check(&spec), SIM_ERR_VALUE);
    cr_expect(strstr(sim_message(), "soft"), "%s", sim_message());
    spec = neuron_spec_default();
    spec.soma_values[0] = 2.0; /* set past neuron_spec_set */
    cr_expect_eq(neuron_spec_check(&spec), SIM_ERR_VALUE);
    cr_expect(strstr(sim_message(), "decay"), "%s", sim_message());
}
