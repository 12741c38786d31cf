/* Every task runs once, on a thread of the team, whatever the team. */
#include <stdatomic.h>

#include <criterion/criterion.h>

#include "sim/team.h"

enum { N_TASKS = 37 };

typedef struct Tally {
    atomic_int runs[N_TASKS];
    atomic_size_t highest_thread;
} Tally;

static void count(void *argument, size_t index, size_t thread)
{
    Tally *tally = argument;
    tally->runs[index]++;
    size_t highest = tally->highest_thread;
    while (thread > highest &&
           !atomic_compare_exchange_weak(&tally->highest_thread, &highest, thread))
        ;
}

Test(team, each_task_once)
{
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        const SimTeam team = sim_team_create(n_threads);
        for (size_t n_tasks = 0; n_tasks <= N_TASKS; n_tasks += N_TASKS) {
            Tally tally = {0};
            sim_team_run(&team, n_tasks, count, &tally);
            for (size_t i = 0; i < N_TASKS; i++)
                cr_expect(tally.runs[i] == (i < n_tasks), "task %zu", i);
            cr_expect(tally.highest_thread < (size_t)team.n_threads);
        }
    }
}

/* The first task ends when all others have: its thread's share goes to other threads. */
static void wait_for_others(void *argument, size_t index, size_t thread)
{
    (void)thread;
    atomic_size_t *done = argument;
    if (index > 0)
        ++*done;
    while (index == 0 && *done < N_TASKS - 1)
        ;
}

Test(team, takes_over_from_who_is_slow, .timeout = 60)
{
    const SimTeam team = sim_team_create(2);
    if (team.n_threads < 2)
        cr_skip_test("built without threads");
    atomic_size_t done = 0;
    sim_team_run(&team, N_TASKS, wait_for_others, &done);
    cr_expect(done == N_TASKS - 1);
}

Test(team, at_least_one_thread)
{
    cr_expect(sim_team_create(0).n_threads >= 1);
}
