/* The sentence a thread keeps about its last failure. */
#include <string.h>

#include <criterion/criterion.h>

#include "sim/status.h"

Test(status, keeps_the_last_sentence)
{
    cr_expect(sim_fail(SIM_ERR_SHAPE, "conv: wants %d channels", 64) == SIM_ERR_SHAPE);
    cr_expect_str_eq(sim_message(), "conv: wants 64 channels");
    cr_expect(sim_fail(SIM_ERR_VALUE, "again: %s", sim_message()) == SIM_ERR_VALUE);
    cr_expect_str_eq(sim_message(), "again: conv: wants 64 channels");
}

Test(status, within_puts_the_place_before)
{
    sim_fail(SIM_ERR_IO, "no such file");
    cr_expect(sim_fail_within(SIM_ERR_IO, "run %d", 3) == SIM_ERR_IO);
    cr_expect_str_eq(sim_message(), "run 3: no such file");
}

Test(status, long_sentences_are_cut_not_overrun)
{
    char longest[3000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    sim_fail(SIM_ERR_IO, "%s", longest);
    const size_t kept = strlen(sim_message());
    cr_expect(kept > 500 && kept < sizeof longest);
    sim_fail_within(SIM_ERR_IO, "%s", longest);
    cr_expect(strlen(sim_message()) == kept);
}

Test(status, every_code_has_its_own_text)
{
#define X(code, text) cr_expect_str_eq(sim_status_text(code), text);
    SIM_STATUS_LIST(X)
#undef X
    cr_expect_str_eq(sim_status_text((SimStatus)-1), "unknown status");
}

static SimStatus fails_when(int wanted, int *out)
{
    SimStatus status = SIM_OK;
    int value = 1;
    SIM_TRY(wanted ? sim_fail(SIM_ERR_VALUE, "wanted") : SIM_OK);
    value = 2;
    *out = value;
out:
    return status;
}

Test(status, a_failure_leaves_results_alone)
{
    int result = 0;
    cr_expect(fails_when(1, &result) == SIM_ERR_VALUE);
    cr_expect(result == 0);
    cr_expect(fails_when(0, &result) == SIM_OK);
    cr_expect(result == 2);
}
