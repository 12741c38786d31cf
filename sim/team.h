/* sim/team.h: threads, in one place.
 *
 * Work is cut by output into tasks whose number does not depend on the thread count, each
 * written by one thread only; what must be summed is summed per task and combined in task
 * order. So results are the same to the bit whatever the team. Never nested. */
#pragma once

#include <stddef.h>

typedef struct SimTeam {
    int n_threads; /* >= 1 */
} SimTeam;

/* 0 threads: as many as this process may use. */
SimTeam sim_team_create(int n_threads);

/* Calls task(argument, index, thread) for index 0..n_tasks-1, thread 0..n_threads-1.
 * Each thread begins with a share of consecutive indices and goes through it in order;
 * then it takes what others have not come to. */
typedef void SimTask(void *argument, size_t index, size_t thread);
void sim_team_run(const SimTeam *team, size_t n_tasks, SimTask *task, void *argument);
