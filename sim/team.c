/* sim/team.c: the only file with OpenMP regions. */
#include "sim/team.h"

#include <sched.h>
#include <stdatomic.h>

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

#ifdef _OPENMP
/* Tasks side by side that one thread begins with. */
typedef struct Share {
    _Alignas(64) atomic_size_t next; /* to each its line of the cache */
    size_t end;
} Share;

enum { MAX_SHARES = 64 };
#endif

/* Cores are rarely equally fast, be it for another program: who is through with its share
 * helps with those of others. */
void sim_team_run(const SimTeam *team, size_t n_tasks, SimTask *task, void *argument)
{
#ifdef _OPENMP
    if (team->n_threads > 1 && n_tasks > 1) {
        const size_t n_threads = (size_t)team->n_threads;
        const size_t n = n_threads < MAX_SHARES ? n_threads : MAX_SHARES;
        Share shares[MAX_SHARES];
        for (size_t k = 0; k < n; k++) {
            atomic_init(&shares[k].next, n_tasks * k / n);
            shares[k].end = n_tasks * (k + 1) / n;
        }
#pragma omp parallel num_threads(team->n_threads)
        {
            const size_t thread = (size_t)omp_get_thread_num();
            for (size_t k = 0; k < n; k++) {
                Share *const share = &shares[(thread + k) % n];
                for (size_t i; (i = atomic_fetch_add(&share->next, 1)) < share->end;)
                    task(argument, i, thread);
            }
        }
        return;
    }
#endif
    (void)team;
    for (size_t i = 0; i < n_tasks; i++)
        task(argument, i, 0);
}
