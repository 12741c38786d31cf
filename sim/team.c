/* sim/team.c: the only file with OpenMP regions. */
#include "sim/team.h"

#include <sched.h>

#ifdef _OPENMP
#include <omp.h>
#endif

SimTeam sim_team_create(int n_threads)
{
#ifdef _OPENMP
    if (n_threads <= 0) {
        cpu_set_t set;
        n_threads = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                                : omp_get_num_procs();
    }
    omp_set_dynamic(0);
    omp_set_num_threads(n_threads); /* what oneDNN's own regions on this thread use */
    return (SimTeam){.n_threads = n_threads};
#else
    (void)n_threads;
    return (SimTeam){.n_threads = 1};
#endif
}

void sim_team_run(const SimTeam *team, size_t n_tasks, SimTask *task, void *argument)
{
#ifdef _OPENMP
    if (team->n_threads > 1 && n_tasks > 1) {
#pragma omp parallel for schedule(static) num_threads(team->n_threads)
        for (size_t i = 0; i < n_tasks; i++)
            task(argument, i, (size_t)omp_get_thread_num());
        return;
    }
#endif
    (void)team;
    for (size_t i = 0; i < n_tasks; i++)
        task(argument, i, 0);
}
