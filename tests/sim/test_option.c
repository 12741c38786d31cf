/* One row per setting: text in, field set, text out. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "sim/option.h"

typedef struct Settings {
    int64_t steps;
    double rate;
    bool reversed;
    int mode;
    char title[8];
} Settings;

static const char *const modes[] = {"first", "second", NULL};
static const SimOption rows[] = {
    {"steps", SIM_OPTION_INT, offsetof(Settings, steps), .initial = 10, .low = 1,
     .high = 100},
    {"rate", SIM_OPTION_FLOAT, offsetof(Settings, rate), .initial = 0.25, .low = 0,
     .high = 1},
    {"reversed", SIM_OPTION_BOOL, offsetof(Settings, reversed), .initial = 1},
    {"mode", SIM_OPTION_CHOICE, offsetof(Settings, mode), .initial = 1, .choices = modes},
    {"title", SIM_OPTION_TEXT, offsetof(Settings, title),
     .size = sizeof(((Settings *)0)->title), .initial_text = "none"},
    {0},
};

static Settings initial(void)
{
    Settings settings;
    memset(&settings, 0xff, sizeof settings);
    sim_options_init(rows, &settings);
    return settings;
}

Test(option, initial_values)
{
    const Settings settings = initial();
    cr_expect(settings.steps == 10);
    cr_expect(settings.rate == 0.25);
    cr_expect(settings.reversed);
    cr_expect(settings.mode == 1);
    cr_expect_str_eq(settings.title, "none");
}

Test(option, text_sets_a_field)
{
    Settings settings = initial();
    cr_expect(sim_option_set(rows, &settings, "steps", "100") == SIM_OK);
    cr_expect(sim_option_set(rows, &settings, "rate", "1e-3") == SIM_OK);
    cr_expect(sim_option_set(rows, &settings, "reversed", "no") == SIM_OK);
    cr_expect(sim_option_set(rows, &settings, "mode", "first") == SIM_OK);
    cr_expect(sim_option_set(rows, &settings, "title", "1234567") == SIM_OK);
    cr_expect(settings.steps == 100 && settings.rate == 1e-3 && !settings.reversed &&
              settings.mode == 0);
    cr_expect_str_eq(settings.title, "1234567");
}

Test(option, wrong_text_changes_nothing_and_says_why)
{
    static const struct {
        const char *key, *value, *says;
    } cases[] = {
        {"step", "1", "\"steps\""},         {"unheard-of", "1", "steps, rate"},
        {"steps", "0", "from 1 to 100"},    {"steps", "101", "from 1 to 100"},
        {"steps", "1.5", "a whole number"}, {"steps", "", "a whole number"},
        {"rate", "nan", "a number"},        {"rate", "0.5x", "a number"},
        {"rate", "-0.1", "from 0 to 1"},    {"reversed", "maybe", "true or false"},
        {"mode", "secnd", "\"second\""},    {"mode", "?", "first, second"},
        {"title", "12345678", "7 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Settings settings = initial();
        const Settings before = settings;
        cr_expect(sim_option_set(rows, &settings, cases[i].key, cases[i].value) ==
                      SIM_ERR_VALUE,
                  "%s=%s", cases[i].key, cases[i].value);
        cr_expect(strstr(sim_message(), cases[i].says), "%s", sim_message());
        cr_expect(memcmp(&before, &settings, sizeof before) == 0);
    }
}

Test(option, printed_text_reads_back)
{
    static const double rates[] = {0.0, 1.0, 0.1, 1.0 / 3.0, 1e-300};
    char text[64];
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        Settings settings = initial(), back = initial();
        settings.rate = rates[i];
        for (const SimOption *row = rows; row->name; row++)
            cr_expect(sim_option_set(
                          rows, &back, row->name,
                          sim_option_print(row, &settings, text, sizeof text)) == SIM_OK,
                      "%s", sim_message());
        cr_expect(back.rate == rates[i]);
        cr_expect(back.steps == settings.steps && back.mode == settings.mode);
    }
    Settings settings = initial();
    settings.rate = 0.1;
    cr_expect_str_eq(
        sim_option_print(sim_option_find(rows, "rate"), &settings, text, sizeof text),
        "0.1");
}

Test(option, nearest_word)
{
    static const char *const list[] = {"train", "eval", "compare", NULL};
    cr_expect_str_eq(sim_nearest("trian", list), "train");
    cr_expect_str_eq(sim_nearest("compares", list), "compare");
    cr_expect(sim_nearest("zzzzzz", list) == NULL);
    static const char *const somas[] = {"li", "lif", "alif", NULL};
    cr_expect_str_eq(sim_nearest("lfi", somas), "lif");
    cr_expect_str_eq(sim_nearest("l", somas) ? sim_nearest("l", somas) : "none", "none");
}

Test(option, unknown_words)
{
    static const char *const list[] = {"train", "eval", NULL};
    sim_unknown("trian", list, "see there", "%s: no command is called", "here");
    cr_expect_str_eq(sim_message(),
                     "here: no command is called \"trian\": did you mean \"train\"?");
    sim_unknown("zzzzzz", list, "see there", "no command is called");
    cr_expect_str_eq(sim_message(), "no command is called \"zzzzzz\": see there");
    sim_unknown("zzzzzz", list, NULL, "no command is called");
    cr_expect_str_eq(sim_message(),
                     "no command is called \"zzzzzz\": wanted one of train, eval");
    sim_unknown("zzzzzz", list + 2, NULL, "no command is called");
    cr_expect_str_eq(sim_message(),
                     "no command is called \"zzzzzz\": there are none here");
    const char *many[200];
    for (size_t i = 0; i < 199; i++)
        many[i] = "a name of some length";
    many[199] = NULL;
    sim_unknown("zzzzzz", many, NULL, "none is called");
    const char *const end = strrchr(sim_message(), ',');
    cr_expect_str_eq(end, ", ...");
}
